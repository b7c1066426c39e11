import { expect, it } from 'vitest';
import { checkIoThread } from '../../src/machine/iothread.ts';

it.each([
  [{ 'poll-grow': -1 }, 'poll-grow value must be in range [0, 9223372036854775807]'],
  [{ 'thread-pool-max': 0 }, 'bad thread-pool-min/thread-pool-max values'],
  [{ 'thread-pool-min': 65 }, 'bad thread-pool-min/thread-pool-max values'],
])('an iothread cannot have %j', (given, reason) => {
  expect(() => checkIoThread(given)).toThrow(reason);
});

it('an iothread may have no property, or any that agrees with the others', () => {
  expect(() => checkIoThread({})).not.toThrow();
  expect(() => checkIoThread({ 'thread-pool-min': 65, 'thread-pool-max': 65 })).not.toThrow();
});
