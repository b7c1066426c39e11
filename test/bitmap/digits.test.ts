import { describe, expect, it } from 'vitest';
import { digitOf, levelFor, unitOf } from '../../src/bitmap/digits.ts';

describe('digits', () => {
  it('are those of the index to the base 32, above 2^32 too', () => {
    for (const index of [0, 31, 32, 2 ** 30 - 1, 2 ** 30, 2 ** 32 + 1, 2 ** 44 - 1, 2 ** 44]) {
      const digits = Array.from({ length: 9 }, (_, level) => digitOf(index, 8 - level));
      expect(digits.map((digit) => digit.toString(32)).join('')).toBe(
        index.toString(32).padStart(9, '0'),
      );
    }
  });

  it('count in powers of 32', () => {
    expect([unitOf(0), unitOf(1), unitOf(9)]).toEqual([1, 32, 2 ** 45]);
  });

  it('give the root the lowest level that reaches all indices', () => {
    const lengths = [0, 1, 1024, 1025, 2 ** 15, 2 ** 15 + 1, 2 ** 34, 2 ** 44];
    expect(lengths.map(levelFor)).toEqual([1, 1, 1, 2, 2, 3, 6, 8]);
  });
});
