/** Worlds that have names, for they are what this program says that it has explored. */

import type { Scenario } from '../sim/scenario.ts';
import { FAULT_NAMES, type WorldWishes, worldsOf } from './explore-worlds.ts';
import { roundOfWrites } from './sim-program.ts';

const GRANULARITY = 512;

/** What the worlds of all presets have in common. */
const COMMON: WorldWishes = {
  granules: 2,
  granularity: GRANULARITY,
  requests: roundOfWrites(2, { granules: 2, sectorsEach: 1 }),
  depth: 2,
  overlap: false,
  stages: 1,
  copyModes: ['background', 'write-blocking'],
  verbs: ['complete', 'cancel', 'cancel-force', 'pause+resume'],
  faults: ['none'],
  stepsMax: 5000,
};

export interface Preset {
  readonly title: string;
  readonly worlds: readonly Scenario[];
}

/** 2 granules and 3 writes, with every verb and every fault; and 3 granules and 4 writes. */
function issue(): readonly Scenario[] {
  const two = worldsOf({
    ...COMMON,
    requests: roundOfWrites(3, { granules: 2, sectorsEach: 1 }),
    faults: FAULT_NAMES,
  });
  const three = worldsOf({
    ...COMMON,
    granules: 3,
    requests: roundOfWrites(4, { granules: 3, sectorsEach: 1 }),
    verbs: ['complete', 'cancel-force'],
  });
  return [...two, ...three.map((world) => ({ ...world, name: `3 granules: ${world.name}` }))];
}

export const PRESETS: Readonly<Record<'small' | 'issue', () => Preset>> = {
  small: () => ({
    title: '2 granules, 2 guest writes, one verb at any point',
    worlds: worldsOf(COMMON),
  }),
  issue: () => ({
    title: '2 granules, 3 guest writes, one verb and one fault at any point; 3 granules, 4 writes',
    worlds: issue(),
  }),
};
