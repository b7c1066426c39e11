/** One life of a simulated machine: from power on to power off. What it began ends with it. */

import type { Clock, Env, Timer } from '../env/env.ts';
import type { SimClock } from './clock.ts';
import { simEnv } from './env.ts';
import { type FileStore, LivingFiles } from './simulate-files.ts';
import { PowerCut } from './simulate-power-cut.ts';
import { RequestLine, type RequestWatcher } from './simulate-request.ts';

export class Life {
  readonly line: RequestLine;
  readonly clock: Clock;
  readonly env: Env;
  /** What something that ran beside has failed with. */
  failure: { readonly error: unknown } | undefined;
  readonly #time: SimClock;
  readonly #timers = new Set<Timer>();
  /** What is told to those who wait for something else than a request. */
  readonly #waiting = new Map<object, (error: PowerCut) => void>();
  #isOver = false;

  constructor(store: FileStore, time: SimClock, watcher: RequestWatcher) {
    this.#time = time;
    this.line = new RequestLine(watcher);
    this.clock = {
      nowMs: () => time.nowMs(),
      wallMs: () => time.wallMs(),
      after: (delayMs, callback) => this.#after(delayMs, callback),
      turn: () => time.turn(),
    };
    this.env = simEnv({ clock: this.clock, files: new LivingFiles(store, this.line) });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves `delayMs` from now, unless the power fails before. */
  sleep(delayMs: number): Promise<void> {
    const slept = new Promise<void>((resolve) => this.#after(delayMs, resolve));
    return this.wait('a sleep', slept);
  }

  /** Waits for something; rejects with a {@link PowerCut} when this life ends before. */
  wait<T>(what: string, promise: Promise<T>): Promise<T> {
    const key = {};
    const raced = new Promise<T>((resolve, reject) => {
      if (this.#isOver) reject(new PowerCut(what));
      else this.#waiting.set(key, () => reject(new PowerCut(what)));
      promise.then(resolve, reject).finally(() => this.#waiting.delete(key));
    });
    raced.catch(() => {});
    return raced;
  }

  /** Ends it; whoever waits for anything is told. */
  close(): void {
    this.#isOver = true;
    this.line.close();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const tell of [...this.#waiting.values()]) tell(new PowerCut(''));
    this.#waiting.clear();
  }

  #after(delayMs: number, callback: () => void): Timer {
    // Nothing moves in a machine that is off.
    if (this.#isOver) return { cancel: () => {} };
    const timer = this.#time.after(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }
}
