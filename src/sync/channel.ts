/**
 * Values on their way from one that produces them to one that waits for them.
 *
 * The producer is never held up: when the consumer is more than `lengthMax` values behind, the
 * oldest are dropped. There is one consumer at a time.
 */

import { Signal } from './signal.ts';

export class Channel<T> implements AsyncIterable<T> {
  readonly #lengthMax: number;
  readonly #changed = new Signal();
  #values: T[] = [];
  #closed = false;

  constructor({ lengthMax }: { readonly lengthMax: number }) {
    this.#lengthMax = lengthMax;
  }

  push(value: T): void {
    if (this.#closed) return;
    this.#values.push(value);
    if (this.#values.length > this.#lengthMax) this.#values.shift();
    this.#changed.notifyAll();
  }

  /** Ends the iteration once what is here has been taken. */
  close(): void {
    this.#closed = true;
    this.#changed.notifyAll();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const values = this.#values;
      this.#values = [];
      yield* values;
      if (this.#values.length > 0) continue;
      if (this.#closed) return;
      await this.#changed.wait();
    }
  }
}
