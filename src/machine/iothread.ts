/** The properties of an iothread, which are kept and mean nothing: one thread serves all disks. */

import { BlockError } from '../base/errors.ts';

type Property =
  | 'aio-max-batch'
  | 'thread-pool-min'
  | 'thread-pool-max'
  | 'poll-max-ns'
  | 'poll-grow'
  | 'poll-shrink';

/** By QEMU's names. */
export type IoThreadProperties = { readonly [Name in Property]?: number };

/** What one has that was not told otherwise. */
export const IOTHREAD_DEFAULTS: Readonly<Record<Property, number>> = {
  'aio-max-batch': 0,
  'thread-pool-min': 0,
  'thread-pool-max': 64,
  'poll-max-ns': 32768,
  'poll-grow': 0,
  'poll-shrink': 0,
};

/** @throws {BlockError} `EINVAL`, with QEMU's text, for values that an iothread cannot have. */
export function checkIoThread(given: IoThreadProperties): void {
  const refuse = (reason: string) => new BlockError('EINVAL', 'set up an iothread', reason);
  const negative = Object.entries(given).find(([, value]) => value < 0);
  if (negative) throw refuse(`${negative[0]} value must be in range [0, ${2n ** 63n - 1n}]`);
  const { 'thread-pool-min': min, 'thread-pool-max': max } = { ...IOTHREAD_DEFAULTS, ...given };
  if (max === 0 || min > max) throw refuse('bad thread-pool-min/thread-pool-max values');
}
