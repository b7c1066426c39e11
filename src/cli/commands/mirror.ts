/** `mirror`: copies an image while a guest works on it, and proves the result. */

import type { ByteRange } from '../../base/ranges.ts';
import type { GuestOptions } from '../../workload/guest-options.ts';
import { numberOf, parseArguments, sizeOf, wordOf } from '../arguments.ts';
import { type Command, UsageError } from '../command.ts';
import { COPYING_USAGE, MIRROR_OPTIONS, readMirrorWishes, SECONDS_MAX } from '../mirror-options.ts';
import { type MirrorPlan, runMirror } from '../mirror-run.ts';
import { withUnpacked } from '../unpack.ts';

const OPTIONS = {
  ...MIRROR_OPTIONS,
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
  --then switch       Switch the guest to TARGET in phase 2, and go on there
                      (QEMU's name for it, complete, will do as well)
  --then finish       Finish with a consistent copy; the guest stays on SOURCE
                      (QEMU's name for it is cancel)
                      Without --then it replicates until Ctrl-C, which does the
                      same (in phase 1 it cancels); a second Ctrl-C leaves the
                      copy as it is, and a third ends the process at once
  --replicate SECONDS Stay in phase 2 this long before --then (1 with a guest)
  --no-compare        Do not compare SOURCE and TARGET at the end

${COPYING_USAGE}

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
  --json              One JSON object a line on standard output: the events of
                      the job as QEMU names them, progress, and a summary
  --progress          Write progress also where standard error is no terminal

Examples:
  mirrordisk mirror disk.img copy.img --then finish
  mirrordisk mirror disk.img copy.img --guest zipf --then switch
  mirrordisk mirror disk.img copy.img --persist --on-target-error enospc

Exit codes: 0 the mirror ended as asked and the copy is right, 1 it did not end
as asked or the copy is wrong, 2 it could not be done.`,

  async run(args, io) {
    const expected = 'a source and a target';
    const parsed = parseArguments(args, { options: OPTIONS, expected, count: 2 });
    const [source = '', target = ''] = parsed.positionals;
    const plan = readPlan(parsed.values, target);
    if (plan.mirror.persist && source.endsWith('.gz')) {
      throw new UsageError('--persist cannot go on with a SOURCE that is unpacked anew each time');
    }
    return withUnpacked(source, io, ({ path, name }) =>
      runMirror({ ...plan, image: path, source: name }, io),
    );
  },
};

const PATTERNS = ['none', 'random', 'sequential', 'zipf'] as const;
const RATE_MIN = 0.001;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>['values'];

function readPlan(values: Values, target: string): Omit<MirrorPlan, 'source' | 'image'> {
  const guest = readGuest(values);
  return {
    target,
    ...readMirrorWishes(values, { replicate: guest ? 1 : 0 }),
    guest,
    compare: !values['no-compare'],
    json: values.json,
    showProgress: values.progress,
  };
}

function readGuest(values: Values): GuestOptions | undefined {
  const pattern = wordOf('guest', values.guest ?? 'none', PATTERNS);
  if (pattern === 'none') {
    const isForGuest = (name: string) => name.startsWith('guest-') || name === 'seed';
    const stray = Object.keys(values).find(isForGuest);
    if (stray !== undefined) throw new UsageError(`--${stray} needs a --guest`);
    return undefined;
  }
  const area = values['guest-area'];
  const seconds = values['guest-seconds'];
  const bytes = values['guest-bytes'];
  return {
    pattern,
    blockSize: sizeOf('guest-block-size', values['guest-block-size'] ?? '4K'),
    readShare: numberOf('guest-reads', values['guest-reads'] ?? '0', { max: 100 }) / 100,
    requestsPerSecond: readRate(values['guest-rate'] ?? '1000'),
    queueDepth: numberOf('guest-depth', values['guest-depth'] ?? '32', { whole: true }),
    seed: numberOf('seed', values.seed ?? '1', { whole: true }),
    ...(area === undefined ? {} : { area: readArea(area) }),
    ...(seconds === undefined
      ? {}
      : { seconds: numberOf('guest-seconds', seconds, { max: SECONDS_MAX }) }),
    ...(bytes === undefined ? {} : { bytes: sizeOf('guest-bytes', bytes) }),
  };
}

function readRate(text: string): number {
  const rate = numberOf('guest-rate', text);
  if (rate === 0 || rate >= RATE_MIN) return rate;
  throw new UsageError(`--guest-rate must be 0 or at least ${RATE_MIN}: "${text}"`);
}

function readArea(text: string): ByteRange {
  const [offset, length, ...rest] = text.split('+');
  if (offset === undefined || length === undefined || rest.length > 0) {
    const rule = 'must be OFFSET+LENGTH, such as 64M+32M';
    throw new UsageError(`--guest-area ${rule}: ${JSON.stringify(text)}`);
  }
  return { offset: sizeOf('guest-area', offset), length: sizeOf('guest-area', length) };
}
