/**
 * How fast a mirror copies and its guest dirties, over the last seconds, and what follows from
 * that.
 *
 * Both come from the job's two counters: `offset` grows by what was copied, and `len` by what was
 * dirtied, for `len - offset` is what remains.
 */

import type { JobProgress } from '../events.ts';

/** How long the window is over which rates are taken, in milliseconds. */
const WINDOW_MS = 3000;
/** How far apart two samples are at least, in milliseconds. */
const SAMPLE_MS = 100;

export interface MirrorRates {
  /** Bytes copied a second. */
  readonly copyRate: number;
  /** Bytes a second that the guest made dirty again. */
  readonly dirtyRate: number;
  /** Seconds until both meet, if the rates stay; `undefined` when they never would. */
  readonly secondsLeft: number | undefined;
  /** Whether copying is faster than dirtying, or nothing is left to copy. */
  readonly converges: boolean;
}

interface Sample extends JobProgress {
  readonly nowMs: number;
}

export class RateMeter {
  // Bounded by the window: WINDOW_MS / SAMPLE_MS samples, and one before it.
  #samples: Sample[] = [];
  #bestCopyRate = 0;

  /** The highest rate between two samples since the start, in bytes a second. */
  get bestCopyRate(): number {
    return this.#bestCopyRate;
  }

  /** Forgets the past: rates count from the next sample on. */
  reset(): void {
    this.#samples = [];
  }

  /** Takes notice of the counters; called as often as is convenient. */
  sample(progress: JobProgress, nowMs: number): void {
    const last = this.#samples.at(-1);
    if (last && nowMs - last.nowMs < SAMPLE_MS) return;
    if (last) {
      const rate = ((progress.offset - last.offset) / (nowMs - last.nowMs)) * 1000;
      this.#bestCopyRate = Math.max(this.#bestCopyRate, rate);
    }
    this.#samples.push({ offset: progress.offset, len: progress.len, nowMs });
    while ((this.#samples[1]?.nowMs ?? nowMs) < nowMs - WINDOW_MS) this.#samples.shift();
  }

  rates(progress: JobProgress, nowMs: number): MirrorRates {
    this.sample(progress, nowMs);
    const remaining = progress.len - progress.offset;
    const first = this.#samples[0];
    const seconds = first ? (nowMs - first.nowMs) / 1000 : 0;
    if (!first || seconds === 0) {
      return { copyRate: 0, dirtyRate: 0, secondsLeft: undefined, converges: remaining === 0 };
    }
    const copyRate = (progress.offset - first.offset) / seconds;
    const dirtyRate = Math.max((progress.len - first.len) / seconds, 0);
    const gain = copyRate - dirtyRate;
    const converges = remaining === 0 || gain > 0;
    const secondsLeft = remaining === 0 ? 0 : remaining / gain;
    return { copyRate, dirtyRate, secondsLeft: converges ? secondsLeft : undefined, converges };
  }
}
