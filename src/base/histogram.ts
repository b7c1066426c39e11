/**
 * How latencies are distributed, in fixed memory.
 *
 * The buckets are log-linear, as in HdrHistogram: each octave, from one power of two to the next,
 * is cut into 64 buckets of equal width. A bucket is at most 1/64 of its values wide and stands for
 * its middle, so what is read is off by at most 1/128, which is 0.8 %, at 100 ns as at an hour.
 *
 *     ms       2^-14      2^-13              1          2                    2^22
 *              61 ns      122 ns
 *     buckets  | 64 of 1 ns | 64 of 2 ns | ... | 64 of 16 us | ... | ...       |
 *      below ->|                                                               |<- above
 *
 * The bucket is read off the bits of the number: a double is sign, exponent and mantissa, so its
 * top bits, down to the sixth of the mantissa, number the buckets of all octaves in order.
 *
 *     bit      63     62 ... 52    51 ... 46      45 ... 0
 *              sign   exponent     bucket of 64   place in the bucket
 */

/** Bits of the mantissa that select the bucket in an octave. */
const BUCKET_BITS = 6;
const EXPONENT_MIN = -14;
const EXPONENT_MAX = 22;

/** In milliseconds: 61 ns and 70 minutes. What is outside counts, but is told apart no further. */
const LOWEST_MS = 2 ** EXPONENT_MIN;
const HIGHEST_MS = 2 ** EXPONENT_MAX;

const BUCKETS = (EXPONENT_MAX - EXPONENT_MIN) << BUCKET_BITS;

/** How far the upper word of a double is shifted to leave only exponent and bucket. */
const SHIFT = 20 - BUCKET_BITS;
const EXPONENT_BIAS = 1023;
/** What is left of {@link LOWEST_MS} then. */
const FIRST_BUCKET = (EXPONENT_MIN + EXPONENT_BIAS) << BUCKET_BITS;

/** Used by all histograms, and never across a call: where a number is taken apart. */
const scratch = new DataView(new ArrayBuffer(8));

export class LatencyHistogram {
  /**
   * Doubles, since 32-bit counters would overflow after four billion requests. There are none until
   * something is recorded: a device has a histogram for each kind of request, and most stay empty.
   */
  #counts: Float64Array | undefined;
  #below = 0;
  #count = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  /** How many latencies were recorded. */
  get count(): number {
    return this.#count;
  }

  /** Their mean, from the latencies themselves and not from buckets; 0 when there is none. */
  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  /** The shortest, exactly; 0 when there is none. */
  get minMs(): number {
    return this.#count === 0 ? 0 : this.#minMs;
  }

  /** The longest, exactly; 0 when there is none. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /**
   * Records a latency.
   *
   * @param ms In milliseconds, 0 or more.
   * @throws {RangeError} When it is negative, infinite or no number.
   */
  record(ms: number): void {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`Cannot record a latency: it must be 0 or more milliseconds: ${ms}`);
    }
    this.#count += 1;
    this.#sumMs += ms;
    if (ms < this.#minMs) this.#minMs = ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
    if (ms < LOWEST_MS) this.#below += 1;
    else if (ms < HIGHEST_MS) this.#add(bucketOf(ms), 1);
  }

  /**
   * Tells which latency a share of all do not exceed: the smallest that has at least `percent` of
   * them at or below it.
   *
   * @param percent From 0, the shortest, to 100, the longest.
   * @returns Milliseconds, right to 0.8 % between 61 ns and 70 minutes; below and above that the
   *   shortest and the longest stand for all. 0 when there is none.
   * @throws {RangeError} When `percent` is outside.
   */
  percentile(percent: number): number {
    if (!(percent >= 0 && percent <= 100)) {
      throw new RangeError(`Cannot tell a percentile: it must be from 0 to 100: ${percent}`);
    }
    if (this.#count === 0) return 0;
    const rank = Math.max(Math.ceil((percent * this.#count) / 100), 1);
    if (rank === this.#count) return this.#maxMs;
    if (rank === 1) return this.#minMs;
    let seen = this.#below;
    if (rank <= seen) return this.#minMs;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#counts?.[bucket] ?? 0;
      if (rank <= seen) return Math.min(Math.max(middleOf(bucket), this.#minMs), this.#maxMs);
    }
    return this.#maxMs;
  }

  /** Adds what another histogram recorded. */
  merge(other: LatencyHistogram): void {
    for (const [bucket, count] of other.#counts?.entries() ?? []) this.#add(bucket, count);
    this.#below += other.#below;
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#minMs = Math.min(this.#minMs, other.#minMs);
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  /** Forgets all that was recorded. */
  reset(): void {
    this.#counts?.fill(0);
    this.#below = 0;
    this.#count = 0;
    this.#sumMs = 0;
    this.#minMs = Number.POSITIVE_INFINITY;
    this.#maxMs = 0;
  }

  #add(bucket: number, count: number): void {
    this.#counts ??= new Float64Array(BUCKETS);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
  }
}

/** The bucket of a value from {@link LOWEST_MS} to below {@link HIGHEST_MS}. */
function bucketOf(ms: number): number {
  scratch.setFloat64(0, ms);
  return (scratch.getUint32(0) >>> SHIFT) - FIRST_BUCKET;
}

/** The middle of a bucket, in milliseconds. */
function middleOf(bucket: number): number {
  const buckets = 1 << BUCKET_BITS;
  const octaveMs = 2 ** (EXPONENT_MIN + (bucket >> BUCKET_BITS));
  return octaveMs * (1 + ((bucket % buckets) + 0.5) / buckets);
}
