/** `compare`: do two images read the same? */

import { parseArgs } from 'node:util';
import { formatSize } from '../../base/units.ts';
import { differences } from '../../block/compare.ts';
import { type Command, type CommandIo, type ExitCode, UsageError } from '../command.ts';
import { withTwoImages } from '../images.ts';

/** How finely differences are told. */
const UNIT = 512;

export const compare: Command = {
  name: 'compare',
  summary: 'Tell whether two raw images read the same',
  usage: `Usage: mirrordisk compare LEFT RIGHT [OPTIONS]

Compares every byte. When one image is longer, the rest of it must be zeroes.

Options:
  --strict   Images of different sizes are different
  --list     Tell every range that differs, in sectors of 512 bytes, not only the first
  --quiet    Tell nothing; the exit code is the answer
  --json     One JSON object a line, with "identical" and where the images differ

Exit codes: 0 they are the same, 1 they differ, 2 one could not be read.`,

  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        strict: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const [left, right, ...rest] = positionals;
    if (left === undefined || right === undefined || rest.length > 0) {
      throw new UsageError('Expected two images');
    }
    return compareImages([left, right], values, io);
  },
};

interface Wishes {
  readonly strict: boolean;
  readonly list: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
}

function compareImages(
  paths: readonly [string, string],
  { strict, list, quiet, json }: Wishes,
  io: CommandIo,
): Promise<ExitCode> {
  const tell = (text: string, facts: object) => {
    if (!quiet) io.out(json ? JSON.stringify(facts) : text);
  };
  const images = { left: paths[0], right: paths[1], driver: 'file' } as const;
  return withTwoImages(io.env, images, async (left, right) => {
    const sizes = [left.size, right.size];
    const bytes = Math.max(left.size, right.size);
    if (strict && left.size !== right.size) {
      tell(`The images have different sizes: ${sizes.join(' and ')} bytes`, {
        identical: false,
        sizes,
      });
      return 1;
    }
    const onProgress = (done: number) =>
      io.show(`compared ${formatSize(done)} of ${formatSize(bytes)}`);
    let identical = true;
    for await (const range of differences(left, right, { unit: UNIT, onProgress })) {
      identical = false;
      const { offset, length } = range;
      tell(`The images differ in ${length} bytes at ${offset}`, { identical, offset, length });
      if (!list) break;
    }
    io.show('');
    if (identical) tell(`The images are identical: ${bytes} bytes`, { identical, bytes });
    return identical ? 0 : 1;
  });
}
