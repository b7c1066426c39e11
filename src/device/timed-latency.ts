/**
 * Latencies of about the last so many seconds (QEMU's timed averages).
 *
 * Two windows of one length begin half a length apart, and every latency counts in both. The one
 * that began first is told of, so that it is never empty only because it has just begun.
 *
 *     window 0   |-------told-------|-------told-------|
 *     window 1   ----told--|-------told-------|-------
 *     told           0     |    1   |    0    |   1
 */

import type { Clock } from '../env/env.ts';
import type { LatencyWatcher } from './accounting.ts';

/** What is known of the latencies of an interval, in milliseconds. */
export interface IntervalLatency {
  readonly minMs: number;
  readonly maxMs: number;
  readonly meanMs: number;
  /** The mean number of requests that were under way. */
  readonly queueDepth: number;
}

interface Window {
  endMs: number;
  count: number;
  sumMs: number;
  minMs: number;
  maxMs: number;
}

export class TimedLatency implements LatencyWatcher {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  readonly #windows: readonly [Window, Window];

  /** @param lengthMs Of a window. */
  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
    const nowMs = clock.nowMs();
    this.#windows = [emptyUntil(nowMs + lengthMs / 2), emptyUntil(nowMs + lengthMs)];
  }

  record(latencyMs: number): void {
    this.#renew();
    for (const window of this.#windows) {
      window.count += 1;
      window.sumMs += latencyMs;
      window.minMs = window.count === 1 ? latencyMs : Math.min(window.minMs, latencyMs);
      window.maxMs = Math.max(window.maxMs, latencyMs);
    }
  }

  /** What is known of the interval up to now; all 0 when nothing was recorded in it. */
  summary(): IntervalLatency {
    this.#renew();
    const [one, other] = this.#windows;
    const { endMs, count, sumMs, minMs, maxMs } = one.endMs < other.endMs ? one : other;
    const elapsedMs = this.#clock.nowMs() - (endMs - this.#lengthMs);
    const meanMs = count === 0 ? 0 : sumMs / count;
    return { minMs, maxMs, meanMs, queueDepth: elapsedMs > 0 ? sumMs / elapsedMs : 0 };
  }

  #renew(): void {
    const nowMs = this.#clock.nowMs();
    for (const window of this.#windows) {
      if (nowMs < window.endMs) continue;
      const lengths = Math.floor((nowMs - window.endMs) / this.#lengthMs) + 1;
      Object.assign(window, emptyUntil(window.endMs + lengths * this.#lengthMs));
    }
  }
}

function emptyUntil(endMs: number): Window {
  return { endMs, count: 0, sumMs: 0, minMs: 0, maxMs: 0 };
}
