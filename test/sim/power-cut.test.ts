import { expect, it } from 'vitest';
import type { Guide, Verdict } from '../../src/sim/chooser.ts';
import { cutPower } from '../../src/sim/power-cut.ts';
import { scenario } from '../../src/sim/scenario.ts';
import { World } from '../../src/sim/world.ts';
import { settle } from '../support/settle.ts';
import { write } from './worlds.ts';

const WORLD = scenario({
  source: { stages: 1 },
  target: { stages: 1 },
  guest: { requests: [write(0), write(1)] },
  faults: [{ type: 'power-cut' }],
});

/** A world in which the guest has made two writes that nobody has flushed. */
async function unflushed(): Promise<World> {
  const guide: Guide = {
    isRepeating: false,
    next(moves) {
      const index = moves.findIndex(({ key }) => key.includes('guest'));
      return index < 0 ? 'nothing new' : index;
    },
  };
  const world = new World(WORLD, { settle, guide });
  await world.run();
  return world;
}

/** @returns Of how many versions a guide was asked to choose, each time. */
async function asked(verdicts: readonly Verdict[]) {
  const [counts, states]: [number[], number[]] = [[], []];
  cutPower(await unflushed(), {
    isRepeating: false,
    next(moves, state) {
      states.push(state());
      return verdicts[counts.push(moves.length) - 1] ?? 0;
    },
  });
  return { counts, states };
}

it('has each sector as it was flushed, or as a write has left it', async () => {
  const { counts, states } = await asked([1, 0]);
  expect(counts.every((count) => count >= 2)).toBe(true);
  expect(states).toHaveLength(2);
  expect(states[0]).not.toBe(states[1]);
  // What was chosen for one sector makes another state for the next one.
  expect((await asked([0, 0])).states[1]).not.toBe(states[1]);
});

it('asks no more when nothing is new', async () => {
  expect((await asked(['nothing new'])).counts).toHaveLength(1);
});
