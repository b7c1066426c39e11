import { describe, expect, it } from 'vitest';
import { bitsBetween, countBits, lowestBit } from '../../src/bitmap/words.ts';

describe('words', () => {
  it('counts the bits of any word, the sign bit included', () => {
    expect([0, 1, -1, 0x5555_5555, 1 << 31, 0x00f0_0f01].map(countBits)).toEqual([
      0, 1, 32, 16, 1, 9,
    ]);
  });

  it('finds the lowest bit of any word, the sign bit included', () => {
    for (let bit = 0; bit < 32; bit += 1) expect(lowestBit(-1 << bit)).toBe(bit);
    expect(lowestBit(1 << 31)).toBe(31);
  });

  it('makes the bits between any two places', () => {
    for (let start = 0; start < 32; start += 1) {
      for (let end = start + 1; end <= 32; end += 1) {
        let expected = 0;
        for (let bit = start; bit < end; bit += 1) expected |= 1 << bit;
        expect(bitsBetween(start, end)).toBe(expected);
      }
    }
  });
});
