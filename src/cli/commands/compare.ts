/** `compare`: do two images read the same? */

import { differences } from '../../block/compare.ts';
import { parseArguments } from '../arguments.ts';
import type { Command, CommandIo, ExitCode } from '../command.ts';
import { comparing } from '../comparing.ts';
import { type TwoImages, withTwoImages } from '../images.ts';
import { counted } from '../words.ts';

/** How finely differences are told. */
const UNIT = 512;

const OPTIONS = {
  strict: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export const compare: Command = {
  name: 'compare',
  summary: 'Tell whether two raw images read the same',
  usage: `Usage: mirrordisk compare LEFT RIGHT [OPTIONS]

Compares every byte. When one image is longer, the rest of it must be zeroes.

Options:
  --strict   Images of different sizes are different
  --list     Tell every range that differs, not only the first; differences are
             told in sectors of 512 bytes
  --quiet    Tell nothing; the exit code is the answer
  --json     One JSON object a line: whether the images are identical, and where
             they differ

Exit codes: 0 they are the same, 1 they differ, 2 one could not be read.`,

  async run(args, io) {
    const parsed = parseArguments(args, { options: OPTIONS, expected: 'two images', count: 2 });
    const [left = '', right = ''] = parsed.positionals;
    return compareImages({ left, right }, parsed.values, io);
  },
};

interface Wishes {
  readonly strict: boolean;
  readonly list: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
}

function compareImages(
  images: TwoImages,
  { strict, list, quiet, json }: Wishes,
  io: CommandIo,
): Promise<ExitCode> {
  const tell = (text: string, facts: object) => {
    if (!quiet) io.out(json ? JSON.stringify(facts) : text);
  };
  return withTwoImages(io.env, images, async (left, right) => {
    const sizes = [left.size, right.size];
    const bytes = Math.max(left.size, right.size);
    let identical = true;
    if (strict && left.size !== right.size) {
      identical = false;
      const text = `The images have different sizes: ${sizes.join(' and ')} bytes`;
      tell(text, { identical, sizes });
      return 1;
    }
    const show = comparing(io);
    const onProgress = (done: number) => show(done, bytes);
    for await (const range of differences(left, right, { unit: UNIT, onProgress })) {
      identical = false;
      const { offset, length } = range;
      tell(`The images differ in ${counted(length, 'byte')} at ${offset}`, {
        identical,
        offset,
        length,
      });
      if (!list) break;
    }
    io.show([]);
    if (identical)
      tell(`The images are identical: ${counted(bytes, 'byte')}`, { identical, bytes });
    return identical ? 0 : 1;
  });
}
