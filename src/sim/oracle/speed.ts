/** The speed limit: what reaches the target is no more than it allows. */

import type { Passage } from '../turnstile.ts';
import { DEFAULT_GRANULARITY, isBackground, type OracleView, type Rule } from './rule.ts';

/** How long a copy may take at the limit, and how much of it may come at once, in milliseconds. */
const SLICE_MS = 50;
/** How long a guest may have to wait for copies that nothing slows down, in milliseconds. */
const HOLD_MS = 2000;

/**
 * The speed limit, where there is one that nobody changes: for copies until the two disks have met,
 * or for all copies and for the guest's writes that go to both.
 */
export function speedRule(view: OracleView): Rule {
  const { mirror, verbs } = view.scenario;
  const { speed = 0, granularity = DEFAULT_GRANULARITY, limits } = mirror;
  if (speed === 0 || verbs.some(({ verb }) => verb === 'set-speed')) return {};
  const isOfAll = limits === 'everything';
  // One copy begins when nothing is owed; and some may be made while the guest waits for a meeting.
  const meeting = Math.max((speed * HOLD_MS) / 1000, granularity);
  let slack = Math.max((speed * SLICE_MS) / 1000, granularity) + meeting;
  let startMs: number | undefined;
  let moved = 0;

  function isLimited(passage: Passage): boolean {
    const { disk, operation, origin } = passage.call;
    if (disk === 'source') return isBackground(view, passage);
    // The filter sends what is the guest's.
    const isWrite = operation === 'write' || operation === 'writeZeroes';
    return isOfAll && isWrite && origin === 'other';
  }

  return {
    heard({ name, status }) {
      if (status === 'running') startMs ??= view.clock.nowMs();
      if (name !== 'BLOCK_JOB_READY') return;
      if (isOfAll) slack += meeting;
      else startMs = Number.NEGATIVE_INFINITY;
    },
    arrived(passage) {
      if (!isLimited(passage)) return;
      const sinceMs = view.clock.nowMs() - (startMs ?? view.clock.nowMs());
      const most = (speed * sinceMs) / 1000 + slack;
      if (moved > most) {
        view.report({
          invariant: 'the speed is kept',
          expected: `at most ${Math.floor(most)} bytes copied after ${sinceMs} ms`,
          found: `${moved}, and ${passage.label}`,
        });
      }
      moved += passage.call.length;
    },
  };
}
