import { describe, expect, it } from 'vitest';
import {
  FAULT_NAMES,
  VERB_NAMES,
  type WorldWishes,
  worldsOf,
} from '../../src/cli/explore-worlds.ts';
import { roundOfWrites } from '../../src/cli/sim-program.ts';

const WISHES: WorldWishes = {
  granules: 3,
  granularity: 1024,
  requests: roundOfWrites(2, { granules: 3, sectorsEach: 2 }),
  depth: 2,
  overlap: false,
  stages: 1,
  copyModes: ['background', 'adaptive'],
  verbs: ['complete', 'pause+resume'],
  faults: ['none', 'power-cut'],
  stepsMax: 100,
};

describe('the worlds of an exploration', () => {
  it('are one for each copy mode, verb and fault, each with a name of its own', () => {
    expect(worldsOf(WISHES).map(({ name }) => name)).toEqual([
      'complete, background',
      'pause+resume, background',
      'complete, adaptive',
      'pause+resume, adaptive',
      'complete, background, power-cut',
      'pause+resume, background, power-cut',
      'complete, adaptive, power-cut',
      'pause+resume, adaptive, power-cut',
    ]);
  });

  it('are as large as it was wished, and go wrong once at most', () => {
    for (const { sectors, mirror, faults, verbs } of worldsOf(WISHES)) {
      expect([sectors, mirror.granularity]).toEqual([6, 1024]);
      expect(faults.length).toBeLessThanOrEqual(1);
      expect(verbs.at(-1)).toEqual({ verb: 'complete' });
    }
  });

  it('end by whatever verb comes last', () => {
    const worlds = worldsOf({ ...WISHES, verbs: VERB_NAMES, faults: FAULT_NAMES });
    const ends = worlds.map(({ verbs }) => verbs.at(-1)?.verb);
    expect([...new Set(ends)].sort()).toEqual(['cancel', 'cancel-force', 'complete']);
  });
});
