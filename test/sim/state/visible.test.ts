import { expect, it } from 'vitest';
import { seededChooser } from '../../../src/sim/choosers/seeded.ts';
import type { Scenario } from '../../../src/sim/scenario.ts';
import { World } from '../../../src/sim/world.ts';
import { settle } from '../../support/settle.ts';
import { WORLDS, worldOf } from '../worlds.ts';

/** How many runs by chance, which meet in most states many times over. */
const RUNS = 150;

/**
 * Runs a world by chance, and writes down what each state leads to.
 *
 * @returns Where the same state and the same move have led to different states.
 */
async function differences(scenario: Scenario): Promise<readonly string[]> {
  const leads = new Map<string, number>();
  const found: string[] = [];
  for (let seed = 0; seed < RUNS; seed += 1) {
    const chooser = seededChooser(seed);
    let last: string | undefined;
    const guide = {
      isRepeating: false,
      next(moves: Parameters<typeof chooser.choose>[1], state: () => number) {
        const here = state();
        if (last !== undefined && (leads.get(last) ?? here) !== here) found.push(last);
        if (last !== undefined) leads.set(last, here);
        const index = moves.length > 1 ? chooser.choose(moves.length, moves) : 0;
        last = `${here}: ${moves[index]?.key}`;
        return index;
      },
    };
    const { violation } = await new World(scenario, { settle, guide, state: 'visible' }).run();
    expect(violation).toBeUndefined();
  }
  return found;
}

it.each(Object.keys(WORLDS))(
  'what looks the same goes on in the same way: %s',
  async (name) => {
    expect(await differences(worldOf(name))).toEqual([]);
  },
  60_000,
);
