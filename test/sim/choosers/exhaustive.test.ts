import { describe, expect, it } from 'vitest';
import { ExhaustiveGuide } from '../../../src/sim/choosers/exhaustive.ts';
import { moves } from './chooser-contract.ts';

const PLAIN = { knownStates: false, sleepSets: false };
const NO_STATE = () => 0;

/** Runs all schedules of a tree in which the path so far decides how many moves there are. */
function schedules(guide: ExhaustiveGuide, countAt: (path: readonly number[]) => number) {
  const found: string[] = [];
  while (guide.begin()) {
    const path: number[] = [];
    for (let count = countAt(path); count > 0; count = countAt(path)) {
      const verdict = guide.next(moves(count), NO_STATE);
      if (verdict === 'nothing new') break;
      path.push(verdict);
    }
    found.push(path.join(''));
  }
  return found;
}

describe('an exhaustive guide', () => {
  it('leads through every schedule once', () => {
    const guide = new ExhaustiveGuide(PLAIN);
    const found = schedules(guide, (path) => (path.length < 3 ? 2 : 0));
    expect(found).toEqual(['000', '001', '010', '011', '100', '101', '110', '111']);
    expect(guide.depthMax).toBe(3);
  });

  it('follows a tree that is of different depth and width', () => {
    const found = schedules(new ExhaustiveGuide(PLAIN), (path) => {
      if (path.length === 0) return 3;
      return path[0] === 1 && path.length === 1 ? 2 : 0;
    });
    expect(found).toEqual(['0', '10', '11', '2']);
  });

  it('has one run of a world without a choice', () => {
    expect(schedules(new ExhaustiveGuide(PLAIN), () => 0)).toEqual(['']);
  });

  it('ends a run at a state that it knows', () => {
    const guide = new ExhaustiveGuide({ knownStates: true, sleepSets: false });
    const ends: (string | number)[] = [];
    while (guide.begin()) {
      // Whichever move is made first, the state behind it is the same.
      guide.next(moves(2), () => 1);
      ends.push(guide.next(moves(2), () => 2));
    }
    expect(ends).toEqual([0, 1, 'nothing new']);
    expect([guide.states, guide.pruned]).toEqual([2, 1]);
  });

  it('goes one move on from a state that it knows, to see that it is the same', () => {
    const guide = new ExhaustiveGuide({ knownStates: true, sleepSets: false });
    /** Two ways to one state, and one way on. */
    const run = (states: readonly number[]) => {
      guide.begin();
      return states.map((state, depth) => guide.next(moves(depth === 0 ? 2 : 1), () => state));
    };
    expect(run([1, 2, 3])).toEqual([0, 0, 0]);
    expect(run([1, 2, 3])).toEqual([1, 0, 'nothing new']);
    expect([guide.states, guide.pruned]).toEqual([3, 1]);
  });

  it('does not accept that what looks the same leads to another state', () => {
    const guide = new ExhaustiveGuide({ knownStates: true, sleepSets: false });
    guide.begin();
    for (const state of [1, 2, 3]) guide.next(moves(state === 1 ? 2 : 1), () => state);
    guide.begin();
    for (const state of [1, 2]) guide.next(moves(state === 1 ? 2 : 1), () => state);
    expect(() => guide.next(moves(1), () => 4)).toThrow(/two that look the same are not/);
  });

  it('does not accept that what looks the same has other moves', () => {
    const guide = new ExhaustiveGuide({ knownStates: true, sleepSets: false });
    guide.begin();
    guide.next(moves(2), () => 1);
    guide.next(moves(1), () => 2);
    guide.begin();
    guide.next(moves(2), () => 1);
    expect(() => guide.next(moves(2), () => 2)).toThrow(/two that look the same are not/);
  });

  it('tells which points were there in an earlier run', () => {
    const guide = new ExhaustiveGuide(PLAIN);
    const repeated: boolean[] = [];
    for (let run = 0; run < 2 && guide.begin(); run += 1) {
      for (let depth = 0; depth < 3; depth += 1) {
        repeated.push(guide.isRepeating);
        guide.next(moves(2), NO_STATE);
      }
      repeated.push(guide.isRepeating);
    }
    expect(repeated).toEqual([false, false, false, false, true, true, true, false]);
  });

  it('does not accept a world that is not the same again', () => {
    const guide = new ExhaustiveGuide(PLAIN);
    guide.begin();
    guide.next(moves(3), NO_STATE);
    guide.begin();
    expect(() => guide.next(moves(2), NO_STATE)).toThrow(/the same choices lead to the same moves/);
  });
});
