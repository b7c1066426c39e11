import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { WAITERS_MAX, type Waiter, WaitingLine } from '../../src/device/waiting-line.ts';

function waiter(errors: Error[] = []): Waiter {
  return { request: { type: 'flush' }, resolve: () => {}, reject: (error) => errors.push(error) };
}

describe('WaitingLine', () => {
  it('lets out first who came first', () => {
    const line = new WaitingLine('vda');
    const [first, second] = [waiter(), waiter()];
    line.push(first);
    line.push(second);
    expect(line.length).toBe(2);
    expect([line.shift(), line.shift(), line.shift()]).toEqual([first, second, undefined]);
  });

  it('rejects who comes when it is as long as it may be', () => {
    const line = new WaitingLine('vda');
    for (let count = 0; count < WAITERS_MAX; count += 1) line.push(waiter());
    const errors: Error[] = [];
    line.push(waiter(errors));
    expect(errors).toEqual([expect.any(RangeError)]);
    expect(line.length).toBe(WAITERS_MAX);
  });

  it('rejects all at once, and is empty before the first hears of it', () => {
    const line = new WaitingLine('vda');
    const lengths: number[] = [];
    const reject = () => lengths.push(line.length);
    for (let count = 0; count < 2; count += 1) line.push({ ...waiter(), reject });
    line.rejectAll(new BlockError('ESHUTDOWN', 'test', 'closed'));
    expect(lengths).toEqual([0, 0]);
  });
});
