/** What every chooser promises. */

import { describe, expect, it } from 'vitest';
import type { Chooser } from '../../../src/sim/chooser.ts';
import type { Move } from '../../../src/sim/move.ts';

/** So many moves, each of a mover of its own. */
export function moves(count: number): readonly Move[] {
  return Array.from({ length: count }, (_, at) => ({
    key: `move ${at}`,
    mover: at,
    action: { type: 'submit', index: at },
  }));
}

/** What a chooser answers to one question after the other. */
export function answers(chooser: Chooser, counts: readonly number[]): readonly number[] {
  return counts.map((count) => chooser.choose(count, moves(count)));
}

const COUNTS = [2, 5, 3, 2, 9, 4, 4, 4, 2, 7, 3, 3, 2, 6, 5];

/** Declares the suite for one kind of chooser; `make` makes equal ones. */
export function chooserContract(name: string, make: () => Chooser): void {
  describe(`chooser contract: ${name}`, () => {
    it('chooses one of what there is', () => {
      for (const [at, index] of answers(make(), COUNTS).entries()) {
        expect(Number.isInteger(index)).toBe(true);
        expect(index).toBeGreaterThanOrEqual(0);
        expect(index).toBeLessThan(COUNTS[at] ?? 0);
      }
    });

    it('chooses the same again', () => {
      expect(answers(make(), COUNTS)).toEqual(answers(make(), COUNTS));
    });
  });
}
