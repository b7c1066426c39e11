/**
 * A result that is either here already or on its way.
 *
 * The data path returns this instead of a promise: a memory disk has its bytes at once, and a
 * promise, however short, costs as much as the whole request (`bench/device.bench.ts` shows what
 * this buys). `await` works on both. Who does not await tells them apart with `instanceof Promise`;
 * an error may therefore be thrown or rejected, and both must be expected.
 */
export type Pending<T = void> = T | Promise<T>;
