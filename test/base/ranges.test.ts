import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { alignDown, alignUp, isPowerOfTwo, overlaps } from '../../src/base/ranges.ts';

const POWERS = Array.from({ length: 53 }, (_, power) => 2 ** power);

describe('alignDown() and alignUp()', () => {
  it('leave a multiple as it is', () => {
    for (const value of [0, 512, 2 ** 52]) {
      expect([alignDown(value, 512), alignUp(value, 512)]).toEqual([value, value]);
    }
  });

  it('are exact up to 2^53, where 32-bit operators are not', () => {
    const random = seededRandom(1);
    for (let round = 0; round < 2000; round += 1) {
      const value = random.below(2 ** random.below(54));
      const alignment = 2 ** random.below(30);
      const down = (BigInt(value) / BigInt(alignment)) * BigInt(alignment);
      const up = down === BigInt(value) ? down : down + BigInt(alignment);
      expect(BigInt(alignDown(value, alignment))).toBe(down);
      expect(BigInt(alignUp(value, alignment))).toBe(up);
    }
  });
});

describe('isPowerOfTwo()', () => {
  it('holds for every power of two below 2^53', () => {
    expect(POWERS.every(isPowerOfTwo)).toBe(true);
  });

  it('does not hold for the neighbours of one, however large', () => {
    const neighbours = POWERS.filter((power) => power > 2).flatMap((power) => [
      power - 1,
      power + 1,
    ]);
    expect(neighbours.filter(isPowerOfTwo)).toEqual([]);
  });

  it('does not hold for what is no positive safe integer', () => {
    expect([0, -2, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY].some(isPowerOfTwo)).toBe(
      false,
    );
  });
});

describe('overlaps()', () => {
  it('holds exactly when a byte lies in both ranges', () => {
    const bytes = [0, 1, 2, 3, 4, 5];
    const ranges = bytes.flatMap((offset) => bytes.map((length) => ({ offset, length })));
    for (const a of ranges) {
      for (const b of ranges) {
        const shared = Array.from({ length: a.length }, (_, index) => a.offset + index).some(
          (at) => at >= b.offset && at < b.offset + b.length,
        );
        expect(overlaps(a, b), JSON.stringify({ a, b })).toBe(shared);
      }
    }
  });

  it('tells apart bytes beyond 2^32', () => {
    const low = { offset: 0, length: 2 ** 32 };
    expect(overlaps(low, { offset: 2 ** 32, length: 1 })).toBe(false);
    expect(overlaps(low, { offset: 2 ** 32 - 1, length: 2 ** 40 })).toBe(true);
  });
});
