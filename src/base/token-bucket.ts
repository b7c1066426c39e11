/**
 * A rate limit as a pure function of time.
 *
 * The bucket fills at `rate` a second up to what `burstMs` of filling gives. Whoever takes more
 * than is there goes into debt and is told how long the debt takes to pay: nothing is refused, and
 * a request larger than the bucket passes too. The caller owns the clock and the waiting.
 */

/** Where the limit is, in units a second; 0 is no limit. */
export interface TokenBucketOptions {
  readonly rate: number;
  /** How long an idle bucket goes on filling, in milliseconds. */
  readonly burstMs: number;
}

/**
 * Less is no delay. What rounding leaves of a debt that was waited for could be a time too short to
 * move the clock, and whoever waits in a loop would never end.
 */
const DELAY_MIN_MS = 0.001;

export class TokenBucket {
  #rate: number;
  readonly #burstMs: number;
  #level = 0;
  #filledMs: number;

  constructor({ rate, burstMs }: TokenBucketOptions, nowMs: number) {
    this.#rate = rate;
    this.#burstMs = burstMs;
    this.#filledMs = nowMs;
  }

  /** Units a second; 0 is no limit. */
  get rate(): number {
    return this.#rate;
  }

  /** Changes the rate from now on. What was taken stays taken; removing the limit forgives it. */
  setRate(rate: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#rate = rate;
    if (rate === 0) this.#level = 0;
  }

  /** Takes `amount`, which may leave a debt. */
  take(amount: number, nowMs: number): void {
    if (this.#rate === 0) return;
    this.#fill(nowMs);
    this.#level -= amount;
  }

  /** @returns How many milliseconds until no debt is left; 0 when there is none. */
  delayMs(nowMs: number): number {
    if (this.#rate === 0) return 0;
    this.#fill(nowMs);
    const delayMs = (-this.#level / this.#rate) * 1000;
    return delayMs < DELAY_MIN_MS ? 0 : delayMs;
  }

  #capacity(): number {
    return (this.#rate * this.#burstMs) / 1000;
  }

  #fill(nowMs: number): void {
    const gained = (this.#rate * Math.max(nowMs - this.#filledMs, 0)) / 1000;
    this.#level = Math.min(this.#level + gained, this.#capacity());
    this.#filledMs = Math.max(nowMs, this.#filledMs);
  }
}
