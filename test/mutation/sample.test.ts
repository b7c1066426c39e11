import { describe, expect, it } from 'vitest';
import { sampleOf, shuffled } from './sample.ts';

const ITEMS = Array.from({ length: 100 }, (_, index) => index);

describe('a sample', () => {
  it('has as many items as were asked for, in their order, and none twice', () => {
    const sample = sampleOf(ITEMS, 40, 1);
    expect(sample).toHaveLength(40);
    expect(sample).toEqual([...new Set(sample)].sort((one, other) => one - other));
  });

  it('is the same for the same seed, and another for another', () => {
    expect(sampleOf(ITEMS, 40, 1)).toEqual(sampleOf(ITEMS, 40, 1));
    expect(sampleOf(ITEMS, 40, 2)).not.toEqual(sampleOf(ITEMS, 40, 1));
  });

  it('is everything where there is no more', () => {
    expect(sampleOf(ITEMS, Number.POSITIVE_INFINITY, 1)).toEqual(ITEMS);
  });

  it('takes each item about as often as any other', () => {
    const taken = Array.from({ length: 2000 }, (_, seed) => sampleOf(ITEMS, 10, seed)).flat();
    for (const item of ITEMS) {
      const times = taken.filter((one) => one === item).length;
      expect(times).toBeGreaterThan(130);
      expect(times).toBeLessThan(270);
    }
  });
});

describe('a shuffle', () => {
  it('has all items, in an order that is the same for the same seed only', () => {
    expect([...shuffled(ITEMS, 1)].sort((one, other) => one - other)).toEqual(ITEMS);
    expect(shuffled(ITEMS, 1)).toEqual(shuffled(ITEMS, 1));
    expect(shuffled(ITEMS, 2)).not.toEqual(shuffled(ITEMS, 1));
    expect(shuffled(ITEMS, 1)).not.toEqual(ITEMS);
  });
});
