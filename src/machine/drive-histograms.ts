/**
 * What a drive tells of latencies beyond its accounts: histograms with boundaries of the user's
 * choice, and averages over the last so many seconds.
 *
 * As in QEMU, write zeroes counts among the writes.
 */

import type { DeviceAccounts, OperationAccount } from '../device/accounting.ts';
import { LatencyBins } from '../device/latency-bins.ts';
import { TimedLatency } from '../device/timed-latency.ts';
import type { Clock } from '../env/env.ts';

/** The kinds of requests that are told apart. */
export type LatencyKind = 'read' | 'write' | 'flush';

const KINDS: readonly LatencyKind[] = ['read', 'write', 'flush'];
const OPERATIONS = {
  read: ['in'],
  write: ['out', 'writeZeroes'],
  flush: ['flush'],
} as const;

/** The latencies of the last seconds, by kind. */
export interface LatencyInterval {
  readonly seconds: number;
  readonly latencies: Readonly<Record<LatencyKind, TimedLatency>>;
}

export class DriveHistograms {
  readonly intervals: readonly LatencyInterval[];
  readonly #accounts: DeviceAccounts;
  readonly #bins = new Map<LatencyKind, LatencyBins>();

  /** @param seconds How long the intervals are. */
  constructor(accounts: DeviceAccounts, clock: Clock, seconds: readonly number[]) {
    this.#accounts = accounts;
    this.intervals = seconds.map((length) => {
      const timed = () => new TimedLatency(clock, length * 1000);
      return { seconds: length, latencies: { read: timed(), write: timed(), flush: timed() } };
    });
    for (const kind of KINDS) {
      const watchers = this.intervals.map(({ latencies }) => latencies[kind]);
      for (const account of this.#accountsOf(kind)) account.watchers = watchers;
    }
  }

  /** The histogram of a kind, if there is one. */
  get(kind: LatencyKind): LatencyBins | undefined {
    return this.#bins.get(kind);
  }

  /** Begins a histogram, in nanoseconds. @throws {RangeError} For boundaries that do not rise. */
  set(kind: LatencyKind, boundaries: readonly number[]): void {
    const bins = new LatencyBins(boundaries);
    this.#bins.set(kind, bins);
    for (const account of this.#accountsOf(kind)) account.bins = bins;
  }

  /** Ends all histograms. */
  clear(): void {
    this.#bins.clear();
    for (const account of KINDS.flatMap((kind) => this.#accountsOf(kind))) account.bins = undefined;
  }

  #accountsOf(kind: LatencyKind): readonly OperationAccount[] {
    return OPERATIONS[kind].map((operation) => this.#accounts.operations[operation]);
  }
}
