/**
 * A place to wait until something changed, as QEMU's CoQueue.
 *
 * Being woken says that the condition may hold now, not that it does: a waiter looks again, in a
 * loop, for others may have run first. Notifying when nobody waits is forgotten, so a waiter tests
 * its condition and calls {@link Signal.wait} without an `await` in between.
 */
export class Signal {
  #waiters: (() => void)[] = [];

  /** Resolves at the next {@link Signal.notifyAll} after this call. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  notifyAll(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiters.length;
  }
}
