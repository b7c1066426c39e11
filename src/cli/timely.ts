/** Calls that come too often, thinned out. */

import type { Clock } from '../env/env.ts';

/** How often what is shown on a terminal changes, in milliseconds. */
export const DRAW_MS = 200;

/** @returns A function that passes on the first call, and then at most one in {@link DRAW_MS}. */
export function timely<T>(clock: Clock, call: (value: T) => void): (value: T) => void {
  let lastMs = -Infinity;
  return (value) => {
    const nowMs = clock.nowMs();
    if (nowMs - lastMs < DRAW_MS) return;
    lastMs = nowMs;
    call(value);
  };
}
