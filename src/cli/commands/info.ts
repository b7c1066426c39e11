/** `info`: what an image is. */

import { BlockError } from '../../base/errors.ts';
import { formatSize } from '../../base/units.ts';
import { parseImageName } from '../../machine/image-name.ts';
import { parseArguments } from '../arguments.ts';
import type { Command, CommandIo, ExitCode } from '../command.ts';
import { withImage } from '../images.ts';
import { counted, printable } from '../words.ts';

export const info: Command = {
  name: 'info',
  summary: 'Tell what an image is and whether it is in use',
  usage: `Usage: mirrordisk info IMAGE [--json]

Tells the size of a raw image or block device, the storage it takes, and whether
another process of mirrordisk has it open for writing; of an NBD export, given
by its URI, the size.

Options:
  --json   One JSON object, with the names of "qemu-img info --output=json"

Exit codes: 0 told, 2 there is no such image.`,

  async run(args, io) {
    const options = { json: { type: 'boolean', default: false } } as const;
    const parsed = parseArguments(args, { options, expected: 'an image', count: 1 });
    const [name = ''] = parsed.positionals;
    const image = parseImageName(name);
    if (image.kind === 'file') return tellFile(image.path, parsed.values, io);
    return withImage<ExitCode>(io.env, name, async ({ size }) => {
      tell({ name, kind: image.kind === 'nbd' ? 'NBD export' : 'disk', size }, parsed.values, io);
      return 0;
    });
  },
};

/** What is told of an image; of a file more is known than of others. */
interface Facts {
  readonly name: string;
  readonly kind: string;
  readonly size: number;
  readonly allocated?: number;
  readonly inUse?: boolean;
}

interface Style {
  readonly json: boolean;
}

async function tellFile(path: string, style: Style, io: CommandIo): Promise<ExitCode> {
  const action = `look at "${path}"`;
  const status = await io.env.files.status(path);
  if (!status) throw new BlockError('ENOENT', action, 'there is no such file');
  if (status.kind === 'directory') throw new BlockError('EISDIR', action, 'it is a directory');
  if (status.kind === 'other') {
    throw new BlockError('EINVAL', action, 'it is neither a regular file nor a block device');
  }
  const lock = await io.env.files.lock(status);
  await lock?.release();
  const { size, allocated } = status;
  const kind = status.kind === 'block' ? 'block device' : 'raw file';
  tell({ name: path, kind, size, allocated, inUse: lock === undefined }, style, io);
  return 0;
}

function tell({ name, kind, size, allocated, inUse }: Facts, { json }: Style, io: CommandIo): void {
  if (json) {
    const facts = { 'virtual-size': size, 'actual-size': allocated, 'in-use': inUse };
    io.out(JSON.stringify({ filename: name, format: 'raw', ...facts }));
    return;
  }
  io.out(`image: ${printable(name)}`);
  io.out(`kind: ${kind}`);
  io.out(`size: ${formatSize(size)} (${counted(size, 'byte')})`);
  if (allocated !== undefined) io.out(`storage: ${formatSize(allocated)}`);
  if (inUse === undefined) return;
  io.out(`in use: ${inUse ? 'yes, open for writing by another process' : 'no'}`);
}
