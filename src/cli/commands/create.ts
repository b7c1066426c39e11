/** `create`: a new empty image. */

import { BlockError } from '../../base/errors.ts';
import { formatSize, parseSize } from '../../base/units.ts';
import { extents } from '../../block/extents.ts';
import { parseImageName } from '../../machine/image-name.ts';
import { createSparse } from '../../machine/target-file.ts';
import { parseArguments } from '../arguments.ts';
import { type Command, type CommandIo, type ExitCode, UsageError } from '../command.ts';
import { withImage } from '../images.ts';
import { counted, printable } from '../words.ts';

export const create: Command = {
  name: 'create',
  summary: 'Make an empty raw image',
  usage: `Usage: mirrordisk create IMAGE SIZE

Makes a raw image that reads as zeroes and takes no storage yet. A file that
exists is left alone. SIZE is in bytes, or as 64K, 512M, 10G, 1.5T.

An NBD export, given by its URI, is made by its server; what is left to do is to
see that it has that size and reads as zeroes, as the server tells it.

Example:
  mirrordisk create disk.img 10G

Exit codes: 0 made, 2 it could not be made.`,

  async run(args, io) {
    const expected = 'an image and a size';
    const { positionals } = parseArguments(args, { options: {}, expected, count: 2 });
    const [name = '', size = ''] = positionals;
    const bytes = readSize(size);
    const image = parseImageName(name);
    if (image.kind !== 'file') return look(name, bytes, io);
    const { path } = image;
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

/** Sees that a disk that cannot be made here is as it should be. */
function look(name: string, size: number, io: CommandIo): Promise<ExitCode> {
  return withImage<ExitCode>(io.env, name, async (node) => {
    if (node.size !== size) {
      const reason = `it is there and has ${counted(node.size, 'byte')}`;
      throw new BlockError('EEXIST', `create "${name}" with ${counted(size, 'byte')}`, reason);
    }
    for await (const { zero } of extents(node, { offset: 0, length: size })) {
      if (!zero) throw new BlockError('EEXIST', `create "${name}"`, 'it may hold data');
    }
    io.out(`${printable(name)}: ${formatSize(size)} (${counted(size, 'byte')}), empty`);
    return 0;
  });
}

function readSize(text: string): number {
  try {
    return parseSize(text);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}
