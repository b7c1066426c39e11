import { describe, expect, it } from 'vitest';
import { DivergenceError, lenientReplay, strictReplay } from '../../../src/sim/choosers/replay.ts';
import { answers, chooserContract, moves } from './chooser-contract.ts';

const LONG = [1, 4, 2, 0, 8, 3, 3, 1, 0, 6, 2, 1, 0, 5, 4];

chooserContract('strict replay', () => strictReplay({ schedule: LONG }));
chooserContract('lenient replay', () => lenientReplay([9, 9, 9]));

describe('a strict replay', () => {
  it('fails where there are fewer moves than the schedule says', () => {
    const chooser = strictReplay({ schedule: [1, 2] });
    expect(chooser.choose(2, moves(2))).toBe(1);
    expect(() => chooser.choose(2, moves(2))).toThrow(DivergenceError);
  });

  it('fails where the schedule has ended', () => {
    expect(() => strictReplay({ schedule: [] }).choose(2, moves(2))).toThrow(/has ended/);
  });

  it('fails where another move has the index that was written down', () => {
    const recorded = strictReplay({ schedule: [1, 1], moves: ['move 1', 'move 0'] });
    expect(recorded.choose(2, moves(2))).toBe(1);
    expect(() => recorded.choose(2, moves(2))).toThrow(/choice 1 diverges: "move 0" was recorded/);
  });
});

describe('a lenient replay', () => {
  it('takes the last move instead of one that is not there, and the first at its end', () => {
    expect(answers(lenientReplay([5, 1]), [3, 3, 3, 3])).toEqual([2, 1, 0, 0]);
  });
});
