/** `info`: what an image is. */

import { BlockError } from '../../base/errors.ts';
import { formatSize } from '../../base/units.ts';
import { parseArguments } from '../arguments.ts';
import type { Command } from '../command.ts';
import { counted, printable } from '../words.ts';

export const info: Command = {
  name: 'info',
  summary: 'Tell what a raw image is and whether it is in use',
  usage: `Usage: mirrordisk info PATH [--json]

Tells the size of a raw image or block device, the storage it takes, and whether
another process of mirrordisk has it open for writing.

Options:
  --json   One JSON object, with the names of "qemu-img info --output=json"

Exit codes: 0 told, 2 there is no such image.`,

  async run(args, io) {
    const options = { json: { type: 'boolean', default: false } } as const;
    const parsed = parseArguments(args, { options, expected: 'a path', count: 1 });
    const [path = ''] = parsed.positionals;
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
    const inUse = lock === undefined;
    if (parsed.values.json) {
      const facts = { 'virtual-size': size, 'actual-size': allocated, 'in-use': inUse };
      io.out(JSON.stringify({ filename: path, format: 'raw', ...facts }));
      return 0;
    }
    io.out(`image: ${printable(path)}`);
    io.out(`kind: ${status.kind === 'block' ? 'block device' : 'raw file'}`);
    io.out(`size: ${formatSize(size)} (${counted(size, 'byte')})`);
    io.out(`storage: ${formatSize(allocated)}`);
    io.out(`in use: ${inUse ? 'yes, open for writing by another process' : 'no'}`);
    return 0;
  },
};
