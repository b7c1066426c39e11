/** What goes wrong in a round of the soak: which errors befall whom, and what is done then. */

import type { Random } from '../src/base/random.ts';
import type { ErrorPolicy } from '../src/block/error-policy.ts';
import type { MirrorOptions } from '../src/index.ts';
import { between, chance, drawTimes, pick } from './soak-draw.ts';

/** A rule of blkdebug. */
export type Rule = Readonly<Record<string, unknown>>;

export interface FaultPlan {
  /**
   * `target`, `source`: requests of the job fail; `guest`: those of the guests do; `hang`: requests
   * to the target never end; `power-cut`: the target loses what it had not made durable, and all
   * requests fail from then on.
   */
  readonly kind: 'none' | 'target' | 'source' | 'guest' | 'hang' | 'power-cut';
  /** Whose filter does it. */
  readonly role: 'source' | 'target' | undefined;
  /** One of them is armed each time. */
  readonly rules: readonly Rule[];
  readonly timesMs: readonly number[];
  readonly policies: Pick<MirrorOptions, 'onSourceError' | 'onTargetError'>;
  /** What the device does about errors. */
  readonly device: { readonly rerror: ErrorPolicy; readonly werror: ErrorPolicy };
}

const NONE: FaultPlan = {
  kind: 'none',
  role: undefined,
  rules: [],
  timesMs: [],
  policies: {},
  device: { rerror: 'report', werror: 'report' },
};

/** Draws what goes wrong; nothing, half the time. */
export function drawFault(random: Random): FaultPlan {
  const kinds = ['none', 'none', 'none', 'none', 'none'] as const;
  const faulty = ['target', 'target', 'source', 'guest', 'hang', 'power-cut'] as const;
  const kind = pick(random, [...kinds, ...faulty]);
  if (kind === 'none') return NONE;
  const timesMs = drawTimes(random, between(random, 1, 3), 1500);
  switch (kind) {
    case 'target': {
      const onTargetError = pick(random, ['ignore', 'stop', 'stop', 'enospc', 'report'] as const);
      const errno = onTargetError === 'enospc' ? 'ENOSPC' : pick(random, ['EIO', 'ENOSPC']);
      const rules = timesMs.map(() => targetRule(random, errno));
      return { ...NONE, kind, role: 'target', rules, timesMs, policies: { onTargetError } };
    }
    case 'source': {
      const onSourceError = pick(random, ['ignore', 'stop', 'stop', 'report'] as const);
      const rule = { iotype: 'read', errno: 'EIO', initiator: 'job' };
      const rules = timesMs.map(() => ({ ...rule, ...often(random) }));
      return { ...NONE, kind, role: 'source', rules, timesMs, policies: { onSourceError } };
    }
    case 'guest': {
      const werror = pick(random, ['report', 'stop', 'enospc'] as const);
      const rerror = pick(random, ['report', 'stop'] as const);
      const rules = timesMs.map(() => guestRule(random));
      return { ...NONE, kind, role: 'source', rules, timesMs, device: { rerror, werror } };
    }
    case 'hang': {
      const iotype = pick(random, ['write', 'flush']);
      const stage = pick(random, ['submit', 'complete']);
      const rule = { action: 'hang', iotype, stage, count: between(random, 1, 3) };
      const rules = timesMs.map(() => rule);
      return { ...NONE, kind, role: 'target', rules, timesMs };
    }
    case 'power-cut':
      return { ...NONE, kind, role: 'target', timesMs: timesMs.slice(0, 1) };
  }
}

function often(random: Random): Rule {
  const count = between(random, 1, 12);
  return chance(random, 0.5) ? { count } : { count, probability: 0.1 };
}

/** What was written may be there, in part or not at all: the error says only that it may not. */
function targetRule(random: Random, errno: string): Rule {
  const effects: readonly Rule[] = [
    { iotype: 'write' },
    { iotype: 'write', stage: 'complete' },
    { iotype: 'write', action: 'torn', bytes: 512 },
    { iotype: 'write-zeroes' },
    { iotype: 'flush' },
    { iotype: 'write', 'delay-ms': 20 },
    {},
  ];
  return { ...pick(random, effects), errno, ...often(random) };
}

function guestRule(random: Random): Rule {
  const errno = pick(random, ['EIO', 'ENOSPC']);
  const effects: readonly Rule[] = [
    { iotype: 'write' },
    { iotype: 'write', stage: 'complete' },
    { iotype: 'write', action: 'torn', bytes: 512 },
    { iotype: 'read' },
    {},
  ];
  return { ...pick(random, effects), errno, initiator: 'guest', ...often(random) };
}
