/** A disk that NBD clients can use for as long as a test needs it. */

import { join } from 'node:path';
import type { BlockdevOptions } from '../../src/block/options.ts';
import { type Disk, openDisk } from '../../src/index.ts';
import { withFolder } from './temporary.ts';

/** Serves a disk at a Unix socket while `body` runs. */
export function withServed(
  image: string | BlockdevOptions,
  body: (uri: string, disk: Disk) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    await using disk = await openDisk(image);
    const address = { type: 'unix', path: join(folder, 'nbd.sock') } as const;
    await using served = await disk.serve({ address });
    await body(served.uri, disk);
  });
}
