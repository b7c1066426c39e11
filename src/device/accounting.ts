/**
 * The accounts of a device: what the guest asked for and how long it took.
 *
 * As QEMU's block accounting, a request ends in one of three ways: it is done, it failed (the disk
 * could not), or it was invalid (the disk was not asked). A failure that is ignored is done; one
 * that stops the machine counts when it has ended, whatever was tried before that. Bytes are those
 * of requests that are done; latencies, from submission to completion, are those of requests that
 * are done or failed.
 *
 * The mean queue depth is weighted by time, at no cost per request beyond one addition. The area
 * under the depth is the sum of (end - start) over all requests, where "now" is the end of those
 * that are in flight:
 *
 *     depth  2 |        +-----+           area = (end1 - start1) + (end2 - start2)
 *            1 |   +----+     +----+           = (end1 + end2) - (start1 + start2)
 *            0 +---+---------------+---   so a start subtracts its time, and an end adds it
 */

import { LatencyHistogram } from '../base/histogram.ts';
import type { GuestRequestType } from './request.ts';

/** Latencies, in milliseconds; all 0 when there are none. */
export interface LatencyStatistics {
  readonly count: number;
  readonly meanMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** The account of requests of one type, or of all. */
export interface OperationStatistics {
  /** Requests that are done. */
  readonly requests: number;
  /** Bytes that they moved or named. */
  readonly bytes: number;
  /** Requests that the disk could not carry out, or that a stopped device took along. */
  readonly failed: number;
  /** Requests that were refused without asking the disk. */
  readonly invalid: number;
  /** From submission to completion, of those done and those failed. */
  readonly latency: LatencyStatistics;
}

export interface QueueStatistics {
  /** Requests in the queue now, waiting or in flight. */
  readonly depth: number;
  /** The highest depth there was. */
  readonly depthMax: number;
  /** The mean depth over time. */
  readonly depthMean: number;
}

/** A snapshot of a device's accounts; all figures are since `sinceMs`. */
export interface DeviceStatistics {
  /** When the accounts began, on the device's clock. */
  readonly sinceMs: number;
  /** When the snapshot was taken. */
  readonly nowMs: number;
  readonly operations: Readonly<Record<GuestRequestType, OperationStatistics>>;
  readonly all: OperationStatistics;
  readonly queue: QueueStatistics;
}

/** Who is told of each latency that counts. */
export interface LatencyWatcher {
  /** @param latencyMs In milliseconds, 0 or more. */
  record(latencyMs: number): void;
}

/** What is made of requests that are not done. */
export interface AccountRules {
  /** The disk is in use when one is refused: QEMU's account-invalid. */
  readonly invalid: boolean;
  /** The disk is in use when one fails, and the time that it took counts: account-failed. */
  readonly failed: boolean;
}

/** One type's account, written by the device. */
export class OperationAccount {
  requests = 0;
  bytes = 0;
  failed = 0;
  invalid = 0;
  readonly latency: LatencyHistogram = new LatencyHistogram();
  rules: AccountRules = { invalid: true, failed: true };
  /** Told of each latency that counts. */
  watchers: readonly LatencyWatcher[] = [];
  /** Told of every latency. */
  bins: LatencyWatcher | undefined;
  /** When the disk was last in use; `undefined` if it never was. */
  lastUseMs: number | undefined;

  countDone(bytes: number, startMs: number, nowMs: number): void {
    this.requests += 1;
    this.bytes += bytes;
    this.#record(startMs, nowMs, true);
  }

  countFailed(startMs: number, nowMs: number): void {
    this.failed += 1;
    this.#record(startMs, nowMs, this.rules.failed);
  }

  countInvalid(nowMs: number): void {
    this.invalid += 1;
    if (this.rules.invalid) this.lastUseMs = nowMs;
  }

  #record(startMs: number, nowMs: number, counts: boolean): void {
    const latencyMs = nowMs - startMs;
    this.bins?.record(latencyMs);
    if (!counts) return;
    this.lastUseMs = nowMs;
    this.latency.record(latencyMs);
    for (const watcher of this.watchers) watcher.record(latencyMs);
  }

  reset(): void {
    this.requests = 0;
    this.bytes = 0;
    this.failed = 0;
    this.invalid = 0;
    this.latency.reset();
  }

  merge(other: OperationAccount): void {
    this.requests += other.requests;
    this.bytes += other.bytes;
    this.failed += other.failed;
    this.invalid += other.invalid;
    this.latency.merge(other.latency);
  }

  statistics(): OperationStatistics {
    const { requests, bytes, failed, invalid } = this;
    return { requests, bytes, failed, invalid, latency: latencyStatistics(this.latency) };
  }
}

/** @returns A snapshot of a histogram. */
export function latencyStatistics(latency: LatencyHistogram): LatencyStatistics {
  return {
    count: latency.count,
    meanMs: latency.meanMs,
    minMs: latency.minMs,
    maxMs: latency.maxMs,
    p50Ms: latency.percentile(50),
    p99Ms: latency.percentile(99),
    p999Ms: latency.percentile(99.9),
  };
}

export class DeviceAccounts {
  readonly operations: Readonly<Record<GuestRequestType, OperationAccount>> = {
    in: new OperationAccount(),
    out: new OperationAccount(),
    flush: new OperationAccount(),
    discard: new OperationAccount(),
    writeZeroes: new OperationAccount(),
    getId: new OperationAccount(),
  };
  #sinceMs: number;
  #depth = 0;
  #depthMax = 0;
  /** The area under the depth since `sinceMs`, less `depth * now`. */
  #area = 0;

  /** @param nowMs The moment at which the accounts begin. */
  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Requests in the queue now. */
  get depth(): number {
    return this.#depth;
  }

  /** When the disk was last in use; `undefined` if it never was. */
  get lastUseMs(): number | undefined {
    const times = Object.values(this.operations).map(({ lastUseMs = -Infinity }) => lastUseMs);
    const last = Math.max(...times);
    return last === -Infinity ? undefined : last;
  }

  get rules(): AccountRules {
    return this.operations.in.rules;
  }

  /** What is made from now on of requests that are not done. */
  set rules(rules: AccountRules) {
    for (const account of Object.values(this.operations)) account.rules = rules;
  }

  begin(nowMs: number): void {
    this.#depth += 1;
    if (this.#depth > this.#depthMax) this.#depthMax = this.#depth;
    this.#area -= nowMs;
  }

  end(nowMs: number): void {
    this.#depth -= 1;
    this.#area += nowMs;
  }

  /** Forgets everything but what is in the queue. */
  reset(nowMs: number): void {
    for (const account of Object.values(this.operations)) account.reset();
    this.#sinceMs = nowMs;
    this.#depthMax = this.#depth;
    this.#area = -this.#depth * nowMs;
  }

  statistics(nowMs: number): DeviceStatistics {
    const all = new OperationAccount();
    for (const account of Object.values(this.operations)) all.merge(account);
    const { operations } = this;
    const elapsedMs = nowMs - this.#sinceMs;
    const depth = this.#depth;
    return {
      sinceMs: this.#sinceMs,
      nowMs,
      operations: {
        in: operations.in.statistics(),
        out: operations.out.statistics(),
        flush: operations.flush.statistics(),
        discard: operations.discard.statistics(),
        writeZeroes: operations.writeZeroes.statistics(),
        getId: operations.getId.statistics(),
      },
      all: all.statistics(),
      queue: {
        depth,
        depthMax: this.#depthMax,
        depthMean: elapsedMs > 0 ? (this.#area + depth * nowMs) / elapsedMs : depth,
      },
    };
  }
}
