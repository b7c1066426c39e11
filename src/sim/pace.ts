/**
 * Requests that pass by time instead of by choice: for large worlds and long ones.
 *
 * Each request takes effect and is answered after delays that a seed draws, and the guest makes its
 * requests at an even pace of its own; nothing is left to a chooser.
 */

import type { Random } from '../base/random.ts';
import type { Timer } from '../env/env.ts';
import type { SimClock } from './clock.ts';
import type { Passage, Turnstile } from './turnstile.ts';

export interface Pace {
  readonly random: Random;
  /** The longest that a request takes until its effect, and from there to its answer, in ms. */
  readonly delayMaxMs: number;
  /** Between two requests of the guest, in milliseconds. */
  readonly guestEveryMs: number;
}

/** When a guest that keeps an even pace may make its next request. */
export class Metronome {
  #isDue = false;
  #timer: Timer;

  constructor(clock: SimClock, everyMs: number) {
    const beat = () => {
      // A guest that was held up does not catch up.
      this.#isDue = true;
      this.#timer = clock.after(everyMs, beat);
    };
    this.#timer = clock.after(everyMs, beat);
  }

  get isDue(): boolean {
    return this.#isDue;
  }

  /** The guest has made a request; with `isLast` it makes no other. */
  take({ isLast }: { readonly isLast: boolean }): void {
    this.#isDue = false;
    if (isLast) this.#timer.cancel();
  }
}

/** Lets everything through that comes to the turnstile, each after a time of its own. */
export function letPass(turnstile: Turnstile, clock: SimClock, pace: Pace): void {
  const draw = () => pace.random.fraction() * pace.delayMaxMs;
  turnstile.onArrival = (passage: Passage) => {
    clock.after(draw(), () => {
      if (passage.stage === 'gone') return;
      passage.takeEffect();
      clock.after(draw(), () => {
        if (passage.stage !== 'gone') passage.answer();
      });
    });
  };
}
