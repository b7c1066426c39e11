import { describe, expect, it } from 'vitest';
import { lenientReplay } from '../../src/sim/choosers/replay.ts';
import { seededChooser } from '../../src/sim/choosers/seeded.ts';
import { type Failure, runOnce } from '../../src/sim/explorer.ts';
import { minimise } from '../../src/sim/minimise.ts';
import { scenario } from '../../src/sim/scenario.ts';
import { settle } from '../support/settle.ts';
import { forgetfulTarget } from './broken.ts';
import { read, write } from './worlds.ts';

const options = { settle, wrap: forgetfulTarget };

/** A long run that fails because the target forgets a write to its first sector. */
async function longFailure(): Promise<Failure> {
  const world = scenario({
    sectors: 4,
    guest: {
      requests: [write(2), read(0, 4), write(0), write(3), write(0, 2), read(1), write(1)],
    },
    verbs: [{ verb: 'pause' }, { verb: 'resume' }, { verb: 'complete' }],
    faults: [{ type: 'error', disk: 'target', operations: ['flush'], code: 'EIO', times: 1 }],
    hasteMax: 2,
  });
  for (let seed = 0; seed < 100; seed += 1) {
    const run = await runOnce(world, seededChooser(seed), options);
    const { violation, schedule } = run;
    if (violation?.sector === 0) return { scenario: world, schedule, violation };
  }
  throw new Error('no run has failed');
}

describe('minimise()', { timeout: 60_000 }, () => {
  it('leaves of a failing run what it takes to fail, and that still does', async () => {
    const failure = await longFailure();
    const minimal = await minimise(failure, options);
    const { guest, faults, verbs } = minimal.scenario;
    expect(minimal.violation.invariant).toBe(failure.violation.invariant);
    // One write makes the first sector dirty again after it was copied.
    expect(guest.requests).toHaveLength(1);
    expect([faults, verbs]).toEqual([[], [{ verb: 'complete' }]]);
    expect(minimal.schedule.length).toBeLessThan(failure.schedule.length / 2);
    expect(minimal.moves).toHaveLength(minimal.schedule.length);
    const again = await runOnce(minimal.scenario, lenientReplay(minimal.schedule), options);
    expect(again.violation).toEqual(minimal.violation);
  });

  it('runs no more often than it may', async () => {
    const minimal = await minimise(await longFailure(), { ...options, runsMax: 10 });
    expect(minimal.runs).toBe(10);
  });
});
