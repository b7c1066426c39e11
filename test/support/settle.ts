/**
 * Waiting until nothing moves any more, without a clock.
 *
 * The event loop turns only when every callback of a promise has run, so after one turn all that
 * could go on by itself has done so, and what is left waits for something that the test does.
 */

/** Resolves when everything that needs nobody else has happened. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A promise that the test settles. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** Where a request is, for tests that look before it has ended. */
export interface Watched {
  state: 'pending' | 'done' | 'failed';
  error?: unknown;
}

/** Starts a request that may complete or throw at once, and watches it. */
export function watch(start: () => unknown): Watched {
  const watched: Watched = { state: 'pending' };
  const run = async () => {
    try {
      await start();
      watched.state = 'done';
    } catch (error) {
      watched.state = 'failed';
      watched.error = error;
    }
  };
  void run();
  return watched;
}
