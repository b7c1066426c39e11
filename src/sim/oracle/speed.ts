/** The limit of the first phase: what the job reads is no more than it may copy. */

import { DEFAULT_GRANULARITY, isBackground, type OracleView, type Rule } from './rule.ts';

/** How long a copy may take at the limit, and how much of it may come at once, in milliseconds. */
const SLICE_MS = 50;
/** How long a guest may have to wait for copies that nothing slows down, in milliseconds. */
const HOLD_MS = 2000;

/** The speed limit, where there is one that nobody changes, until the two disks have met. */
export function speedRule(view: OracleView): Rule {
  const { mirror, verbs } = view.scenario;
  const { speed = 0, granularity = DEFAULT_GRANULARITY } = mirror;
  if (speed === 0 || verbs.some(({ verb }) => verb === 'set-speed')) return {};
  // One copy begins when nothing is owed; and a last one may be made while the guest waits.
  const slice = Math.max((speed * SLICE_MS) / 1000, granularity);
  const slack = slice + Math.max((speed * HOLD_MS) / 1000, granularity);
  let startMs: number | undefined;
  let read = 0;
  return {
    heard({ name, status }) {
      if (status === 'running') startMs ??= view.clock.nowMs();
      if (name === 'BLOCK_JOB_READY') startMs = Number.NEGATIVE_INFINITY;
    },
    arrived(passage) {
      if (passage.call.disk !== 'source' || !isBackground(view, passage)) return;
      const sinceMs = view.clock.nowMs() - (startMs ?? view.clock.nowMs());
      const most = (speed * sinceMs) / 1000 + slack;
      if (read > most) {
        view.report({
          invariant: 'the speed is kept',
          expected: `at most ${Math.floor(most)} bytes copied after ${sinceMs} ms`,
          found: `${read}, and another copy`,
        });
      }
      read += passage.call.length;
    },
  };
}
