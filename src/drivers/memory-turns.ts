/** Steps of one request that complete at once where they can: see {@link Pending}. */

import type { Pending } from '../base/pending.ts';

/** Takes a step for each item, one after the other; an item is asked for when its turn comes. */
export function inTurn<T>(items: Iterable<T>, step: (item: T) => Pending): Pending {
  const rest = items[Symbol.iterator]();
  for (let next = rest.next(); !next.done; next = rest.next()) {
    const done = step(next.value);
    if (done instanceof Promise) return goOn(done, rest, step);
  }
}

async function goOn<T>(first: Promise<void>, rest: Iterator<T>, step: (item: T) => Pending) {
  await first;
  for (let next = rest.next(); !next.done; next = rest.next()) await step(next.value);
}
