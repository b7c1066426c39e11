import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { permutation } from '../../src/workload/permutation.ts';

describe('permutation()', () => {
  it('gives every number below the bound once', () => {
    for (const count of [1, 2, 3, 4, 5, 16, 17, 1000, 4097]) {
      const shuffled = permutation(count, seededRandom(count));
      const numbers = Array.from({ length: count }, (_, index) => shuffled(index));
      expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, index) => index));
    }
  });

  it('spreads neighbours', () => {
    const count = 1_000_000;
    const shuffled = permutation(count, seededRandom(1));
    const near = Array.from({ length: 1000 }, (_, index) => index).filter(
      (index) => Math.abs(shuffled(index) - shuffled(index + 1)) < count / 100,
    );
    // Two random places are that near with a probability of 2 in 100.
    expect(near.length).toBeLessThan(50);
  });

  it('works beyond 32 bits', () => {
    const count = 2 ** 44 - 3;
    const shuffled = permutation(count, seededRandom(1));
    const numbers = Array.from({ length: 1000 }, (_, index) => shuffled(count - 1 - index));
    expect(new Set(numbers).size).toBe(1000);
    expect(numbers.every((number) => Number.isInteger(number))).toBe(true);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(count);
    expect(Math.max(...numbers)).toBeGreaterThan(2 ** 43);
  });

  it('differs with the keys', () => {
    const [one, other] = [1, 2].map((seed) => permutation(1000, seededRandom(seed)));
    const same = Array.from({ length: 1000 }, (_, index) => index).filter(
      (index) => one?.(index) === other?.(index),
    );
    expect(same.length).toBeLessThan(20);
  });
});
