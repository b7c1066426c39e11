/**
 * A clock that stands still unless the test moves it.
 *
 * Time and progress are apart: {@link FakeClock.turn} lets everything that is ready run and takes
 * no time, {@link FakeClock.advance} lets time pass and calls the timers that come due, one after
 * the other, each at its own moment.
 */

import type { Clock, Timer } from '../../src/env/env.ts';

/** Where the clock stands at first: not at 0, which would hide a forgotten subtraction. */
const START_MS = 1000;

interface Pending {
  readonly atMs: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #nowMs = START_MS;
  readonly #timers = new Set<Pending>();
  /** How often somebody let the others run. */
  turns = 0;
  /** How many do so now. */
  #turning = 0;

  /** Timers that wait. */
  get timers(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer: Pending = { atMs: this.#nowMs + Math.max(delayMs, 0), callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  turn(): Promise<void> {
    this.turns += 1;
    this.#turning += 1;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#turning -= 1;
        resolve();
      }),
    );
  }

  /** Moves time without calling a timer, as a busy program would. */
  pass(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  /** Lets time pass; what a timer starts has settled before the next is called. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      do await new Promise((resolve) => setImmediate(resolve));
      while (this.#turning > 0);
      const next = this.#firstTimer();
      if (!next || next.atMs > endMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  #firstTimer(): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of this.#timers) if (!first || timer.atMs < first.atMs) first = timer;
    return first;
  }
}
