/**
 * The museum as a gate for the swarm: what it draws must lead to every bug, and within a number of
 * worlds that has to do with the one that is told of it.
 */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { mutantRunner } from '../../../src/cli/museum-run.ts';
import { EXHIBITS } from '../../../src/sim/museum/index.ts';
import { findByChance, swarmWorldsMax } from '../../../src/sim/museum/show.ts';

const TOP = fileURLToPath(new URL('../../..', import.meta.url));
/** Of the swarms that were measured one that is done soon. */
const FIRST_SEED = 4_000_001;
/** Others may be at work on this machine. */
const TIME_MAX_MS = 240_000;

beforeAll(() => {
  // Does nothing where dist/ is that of these sources.
  execFileSync(process.execPath, ['.ci/prepare.js'], { cwd: TOP, stdio: 'pipe' });
}, 120_000);

describe('worlds drawn by chance', { timeout: TIME_MAX_MS }, () => {
  const runner = mutantRunner({ timeMaxMs: TIME_MAX_MS });
  const rare = EXHIBITS.filter(({ swarmMedian }) => swarmMedian === undefined);
  const known = EXHIBITS.filter((exhibit) => !rare.includes(exhibit));
  const cases = known.map((exhibit) => [exhibit.name, exhibit] as const);

  it.each(cases)('find %s', async (_, exhibit) => {
    const count = swarmWorldsMax(exhibit);
    const { verdict } = await findByChance(exhibit, runner, { firstSeed: FIRST_SEED, count });
    expect(verdict).toBe('violated');
  });

  it('find all but these within a number that is known', () => {
    expect(rare.map(({ id }) => id)).toEqual(['B15']);
  });
});
