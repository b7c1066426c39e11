/** What a guest did and how the disk served it. */

import { LatencyHistogram } from '../base/histogram.ts';
import { type LatencyStatistics, latencyStatistics } from '../device/accounting.ts';
import { type Mismatch, type MismatchStatistics, MismatchTally } from './mismatch.ts';
import { RateMeter } from './rate-meter.ts';

/** A request is late when it starts so much after it was meant to; timers explain less. */
const LATE_MS = 2;

/** A snapshot. Latencies count from when a request was meant to start. */
export interface GuestStatistics {
  /** How long it has been running, or ran. */
  readonly elapsedMs: number;
  /** Reads that are done. */
  readonly reads: number;
  /** Writes that were acknowledged. */
  readonly writes: number;
  /** Bytes that those read and wrote. */
  readonly bytes: number;
  /** Requests that failed. */
  readonly errors: number;
  /** Requests in flight. */
  readonly inFlight: number;
  /** Requests that completed in the last second. */
  readonly requestsPerSecond: number;
  /** Requests that completed in a second, on average. */
  readonly requestsPerSecondMean: number;
  /** Requests that started more than 2 ms after they were meant to. */
  readonly late: number;
  /** Requests that are due and have not started. */
  readonly backlog: number;
  /** Requests that were given up because too many were due: the rate was not kept. */
  readonly skipped: number;
  readonly latency: LatencyStatistics;
  readonly readLatency: LatencyStatistics;
  readonly writeLatency: LatencyStatistics;
  /** What was wrong with blocks that the guest read, having written them before. */
  readonly mismatches: MismatchStatistics;
}

/** Counts what a guest does. */
export class GuestAccounts {
  readonly #startMs: number;
  readonly #blockSize: number;
  readonly #rate: RateMeter;
  readonly #readLatency = new LatencyHistogram();
  readonly #writeLatency = new LatencyHistogram();
  readonly #mismatches = new MismatchTally();
  #reads = 0;
  #writes = 0;
  #errors = 0;
  #late = 0;
  #skipped = 0;

  constructor({ startMs, blockSize }: { readonly startMs: number; readonly blockSize: number }) {
    this.#startMs = startMs;
    this.#blockSize = blockSize;
    this.#rate = new RateMeter(startMs);
  }

  /** A request starts that was meant to start at `intendedMs`. */
  started({ nowMs, intendedMs }: { readonly nowMs: number; readonly intendedMs: number }): void {
    if (nowMs - intendedMs > LATE_MS) this.#late += 1;
  }

  /** @param latencyMs Since the request was meant to start. */
  completed(
    { isWrite, latencyMs }: { readonly isWrite: boolean; readonly latencyMs: number },
    nowMs: number,
  ): void {
    this.#rate.record(nowMs);
    if (isWrite) {
      this.#writes += 1;
      this.#writeLatency.record(latencyMs);
    } else {
      this.#reads += 1;
      this.#readLatency.record(latencyMs);
    }
  }

  failed(): void {
    this.#errors += 1;
  }

  skipped(count: number): void {
    this.#skipped += count;
  }

  mismatched(mismatch: Mismatch): void {
    this.#mismatches.add(mismatch);
  }

  statistics(
    nowMs: number,
    { inFlight, backlog }: { readonly inFlight: number; readonly backlog: number },
  ): GuestStatistics {
    const elapsedMs = nowMs - this.#startMs;
    const completed = this.#reads + this.#writes;
    const latency = new LatencyHistogram();
    latency.merge(this.#readLatency);
    latency.merge(this.#writeLatency);
    return {
      elapsedMs,
      reads: this.#reads,
      writes: this.#writes,
      bytes: completed * this.#blockSize,
      errors: this.#errors,
      inFlight,
      requestsPerSecond: this.#rate.perSecond(nowMs),
      requestsPerSecondMean: elapsedMs > 0 ? (completed * 1000) / elapsedMs : 0,
      late: this.#late,
      backlog,
      skipped: this.#skipped,
      latency: latencyStatistics(latency),
      readLatency: latencyStatistics(this.#readLatency),
      writeLatency: latencyStatistics(this.#writeLatency),
      mismatches: this.#mismatches.statistics(),
    };
  }
}
