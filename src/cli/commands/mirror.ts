/** `mirror`: copies an image while a guest works on it, and proves the result. */

import { parseArgs } from 'node:util';
import { parseSize } from '../../base/units.ts';
import type { GuestOptions } from '../../workload/guest-options.ts';
import { type Command, UsageError } from '../command.ts';
import { type MirrorPlan, runMirror } from '../mirror-run.ts';
import { withUnpacked } from '../unpack.ts';

const OPTIONS = {
  // biome-ignore lint/suspicious/noThenProperty: it is the name of an option
  then: { type: 'string' },
  replicate: { type: 'string' },
  sync: { type: 'string' },
  speed: { type: 'string' },
  granularity: { type: 'string' },
  'buf-size': { type: 'string' },
  direct: { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  'no-compare': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  progress: { type: 'boolean', default: false },
  guest: { type: 'string' },
  'guest-rate': { type: 'string' },
  'guest-block-size': { type: 'string' },
  'guest-reads': { type: 'string' },
  'guest-seconds': { type: 'string' },
  'guest-bytes': { type: 'string' },
  'guest-area': { type: 'string' },
  'guest-depth': { type: 'string' },
  seed: { type: 'string' },
} as const;

export const mirror: Command = {
  name: 'mirror',
  summary: 'Copy an image to another while a guest writes to it',
  usage: `Usage: mirrordisk mirror SOURCE TARGET [OPTIONS]

Opens SOURCE as the disk of a guest and copies it to TARGET while the guest goes
on. Phase 1 copies everything until the two first meet; phase 2 keeps them
together. TARGET is made if it is missing and gets its name when the two have
met. A SOURCE that ends in .gz is unpacked to a temporary image first.

Ending:
  --then complete     Switch the guest to TARGET in phase 2, and go on there
  --then cancel       Finish with a consistent copy; the guest stays on SOURCE
                      Without --then it replicates until Ctrl-C, which does the
                      same (in phase 1 it cancels); a second Ctrl-C forces
  --replicate SECONDS Stay in phase 2 this long before --then (1 with a guest)
  --no-compare        Do not compare SOURCE and TARGET at the end

Copying:
  --sync full|none    The whole disk, or only what is written from now on (full)
  --speed SIZE        The limit of phase 1 in bytes a second (none)
  --granularity SIZE  What one dirty bit stands for, 512 to 64M (64K)
  --buf-size SIZE     Memory for copies in flight (16M)
  --direct            Go past the page cache (O_DIRECT)
  --force             Write over the data of a TARGET that exists

The guest, which WRITES TO SOURCE:
  --guest PATTERN     none, random, sequential or zipf (none)
  --guest-rate N      Requests a second; 0 is as fast as possible (1000)
  --guest-block-size SIZE       Bytes of a request (4K)
  --guest-reads PERCENT         Share of reads (0)
  --guest-area OFFSET+LENGTH    Where it works: 64M+32M (the whole disk)
  --guest-seconds N, --guest-bytes SIZE
                      When it stops (at the end of the mirror)
  --guest-depth N     Requests in flight at most (32)
  --seed N            What its writes are drawn from (1)

Output:
  --json       One JSON object a line on standard output: the events of the job
               as QEMU names them, progress, and a summary
  --progress   Show progress also where standard error is no terminal

Examples:
  mirrordisk mirror disk.img copy.img --then cancel
  mirrordisk mirror disk.img copy.img --guest zipf --guest-rate 5000 --then complete

Exit codes: 0 the mirror ended as asked and the copy is right, 1 it was cancelled
or the copy is wrong, 2 it could not be done.`,

  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: OPTIONS,
    });
    const [source, target, ...rest] = positionals;
    if (source === undefined || target === undefined || rest.length > 0) {
      throw new UsageError('Expected a source and a target');
    }
    const guest = readGuest(values);
    const plan: Omit<MirrorPlan, 'source'> = {
      target,
      ending: values.then === undefined ? undefined : word('then', values.then, THEN),
      replicateMs: 1000 * number('replicate', values.replicate, guest ? 1 : 0),
      mirror: {
        sync: word('sync', values.sync ?? 'full', SYNC),
        speed: size('speed', values.speed, 0),
        granularity: size('granularity', values.granularity, 0),
        bufSize: size('buf-size', values['buf-size'], 0),
        overwrite: values.force,
        direct: values.direct,
      },
      guest,
      compare: !values['no-compare'],
      json: values.json,
      showProgress: values.progress,
    };
    return withUnpacked(source, (image) => runMirror({ ...plan, source: image }, io));
  },
};

const THEN = ['complete', 'cancel'] as const;
const SYNC = ['full', 'none'] as const;
const PATTERNS = ['none', 'random', 'sequential', 'zipf'] as const;

type Values = Readonly<Record<string, string | boolean | undefined>>;

function readGuest(values: Values): GuestOptions | undefined {
  const pattern = word('guest', values['guest'] ?? 'none', PATTERNS);
  if (pattern === 'none') {
    const [stray] = Object.keys(values).filter((name) => name.startsWith('guest-'));
    if (stray !== undefined) throw new UsageError(`--${stray} needs a --guest`);
    return undefined;
  }
  const reads = number('guest-reads', values['guest-reads'], 0);
  if (reads > 100) throw new UsageError(`--guest-reads must be at most 100: "${reads}"`);
  const seconds = values['guest-seconds'];
  const bytes = values['guest-bytes'];
  return {
    pattern,
    blockSize: size('guest-block-size', values['guest-block-size'], 4096),
    readShare: reads / 100,
    requestsPerSecond: number('guest-rate', values['guest-rate'], 1000),
    queueDepth: number('guest-depth', values['guest-depth'], 32),
    seed: number('seed', values['seed'], 1),
    ...(values['guest-area'] === undefined ? {} : { area: area(values['guest-area']) }),
    ...(seconds === undefined ? {} : { seconds: number('guest-seconds', seconds, 0) }),
    ...(bytes === undefined ? {} : { bytes: size('guest-bytes', bytes, 0) }),
  };
}

function word<const Word extends string>(
  name: string,
  value: unknown,
  words: readonly Word[],
): Word {
  const found = words.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} must be ${words.join(', ')}: "${value}"`);
}

function number(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  const parsed = Number(value);
  if (value !== '' && parsed >= 0 && parsed <= Number.MAX_SAFE_INTEGER) return parsed;
  throw new UsageError(`--${name} must be a number from 0 on: "${value}"`);
}

function size(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  try {
    return parseSize(String(value));
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--${name}: ${error.message}`);
    throw error;
  }
}

function area(value: unknown): { readonly offset: number; readonly length: number } {
  const [offset, length, ...rest] = String(value).split('+');
  if (offset === undefined || length === undefined || rest.length > 0) {
    throw new UsageError(`--guest-area must be OFFSET+LENGTH, such as 64M+32M: "${value}"`);
  }
  return {
    offset: size('guest-area', offset, 0),
    length: size('guest-area', length, 0),
  };
}
