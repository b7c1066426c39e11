/**
 * Keeps requests out of the tail of a file while its size changes.
 *
 *     offset 0          from                end of file
 *            |- passes --|---- waits ---------|
 *
 * Shutting the gate at an offset makes every request wait that ends beyond it, and waits itself for
 * those that are under way, wherever they are: which is a count, where the exact ranges would be a
 * list to keep for every request. Requests that end before the offset go on all the while; they are
 * counted apart, so that an endless stream of them does not keep the gate waiting.
 */

import { ending, type Pending } from '../base/pending.ts';
import { Signal } from '../sync/signal.ts';

/** Requests that began between two shuttings of the gate. */
interface Epoch {
  underWay: number;
}

export class TailGate {
  readonly #changed = new Signal();
  /** Where the gate is shut. */
  #from = Number.POSITIVE_INFINITY;
  #epoch: Epoch = { underWay: 0 };

  /** Runs `body`, a request that ends at `end`, when the gate lets it pass. */
  passing<T>(end: number, body: () => Pending<T>): Pending<T> {
    if (end > this.#from) return this.#waiting(end, body);
    const epoch = this.#epoch;
    epoch.underWay += 1;
    return ending(body, () => this.#passed(epoch));
  }

  async #waiting<T>(end: number, body: () => Pending<T>): Promise<T> {
    while (end > this.#from) await this.#changed.wait();
    return this.passing(end, body);
  }

  #passed(epoch: Epoch): void {
    epoch.underWay -= 1;
    if (epoch.underWay === 0) this.#changed.notifyAll();
  }

  /** Runs `body` while no request that ends beyond `from` is under way. */
  async shut<T>(from: number, body: () => T | Promise<T>): Promise<T> {
    while (this.#from !== Number.POSITIVE_INFINITY) await this.#changed.wait();
    const before = this.#epoch;
    this.#from = from;
    this.#epoch = { underWay: 0 };
    try {
      while (before.underWay > 0) await this.#changed.wait();
      return await body();
    } finally {
      this.#from = Number.POSITIVE_INFINITY;
      this.#changed.notifyAll();
    }
  }
}
