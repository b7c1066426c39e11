import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { blockChooser, PATTERNS, type Pattern } from '../../src/workload/pattern.ts';

function draw(pattern: Pattern, blocks: number, count: number): number[] {
  const next = blockChooser(pattern, blocks, seededRandom(3));
  return Array.from({ length: count }, () => next());
}

function shares(numbers: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return [...counts.values()].map((count) => count / numbers.length).sort((a, b) => b - a);
}

describe('blockChooser()', () => {
  it('goes through the blocks in order and from the first again', () => {
    expect(draw('sequential', 3, 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
    expect(draw('sequential', 1, 3)).toEqual([0, 0, 0]);
  });

  it('makes every block as likely as any other', () => {
    const random = shares(draw('random', 10, 20_000));
    expect(random).toHaveLength(10);
    expect(Math.max(...random) - Math.min(...random)).toBeLessThan(0.02);
  });

  it('makes a few blocks hot, and not those at the beginning', () => {
    const numbers = draw('zipf', 10_000, 50_000);
    const [hottest = 0] = shares(numbers);
    expect(hottest).toBeGreaterThan(0.05);
    const atBeginning = numbers.filter((number) => number < 1000).length / numbers.length;
    expect(atBeginning).toBeLessThan(0.3);
  });

  it('stays below the number of blocks', () => {
    for (const pattern of PATTERNS) {
      for (const blocks of [1, 2, 100]) {
        const numbers = draw(pattern, blocks, 1000);
        expect(numbers.every((number) => Number.isInteger(number) && number >= 0)).toBe(true);
        expect(Math.max(...numbers)).toBe(blocks - 1);
      }
    }
  });
});
