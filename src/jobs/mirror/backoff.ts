/**
 * How long to wait before trying again what failed: longer each time, until something succeeds.
 *
 * Without it a job that ignores the errors of a broken target would try, and tell of it, as often
 * as the machine can.
 */

/** The first wait and the longest, in milliseconds. */
const DELAY_MS = 10;
const DELAY_MAX_MS = 1000;

export class Backoff {
  #delayMs = 0;
  #untilMs = 0;

  fail(nowMs: number): void {
    this.#delayMs = Math.min(Math.max(this.#delayMs * 2, DELAY_MS), DELAY_MAX_MS);
    this.#untilMs = nowMs + this.#delayMs;
  }

  succeed(): void {
    this.#delayMs = 0;
    this.#untilMs = 0;
  }

  /** @returns How many milliseconds until the next attempt; 0 when it may be made now. */
  delayMs(nowMs: number): number {
    return Math.max(this.#untilMs - nowMs, 0);
  }
}
