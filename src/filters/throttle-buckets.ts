/**
 * The arithmetic of throttling: leaky buckets as a pure function of time.
 *
 * Each limit is a bucket. A request pours its size in, and the bucket leaks at the average rate. As
 * long as it is not over full, requests pass; then they wait until what is over has leaked out.
 *
 *     limit set             bucket holds          and a second one, leaking at `max`, holds
 *     average               average / 10          -
 *     average, max          max                   -
 *     average, max, length  max * length          max / 10
 *
 * So an average alone lets a tenth of a second's worth through at once, a burst of length 1 lets
 * `max` units through at once, and a longer burst goes at the rate `max`, for which the second
 * bucket sees, until the first is full. This is QEMU's algorithm (docs/throttle.txt). The size of a
 * request is not looked at before it passes: one larger than the bucket passes too, and is paid for
 * by those after it.
 */

import type { BucketLimit, LimitKind, ThrottleConfiguration } from './throttle-limits.ts';

/** Zeroes and discards count as writes. */
export type Direction = 'read' | 'write';

export const DIRECTIONS: readonly Direction[] = ['read', 'write'];

/** What a limit without a burst lets through at once, in seconds of it. */
const SLACK_SECONDS = 0.1;
/**
 * Less is no delay. What rounding leaves of a wait could be too short to move the clock, and
 * whoever waits again would never end.
 */
const DELAY_MIN_MS = 0.001;

const APPLYING: Readonly<Record<Direction, readonly LimitKind[]>> = {
  read: ['bps-total', 'iops-total', 'bps-read', 'iops-read'],
  write: ['bps-total', 'iops-total', 'bps-write', 'iops-write'],
};

interface Bucket {
  readonly kind: LimitKind;
  readonly limit: BucketLimit;
  level: number;
  burstLevel: number;
}

export class ThrottleBuckets {
  readonly #operationSize: number;
  readonly #buckets: Readonly<Record<Direction, readonly Bucket[]>>;
  /** When the buckets last leaked; they are empty until the first look at them. */
  #leakedMs: number | undefined;

  constructor({ buckets, operationSize }: ThrottleConfiguration) {
    this.#operationSize = operationSize;
    const made = new Map<LimitKind, Bucket>();
    const bucketsOf = (direction: Direction) =>
      APPLYING[direction].flatMap((kind) => {
        const limit = buckets[kind];
        if (limit.average === 0) return [];
        // The two directions share the buckets of what is limited together.
        const bucket = made.get(kind) ?? { kind, limit, level: 0, burstLevel: 0 };
        made.set(kind, bucket);
        return [bucket];
      });
    this.#buckets = { read: bucketsOf('read'), write: bucketsOf('write') };
  }

  /** Pours a request in, which may leave the buckets over full. */
  take(direction: Direction, bytes: number, nowMs: number): void {
    this.#leak(nowMs);
    const size = this.#operationSize;
    const operations = size > 0 && bytes > size ? bytes / size : 1;
    for (const bucket of this.#buckets[direction]) {
      const amount = bucket.kind.startsWith('bps') ? bytes : operations;
      bucket.level += amount;
      if (bucket.limit.maxLength > 1) bucket.burstLevel += amount;
    }
  }

  /** @returns How many milliseconds until no bucket of the direction is over full. */
  delayMs(direction: Direction, nowMs: number): number {
    this.#leak(nowMs);
    let seconds = 0;
    for (const bucket of this.#buckets[direction]) {
      seconds = Math.max(seconds, secondsUntilLevel(bucket));
    }
    const delayMs = seconds * 1000;
    return delayMs < DELAY_MIN_MS ? 0 : delayMs;
  }

  #leak(nowMs: number): void {
    const seconds = Math.max(nowMs - (this.#leakedMs ?? nowMs), 0) / 1000;
    this.#leakedMs = Math.max(nowMs, this.#leakedMs ?? nowMs);
    if (seconds === 0) return;
    const { read, write } = this.#buckets;
    for (const bucket of new Set([...read, ...write])) {
      const { average, max } = bucket.limit;
      bucket.level = Math.max(bucket.level - average * seconds, 0);
      bucket.burstLevel = Math.max(bucket.burstLevel - max * seconds, 0);
    }
  }
}

function secondsUntilLevel({ limit, level, burstLevel }: Bucket): number {
  const { average, max, maxLength } = limit;
  const size = max > 0 ? max * maxLength : average * SLACK_SECONDS;
  if (level > size) return (level - size) / average;
  if (maxLength === 1) return 0;
  return Math.max(burstLevel - max * SLACK_SECONDS, 0) / max;
}
