/** A folder with an image to mirror, and the name of a copy that is not there yet. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pattern } from './drivers.ts';
import { withFolder } from './temporary.ts';

export interface Place {
  readonly folder: string;
  readonly source: string;
  readonly target: string;
}

/** @param size Of the source, in bytes. */
export function withSource(size: number, body: (place: Place) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const source = join(folder, 'disk.img');
    await writeFile(source, pattern(size));
    await body({ folder, source, target: join(folder, 'copy.img') });
  });
}
