/**
 * Latencies counted between boundaries of the user's choice: QEMU's block latency histograms.
 *
 *     boundaries        10        50       100
 *     bins        [0,10)  [10,50)  [50,100)  [100, ...)
 */

import type { LatencyWatcher } from './accounting.ts';

const NS_PER_MS = 1e6;

export class LatencyBins implements LatencyWatcher {
  /** In nanoseconds. */
  readonly boundaries: readonly number[];
  readonly #counts: number[];

  /** @throws {RangeError} For boundaries that do not rise, or begin at 0. */
  constructor(boundaries: readonly number[]) {
    const rises = boundaries.every((boundary, index) => boundary > (boundaries[index - 1] ?? 0));
    if (!rises) {
      const rule = 'boundaries must be above 0 and rise';
      throw new RangeError(`Cannot make a histogram: ${rule}: ${boundaries.join(', ')}`);
    }
    this.boundaries = boundaries;
    this.#counts = Array.from({ length: boundaries.length + 1 }, () => 0);
  }

  /** How many latencies there were, one number more than boundaries. */
  get bins(): readonly number[] {
    return this.#counts;
  }

  record(latencyMs: number): void {
    const latencyNs = latencyMs * NS_PER_MS;
    const found = this.boundaries.findIndex((boundary) => latencyNs < boundary);
    const bin = found < 0 ? this.boundaries.length : found;
    this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
  }
}
