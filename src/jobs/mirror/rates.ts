/**
 * How fast a mirror copies and its guest dirties, over the last seconds, and what will come of it.
 *
 * Both come from the job's two counters: `offset` grows by what was copied, and `len` by what was
 * dirtied, for `len - offset` is what remains. Whether the two meet is told by what remains: it
 * shrinks, or it stays (the guest dirties as fast as it is copied, or always the same part), or it
 * grows.
 */

import type { JobProgress } from '../events.ts';

/** How long the window is over which rates are taken, in milliseconds. */
const WINDOW_MS = 3000;
/** How far apart two samples are at least, in milliseconds. */
const SAMPLE_MS = 100;
/** A change of what remains by less than this part of what is copied is no change. */
const NOTICEABLE = 0.05;

/**
 * What becomes of a mirror if everything goes on as in the last seconds: source and target meet; or
 * about as much as now always remains; or more and more does; or it is too early to tell.
 */
export type Outlook = 'converges' | 'stalls' | 'diverges' | 'unknown';

export interface MirrorRates {
  /** Bytes copied a second. */
  readonly copyRate: number;
  /** Bytes a second that the guest made dirty again. */
  readonly dirtyRate: number;
  readonly outlook: Outlook;
  /** Seconds until both meet, where they will; 0 when nothing remains. */
  readonly secondsLeft: number | undefined;
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
      return { copyRate: 0, dirtyRate: 0, ...outlookOf(remaining, 0, 0) };
    }
    const copyRate = (progress.offset - first.offset) / seconds;
    const dirtyRate = Math.max((progress.len - first.len) / seconds, 0);
    return { copyRate, dirtyRate, ...outlookOf(remaining, copyRate, dirtyRate) };
  }
}

function outlookOf(
  remaining: number,
  copyRate: number,
  dirtyRate: number,
): Pick<MirrorRates, 'outlook' | 'secondsLeft'> {
  const gain = copyRate - dirtyRate;
  const noticeable = NOTICEABLE * copyRate;
  if (remaining === 0) return { outlook: 'converges', secondsLeft: 0 };
  if (gain > noticeable) return { outlook: 'converges', secondsLeft: remaining / gain };
  if (copyRate === 0 && dirtyRate === 0) return { outlook: 'unknown', secondsLeft: undefined };
  return { outlook: gain < -noticeable ? 'diverges' : 'stalls', secondsLeft: undefined };
}
