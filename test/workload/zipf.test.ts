import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { ZIPF_THETA, zeta, zipf } from '../../src/workload/zipf.ts';

const DRAWS = 200_000;

function frequencies(count: number): Map<number, number> {
  const draw = zipf(count, seededRandom(7));
  const drawn = new Map<number, number>();
  for (let index = 0; index < DRAWS; index += 1) {
    const rank = draw();
    drawn.set(rank, (drawn.get(rank) ?? 0) + 1 / DRAWS);
  }
  return drawn;
}

describe('zeta()', () => {
  it('is the sum, term by term', () => {
    expect(zeta(1, 0.99)).toBe(1);
    expect(zeta(3, 0.5)).toBeCloseTo(1 + 2 ** -0.5 + 3 ** -0.5, 12);
  });

  it('is as good as the sum where it is a formula', () => {
    for (const count of [1001, 5000, 1_000_000]) {
      let sum = 0;
      for (let rank = count; rank >= 1; rank -= 1) sum += rank ** -ZIPF_THETA;
      expect(Math.abs(zeta(count, ZIPF_THETA) - sum)).toBeLessThan(1e-10);
    }
  });

  it('takes no longer for a disk of any size', () => {
    // The integral alone: what is missing stays below the first term.
    const count = 2 ** 41;
    const integral = (count ** 0.01 - 1) / 0.01;
    expect(zeta(count, 0.99)).toBeGreaterThan(integral);
    expect(zeta(count, 0.99)).toBeLessThan(integral + 1);
  });
});

describe('zipf()', () => {
  it('draws ranks in proportion to 1 / rank^theta', () => {
    for (const count of [1000, 1_000_000]) {
      const drawn = frequencies(count);
      const share = (rank: number) => (rank + 1) ** -ZIPF_THETA / zeta(count, ZIPF_THETA);
      for (const rank of [0, 1]) {
        expect((drawn.get(rank) ?? 0) / share(rank)).toBeCloseTo(1, 1);
      }
      // Ranks 2 to 99 together: the generator is a fit there, within a few hundredths.
      let [expected, actual] = [0, 0];
      for (let rank = 2; rank < 100; rank += 1) {
        expected += share(rank);
        actual += drawn.get(rank) ?? 0;
      }
      expect(Math.abs(actual / expected - 1)).toBeLessThan(0.1);
    }
  });

  it('stays below the count and reaches far', () => {
    const ranks = [...frequencies(1000).keys()];
    expect(Math.min(...ranks)).toBe(0);
    expect(Math.max(...ranks)).toBe(999);
  });

  it('works for one rank, and for two', () => {
    expect([...frequencies(1).keys()]).toEqual([0]);
    expect([...frequencies(2).keys()].sort()).toEqual([0, 1]);
  });
});
