/** `mirror`: copies an image while a guest works on it, and proves the result. */

import type { ByteRange } from '../../base/ranges.ts';
import { ERROR_POLICIES, type ErrorPolicy } from '../../block/error-policy.ts';
import type { GuestOptions } from '../../workload/guest-options.ts';
import { numberOf, parseArguments, sizeOf, wordOf } from '../arguments.ts';
import { type Command, UsageError } from '../command.ts';
import { type MirrorPlan, runMirror } from '../mirror-run.ts';
import { withUnpacked } from '../unpack.ts';

const OPTIONS = {
  // biome-ignore lint/suspicious/noThenProperty: it is the name of an option
  then: { type: 'string' },
  replicate: { type: 'string' },
  sync: { type: 'string' },
  speed: { type: 'string' },
  limits: { type: 'string' },
  'copy-mode': { type: 'string' },
  'latency-budget': { type: 'string' },
  'on-source-error': { type: 'string' },
  'on-target-error': { type: 'string' },
  'retry-after': { type: 'string' },
  granularity: { type: 'string' },
  'buf-size': { type: 'string' },
  direct: { type: 'boolean', default: false },
  persist: { type: 'boolean', default: false },
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
  --then switch       Switch the guest to TARGET in phase 2, and go on there
                      (QEMU's name for it, complete, will do as well)
  --then finish       Finish with a consistent copy; the guest stays on SOURCE
                      (QEMU's name for it is cancel)
                      Without --then it replicates until Ctrl-C, which does the
                      same (in phase 1 it cancels); a second Ctrl-C leaves the
                      copy as it is, and a third ends the process at once
  --replicate SECONDS Stay in phase 2 this long before --then (1 with a guest)
  --no-compare        Do not compare SOURCE and TARGET at the end

Copying:
  --sync full|none    The whole disk, or only what is written from now on (full)
  --copy-mode MODE    How guest writes reach TARGET (background):
                      background: to SOURCE, and copied to TARGET later
                      write-blocking: to both at once, so the two meet for sure
                      adaptive: background while that gets them to meet
  --latency-budget MS What the last two keep the guest's p99 below, by copying
                      less at a time, if that will do (20)
  --speed SIZE        The limit in bytes a second (none)
  --limits WHAT       What that limit is for (initial-copy):
                      initial-copy: phase 1
                      everything: phase 2 and the guest's own writes too
  --on-source-error ACTION, --on-target-error ACTION
                      What a request that failed does (report):
                      report: ends the mirror
                      ignore: nothing; what it was for is copied again
                      stop: pauses the mirror until it is tried again
                      enospc, auto: stop for a full disk, else report
  --retry-after SECONDS
                      How long after a pause by an error to try again (5)
  --granularity SIZE  What one dirty bit stands for, 512 to 64M (64K)
  --buf-size SIZE     Memory for copies in flight (16M)
  --direct            Go past the page cache (O_DIRECT)
  --persist           Record what may differ in TARGET.mirrordisk-journal: after
                      a crash, or Ctrl-C in phase 1, the same command goes on
                      from there, if nobody else has written to either meanwhile
  --force             Write over the data of a TARGET that exists, from the
                      beginning also with --persist

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

/** What can be asked for at the end, by our names and by QEMU's. */
const THEN = { switch: 'switch', finish: 'finish', complete: 'switch', cancel: 'finish' } as const;
const COPY_MODES = ['background', 'write-blocking', 'adaptive'] as const;
const LIMITS = ['initial-copy', 'everything'] as const;
const SYNC = ['full', 'none'] as const;
const PATTERNS = ['none', 'random', 'sequential', 'zipf'] as const;
/** Timers hold no more: 23 days. */
const SECONDS_MAX = 2_000_000;
const RATE_MIN = 0.001;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>['values'];

function readPlan(values: Values, target: string): Omit<MirrorPlan, 'source' | 'image'> {
  const guest = readGuest(values);
  const { then, replicate, sync = 'full' } = values;
  if (replicate !== undefined && then === undefined) {
    throw new UsageError('--replicate needs a --then, for without one it ends with Ctrl-C');
  }
  refuseContradictions(values);
  const seconds = numberOf('replicate', replicate ?? (guest ? '1' : '0'), { max: SECONDS_MAX });
  return {
    target,
    ending: then === undefined ? undefined : readEnding(then),
    retryMs: 1000 * numberOf('retry-after', values['retry-after'] ?? '5', { max: SECONDS_MAX }),
    replicateMs: 1000 * seconds,
    mirror: {
      sync: wordOf('sync', sync, SYNC),
      speed: sizeOf('speed', values.speed ?? '0'),
      limits: wordOf('limits', values.limits ?? 'initial-copy', LIMITS),
      copyMode: wordOf('copy-mode', values['copy-mode'] ?? 'background', COPY_MODES),
      latencyBudgetMs: readBudget(values['latency-budget'] ?? '20'),
      onSourceError: readPolicy('on-source-error', values),
      onTargetError: readPolicy('on-target-error', values),
      granularity: sizeOf('granularity', values.granularity ?? '0'),
      bufSize: sizeOf('buf-size', values['buf-size'] ?? '0'),
      overwrite: values.force,
      direct: values.direct,
      persist: values.persist,
    },
    guest,
    compare: !values['no-compare'],
    json: values.json,
    showProgress: values.progress,
  };
}

/** Refuses what would be of no effect, or of another than was meant. */
function refuseContradictions(values: Values): void {
  const { persist, sync, speed, limits, 'copy-mode': mode = 'background' } = values;
  const refuse = (rule: string) => {
    throw new UsageError(rule);
  };
  if (values['latency-budget'] !== undefined && mode === 'background') {
    refuse('--latency-budget needs --copy-mode write-blocking or adaptive');
  }
  if (limits !== undefined && speed === undefined) refuse('--limits needs a --speed');
  const stopping = ['stop', 'enospc', 'auto'];
  const policies = [values['on-source-error'], values['on-target-error']];
  if (
    values['retry-after'] !== undefined &&
    !policies.some((policy = '') => stopping.includes(policy))
  ) {
    refuse('--retry-after needs an --on-source-error or --on-target-error of stop, enospc or auto');
  }
  if (persist && sync === 'none') refuse('--persist needs --sync full');
}

function readBudget(text: string): number {
  const ms = numberOf('latency-budget', text);
  if (ms > 0) return ms;
  throw new UsageError(`--latency-budget must be above 0: ${JSON.stringify(text)}`);
}

function readEnding(text: string): 'switch' | 'finish' {
  return THEN[wordOf('then', text, ['switch', 'finish', 'complete', 'cancel'])];
}

function readPolicy(name: 'on-source-error' | 'on-target-error', values: Values): ErrorPolicy {
  return wordOf(name, values[name] ?? 'report', ERROR_POLICIES);
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
