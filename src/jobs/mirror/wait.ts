/** A wait whose rest can be made longer or shorter, in proportion. */

import type { Clock, Timer } from '../../env/env.ts';

export class Wait {
  /** Resolves when the wait is over. */
  readonly over: Promise<void>;
  readonly #clock: Clock;
  #dueMs: number;
  #timer: Timer;
  #resolve: () => void = () => {};

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#dueMs = clock.nowMs() + delayMs;
    this.#timer = clock.after(delayMs, this.#resolve);
  }

  /** From now on it lasts `factor` times as long as it would have; 0 ends it. */
  scale(factor: number): void {
    const nowMs = this.#clock.nowMs();
    const leftMs = Math.max(this.#dueMs - nowMs, 0) * factor;
    this.#timer.cancel();
    this.#dueMs = nowMs + leftMs;
    if (leftMs === 0) this.#resolve();
    else this.#timer = this.#clock.after(leftMs, this.#resolve);
  }

  end(): void {
    this.scale(0);
  }
}
