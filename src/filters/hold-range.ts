/** Holding a byte range for a request that may complete at once. */

import type { Pending } from '../base/pending.ts';
import type { ByteRange } from '../base/ranges.ts';
import type { RangeLock } from '../sync/range-lock.ts';

/**
 * Runs `body` with the range held, and gives it back however `body` ends; synchronous where the
 * range is free and `body` is.
 */
export function holdRange(lock: RangeLock, range: ByteRange, body: () => Pending): Pending {
  const held = lock.tryHold(range);
  if (!held) return lock.holding(range, body);
  let result: Pending;
  try {
    result = body();
  } catch (error) {
    lock.release(held);
    throw error;
  }
  if (result instanceof Promise) return result.finally(() => lock.release(held));
  lock.release(held);
}
