import { describe, expect, it } from 'vitest';
import { strictReplay } from '../../src/sim/choosers/replay.ts';
import { seededChooser } from '../../src/sim/choosers/seeded.ts';
import { explore, type Pruning, runOnce } from '../../src/sim/explorer.ts';
import { reportFailure } from '../../src/sim/failure-report.ts';
import { type Scenario, scenario } from '../../src/sim/scenario.ts';
import { settle } from '../support/settle.ts';
import { WORLDS, worldOf, write } from './worlds.ts';

/** Explores a world to its end, which it demands to reach. */
async function whole(world: Scenario, pruning: Pruning, executionsMax = 20_000) {
  const report = await explore(world, { settle, pruning, executionsMax });
  const { failure } = report;
  expect(failure && (await reportFailure(failure, { settle }))).toBeUndefined();
  expect(report.verdict).toBe('proved');
  return report;
}

/** Others may be at work on this machine. */
const PATIENT = { timeout: 60_000 };

describe('every schedule of', PATIENT, () => {
  it.each(Object.keys(WORLDS))('%s keeps every promise', async (name) => {
    const { outcomes } = await whole(worldOf(name), 'visible');
    expect(outcomes.size).toBeGreaterThan(1);
  });
});

describe('explore()', PATIENT, () => {
  const small: Readonly<Record<string, Scenario>> = {
    'one granule and one write': scenario({ sectors: 1, guest: { requests: [write(0)] } }),
    'two granules and one write': scenario({
      target: { stages: 1 },
      source: { stages: 1 },
      guest: { requests: [write(0)] },
    }),
    'a write to both disks': scenario({
      sectors: 1,
      mirror: { granularity: 512, bufSize: 512, copyMode: 'write-blocking' },
      guest: { requests: [write(0)] },
    }),
    'an error': scenario({
      sectors: 1,
      target: { stages: 1 },
      guest: { requests: [write(0)] },
      faults: [{ type: 'error', disk: 'target', operations: ['write'], code: 'EIO', times: 1 }],
    }),
    'a cancel': scenario({
      sectors: 1,
      target: { stages: 1 },
      source: { stages: 1 },
      guest: { requests: [write(0)] },
      verbs: [{ verb: 'cancel' }],
    }),
  };

  it.each(Object.entries(small))('comes to the same with pruning: %s', async (_, world) => {
    const unpruned = await whole(world, 'none');
    const exact = await whole(world, 'exact');
    const visible = await whole(world, 'visible');
    expect([...exact.outcomes].sort()).toEqual([...unpruned.outcomes].sort());
    expect([...visible.outcomes].sort()).toEqual([...unpruned.outcomes].sort());
    expect(exact.executions).toBeLessThanOrEqual(unpruned.executions);
    expect(visible.executions).toBeLessThan(unpruned.executions);
  });

  it('says so when it hits its bound', async () => {
    const world = worldOf('two granules, two writes');
    const report = await explore(world, { settle, executionsMax: 5 });
    expect([report.verdict, report.executions]).toEqual(['bounded', 5]);
  });

  it('gives a schedule that repeats what went wrong', async () => {
    // A world that has no time to end.
    const world = scenario({ stepsMax: 8, guest: { requests: [write(0)] } });
    const { failure } = await explore(world, { settle, executionsMax: 100 });
    expect(failure?.violation.invariant).toBe('I17 everything ends');
    const { schedule = [] } = failure ?? {};
    const again = await runOnce(world, strictReplay({ schedule }), { settle });
    expect(again.violation).toEqual(failure?.violation);
  });

  it('knows the same states in the same order twice', async () => {
    const world = worldOf('two writes to one place');
    const [one, other] = [await whole(world, 'visible'), await whole(world, 'visible')];
    expect({ ...one, seconds: 0 }).toEqual({ ...other, seconds: 0 });
  });
});

describe('runOnce()', () => {
  it('does the same for the same seed', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const world = worldOf('two granules, two writes');
      const one = await runOnce(world, seededChooser(seed), { settle });
      const other = await runOnce(world, seededChooser(seed), { settle });
      expect(other).toEqual(one);
    }
  });
});
