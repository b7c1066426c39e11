/**
 * A result that is either here already or on its way.
 *
 * The data path returns this instead of a promise: a memory disk has its bytes at once, and a
 * promise, however short, costs as much as the whole request (`bench/device.bench.ts` shows what
 * this buys). `await` works on both. Who does not await tells them apart with `instanceof Promise`;
 * an error may therefore be thrown or rejected, and both must be expected.
 */
export type Pending<T = void> = T | Promise<T>;

/** What comes of a result, at once where it is there. */
export function after<T, U>(result: Pending<T>, next: (value: T) => Pending<U>): Pending<U> {
  return result instanceof Promise ? result.then(next) : next(result);
}

/** Runs `body`, and `end` however it ends: at once where it completes at once. */
export function ending<T>(body: () => Pending<T>, end: () => void): Pending<T> {
  let result: Pending<T>;
  try {
    result = body();
  } catch (error) {
    end();
    throw error;
  }
  if (result instanceof Promise) return result.finally(end);
  end();
  return result;
}
