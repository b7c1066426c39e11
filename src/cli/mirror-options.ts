/** The options of a mirror, for every command that starts one. */

import { ERROR_POLICIES, type ErrorPolicy } from '../block/error-policy.ts';
import type { DiskMirrorOptions } from '../machine/disk.ts';
import { numberOf, type parseArguments, sizeOf, wordOf } from './arguments.ts';
import { UsageError } from './command.ts';

export const MIRROR_OPTIONS = {
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
} as const;

/** What help says of those that do not say how to end. */
export const COPYING_USAGE = `Copying:
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
                      beginning also with --persist`;

/** Timers hold no more: 23 days. */
export const SECONDS_MAX = 2_000_000;

/** How a mirror is to be started, steered and ended. */
export interface MirrorWishes {
  /** How to end once source and target have met; when asked to, if not given. */
  readonly ending: 'switch' | 'finish' | undefined;
  /** How long to stay in phase 2 before that. */
  readonly replicateMs: number;
  /** How long after a stop by an error to try again. */
  readonly retryMs: number;
  readonly mirror: DiskMirrorOptions;
}

/** What can be asked for at the end, by our names and by QEMU's. */
const THEN = { switch: 'switch', finish: 'finish', complete: 'switch', cancel: 'finish' } as const;
const COPY_MODES = ['background', 'write-blocking', 'adaptive'] as const;
const LIMITS = ['initial-copy', 'everything'] as const;
const SYNC = ['full', 'none'] as const;

type Values = ReturnType<typeof parseArguments<typeof MIRROR_OPTIONS>>['values'];

/** @param defaults Where commands differ: `replicate` in seconds. */
export function readMirrorWishes(
  values: Values,
  defaults: { readonly replicate: number },
): MirrorWishes {
  const { then, replicate, sync = 'full' } = values;
  if (replicate !== undefined && then === undefined) {
    throw new UsageError('--replicate needs a --then, for without one it ends with Ctrl-C');
  }
  refuseContradictions(values);
  const seconds = numberOf('replicate', replicate ?? `${defaults.replicate}`, { max: SECONDS_MAX });
  return {
    ending: then === undefined ? undefined : readEnding(then),
    replicateMs: 1000 * seconds,
    retryMs: 1000 * numberOf('retry-after', values['retry-after'] ?? '5', { max: SECONDS_MAX }),
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
