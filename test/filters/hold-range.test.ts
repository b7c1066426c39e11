import { describe, expect, it } from 'vitest';
import { holdRange } from '../../src/filters/hold-range.ts';
import { RangeLock } from '../../src/sync/range-lock.ts';
import { deferred, settle } from '../support/settle.ts';

const RANGE = { offset: 0, length: 10 };

describe('holding a range for a request', () => {
  it('is synchronous where the range is free and the request is', () => {
    const lock = new RangeLock();
    expect(holdRange(lock, RANGE, () => {})).toBeUndefined();
    expect(lock.isBusy(RANGE)).toBe(false);
  });

  it('waits for those before it that share a byte, and for no others', async () => {
    const lock = new RangeLock();
    const first = deferred();
    const told: string[] = [];
    const requests = [
      holdRange(lock, RANGE, () => first.promise.then(() => void told.push('first'))),
      holdRange(lock, { offset: 9, length: 2 }, () => void told.push('second')),
      holdRange(lock, { offset: 10, length: 1 }, () => void told.push('third')),
      holdRange(lock, { offset: 20, length: 1 }, () => void told.push('fourth')),
    ];
    await settle();
    expect(told).toEqual(['fourth']);
    first.resolve();
    await Promise.all(requests);
    expect(told).toEqual(['fourth', 'first', 'second', 'third']);
  });

  it('gives the range back when the request throws or is rejected', async () => {
    const lock = new RangeLock();
    const fail = () => {
      throw new Error('no');
    };
    expect(() => holdRange(lock, RANGE, fail)).toThrow('no');
    expect(lock.isBusy(RANGE)).toBe(false);
    await expect(holdRange(lock, RANGE, async () => fail())).rejects.toThrow('no');
    expect(lock.isBusy(RANGE)).toBe(false);
  });
});
