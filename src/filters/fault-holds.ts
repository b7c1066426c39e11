/**
 * Requests that wait: for their time, or for somebody to let them go.
 *
 * There are as many as the parents of a node have in flight, at most. All can be cancelled, which
 * leaves no timer behind.
 */

import { BlockError } from '../base/errors.ts';
import type { Clock, Timer } from '../env/env.ts';

interface Hold {
  readonly key: string;
  /** What is held up, for the error that ends it. */
  readonly action: string;
  readonly timer: Timer | undefined;
  readonly resolve: () => void;
  readonly reject: (error: BlockError) => void;
}

/** Requests that wait under keys. */
export class Holds {
  readonly #clock: Clock;
  readonly #holds = new Set<Hold>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait, under one key or in all. */
  count(key?: string): number {
    return key === undefined ? this.#holds.size : this.#under(key).length;
  }

  /**
   * Waits `delayMs`, or without end where that is not given.
   *
   * @param options `key` is what {@link Holds.release} names; `action` is as for
   *   {@link BlockError}.
   * @throws {BlockError} `ECANCELED` when it was cancelled.
   */
  wait(options: {
    readonly key: string;
    readonly action: string;
    readonly delayMs?: number;
  }): Promise<void> {
    const { key, action, delayMs } = options;
    return new Promise((resolve, reject) => {
      const end = () => this.#end(hold);
      const timer = delayMs === undefined ? undefined : this.#clock.after(delayMs, end);
      const hold: Hold = { key, action, timer, resolve, reject };
      this.#holds.add(hold);
    });
  }

  /** Lets go what waits under a key. @returns How many that were. */
  release(key: string): number {
    const found = this.#under(key);
    for (const hold of found) this.#end(hold);
    return found.length;
  }

  /** Lets go the one that came last under a key. @returns Whether there was one. */
  releaseLast(key: string): boolean {
    const hold = this.#under(key).at(-1);
    if (hold) this.#end(hold);
    return hold !== undefined;
  }

  /** Fails everything that waits, with `ECANCELED`. */
  cancelAll(): void {
    const holds = [...this.#holds];
    this.#holds.clear();
    for (const { timer, action, reject } of holds) {
      timer?.cancel();
      reject(new BlockError('ECANCELED', action, 'Operation canceled'));
    }
  }

  #under(key: string): readonly Hold[] {
    return [...this.#holds].filter((hold) => hold.key === key);
  }

  #end(hold: Hold): void {
    this.#holds.delete(hold);
    hold.timer?.cancel();
    hold.resolve();
  }
}
