/**
 * Time in a simulated world: it stands still until the world moves it, from timer to timer.
 *
 * {@link SimClock.turn} takes no time. It does not resolve at once either, for a loop that only
 * awaits turns would then never let go of this process: turns are granted between steps, where the
 * world counts them.
 */

import type { Clock, Timer } from '../env/env.ts';

/** Where time begins: not at 0, which would hide a forgotten subtraction. */
const START_MS = 1000;
/** What the wall clock says then: the first of January 2030, UTC. */
const WALL_START_MS = 1_893_456_000_000;
/** Timers at most. */
const TIMERS_MAX = 100_000;

interface SimTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

export class SimClock implements Clock {
  #nowMs = START_MS;
  /** In the order in which they fire; of those due together, the one set first fires first. */
  readonly #timers: SimTimer[] = [];
  #turns: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return WALL_START_MS + this.#nowMs - START_MS;
  }

  after(delayMs: number, callback: () => void): Timer {
    if (this.#timers.length >= TIMERS_MAX) {
      throw new RangeError(`Cannot set a timer: at most ${TIMERS_MAX} may wait`);
    }
    const timer: SimTimer = { dueMs: this.#nowMs + Math.max(delayMs, 0), callback };
    let at = this.#timers.length;
    while (at > 0 && (this.#timers[at - 1]?.dueMs ?? 0) > timer.dueMs) at -= 1;
    this.#timers.splice(at, 0, timer);
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }

  turn(): Promise<void> {
    return new Promise((resolve) => this.#turns.push(resolve));
  }

  /** When the timers that wait are due, in milliseconds from now, the next one first. */
  get waits(): readonly number[] {
    return this.#timers.map(({ dueMs }) => dueMs - this.#nowMs);
  }

  /** When the next timer is due, or `undefined` when none waits. */
  get nextMs(): number | undefined {
    return this.#timers[0]?.dueMs;
  }

  /** Goes on to the next timer and lets it fire. @returns Whether there was one. */
  fireNext(): boolean {
    const timer = this.#timers.shift();
    if (!timer) return false;
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    timer.callback();
    return true;
  }

  /** Lets those go on who let others run first. @returns Whether there were any. */
  grantTurns(): boolean {
    if (this.#turns.length === 0) return false;
    const turns = this.#turns;
    this.#turns = [];
    for (const resolve of turns) resolve();
    return true;
  }
}
