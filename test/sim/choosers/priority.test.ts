import { describe, expect, it } from 'vitest';
import { priorityChooser } from '../../../src/sim/choosers/priority.ts';
import { chooserContract, moves } from './chooser-contract.ts';

chooserContract('priority', () => priorityChooser({ seed: 3, depth: 4, length: 15 }));

describe('a priority chooser', () => {
  it('lets one mover go on until a change', () => {
    const chooser = priorityChooser({ seed: 1, depth: 1, length: 10 });
    const chosen = Array.from({ length: 10 }, () => chooser.choose(4, moves(4)));
    expect(new Set(chosen).size).toBe(1);
  });

  it('changes at most as often as its depth allows, and for good', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const chooser = priorityChooser({ seed, depth: 3, length: 20 });
      const chosen = Array.from({ length: 20 }, () => chooser.choose(5, moves(5)));
      const changes = chosen.filter((index, at) => at > 0 && index !== chosen[at - 1]);
      expect(changes.length).toBeLessThanOrEqual(2);
    }
  });

  it('begins with each mover for some seed', () => {
    const first = (seed: number) =>
      priorityChooser({ seed, depth: 1, length: 5 }).choose(3, moves(3));
    expect(new Set(Array.from({ length: 40 }, (_, seed) => first(seed)))).toEqual(
      new Set([0, 1, 2]),
    );
  });
});
