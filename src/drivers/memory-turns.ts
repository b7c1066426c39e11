/** Steps of one request that complete at once where they can: see {@link Pending}. */

import type { Pending } from '../base/pending.ts';
import type { ByteRange } from '../base/ranges.ts';
import type { RangeLock } from '../sync/range-lock.ts';

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

/** Runs `body` with the range claimed: at once if nobody else has a claim on it, else in turn. */
export function withRange(lock: RangeLock, range: ByteRange, body: () => Pending): Pending {
  const held = lock.tryHold(range);
  if (!held) return lock.holding(range, body);
  let done: Pending;
  try {
    done = body();
  } catch (error) {
    lock.release(held);
    throw error;
  }
  if (done instanceof Promise) return done.finally(() => lock.release(held));
  lock.release(held);
}
