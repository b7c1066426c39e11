/** `create`: a new empty image. */

import { BlockError } from '../../base/errors.ts';
import { formatSize, parseSize } from '../../base/units.ts';
import { createSparse } from '../../machine/target-file.ts';
import { parseArguments } from '../arguments.ts';
import { type Command, UsageError } from '../command.ts';
import { counted, printable } from '../words.ts';

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
    const expected = 'a path and a size';
    const { positionals } = parseArguments(args, { options: {}, expected, count: 2 });
    const [path = '', size = ''] = positionals;
    const bytes = readSize(size);
    if (await io.env.files.status(path)) {
      throw new BlockError('EEXIST', `create "${path}"`, 'there is such a file already');
    }
    await createSparse(io.env.files, path, bytes);
    io.out(
      `${printable(path)}: ${formatSize(bytes)} (${counted(bytes, 'byte')}), no storage used yet`,
    );
    return 0;
  },
};

function readSize(text: string): number {
  try {
    return parseSize(text);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}
