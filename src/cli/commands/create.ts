/** `create`: a new empty image. */

import { parseArgs } from 'node:util';
import { formatSize, parseSize } from '../../base/units.ts';
import { createSparse } from '../../machine/target-file.ts';
import { type Command, UsageError } from '../command.ts';

export const create: Command = {
  name: 'create',
  summary: 'Make an empty raw image',
  usage: `Usage: mirrordisk create PATH SIZE

Makes a raw image that reads as zeroes and takes no storage yet. A file that
exists is left alone. SIZE is in bytes, or as 64K, 512M, 10G, 1.5T.

Example:
  mirrordisk create disk.img 10G

Exit codes: 0 made, 2 it could not be made.`,

  async run(args, io) {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
    const [path, size, ...rest] = positionals;
    if (path === undefined || size === undefined || rest.length > 0) {
      throw new UsageError('Expected a path and a size');
    }
    const bytes = parseSize(size);
    await createSparse(io.env.files, path, bytes);
    io.out(`${path}: ${formatSize(bytes)} (${bytes} bytes), no storage used yet`);
    return 0;
  },
};
