/**
 * The ways in which a process may end before its command has.
 *
 * A signal asks a command to end; so does output that cannot be written, for whoever was to read it
 * has gone or the disk is full. A command that minds has a handler and does it well; otherwise, and
 * at the third time, the process ends at once.
 */

import type { Clock } from '../env/env.ts';
import type { InterruptCause } from './command.ts';

/** How often the process may be asked to end before it does. */
const REQUESTS_MAX = 3;
/** A terminal signals all its programs, and some, such as npx, pass it on: that counts once. */
const ECHO_MS = 100;

export interface EndingsOptions {
  readonly clock: Clock;
  /** Ends the process as the signal would have done. */
  readonly die: (signal: NodeJS.Signals) => void;
}

export class Endings {
  readonly #options: EndingsOptions;
  readonly #cleaners = new Set<() => void>();
  readonly #handlers = new Set<(cause: InterruptCause) => void>();
  #requests = 0;
  #lastMs = -Infinity;

  constructor(options: EndingsOptions) {
    this.#options = options;
  }

  onInterrupt(handler: (cause: InterruptCause) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  onExit(clean: () => void): () => void {
    this.#cleaners.add(clean);
    return () => this.#cleaners.delete(clean);
  }

  /** The process got a signal. */
  signalled(signal: NodeJS.Signals): void {
    const nowMs = this.#options.clock.nowMs();
    const isEcho = nowMs - this.#lastMs < ECHO_MS;
    this.#lastMs = nowMs;
    if (isEcho && this.#requests > 0) return;
    if (this.#handlers.size > 0 && this.#requests + 1 < REQUESTS_MAX) {
      this.#request('signal');
    } else {
      this.clean();
      this.#options.die(signal);
    }
  }

  /** What is said cannot be written any more. @returns Whether somebody minds. */
  outputLost(): boolean {
    // Who has been asked already need not hurry for this.
    if (this.#requests === 0) this.#request('lost output');
    return this.#handlers.size > 0;
  }

  /** The process ends now. */
  clean(): void {
    for (const clean of this.#cleaners) clean();
    this.#cleaners.clear();
  }

  #request(cause: InterruptCause): void {
    this.#requests += 1;
    for (const handler of this.#handlers) handler(cause);
  }
}
