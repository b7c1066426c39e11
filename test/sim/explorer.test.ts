import { describe, expect, it } from 'vitest';
import { strictReplay } from '../../src/sim/choosers/replay.ts';
import { seededChooser } from '../../src/sim/choosers/seeded.ts';
import type { SimDisk } from '../../src/sim/disk.ts';
import { explore, type Pruning, runOnce } from '../../src/sim/explorer.ts';
import { reportFailure } from '../../src/sim/failure-report.ts';
import { type Scenario, type ScenarioParts, scenario } from '../../src/sim/scenario.ts';
import { settle } from '../support/settle.ts';
import { replaced } from './broken.ts';
import { FLUSH, read, WORLDS, worldOf, write } from './worlds.ts';

/** Explores a world to its end, which it demands to reach. */
async function whole(world: Scenario, pruning: Pruning, executionsMax = 20_000) {
  const report = await explore(world, { settle, pruning, executionsMax });
  const { failure } = report;
  expect(failure && (await reportFailure(failure, { settle }))).toBeUndefined();
  expect(report.verdict).toBe('proved');
  return report;
}

/** One granule and one write, with as few choices as can be. */
const TINY: ScenarioParts = {
  sectors: 1,
  source: { stages: 1 },
  target: { stages: 1 },
  guest: { requests: [write(0)] },
};

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
    'an error of the source, and a write to both disks': scenario({
      ...TINY,
      mirror: { granularity: 512, bufSize: 512, copyMode: 'write-blocking' },
      faults: [
        { type: 'error', disk: 'source', operations: ['read', 'write'], code: 'EIO', times: 1 },
      ],
    }),
    'an error that stops the job': scenario({
      ...TINY,
      mirror: { granularity: 512, bufSize: 512, onTargetError: 'stop' },
      faults: [
        { type: 'error', disk: 'target', operations: ['write', 'flush'], code: 'EIO', times: 1 },
      ],
    }),
    'a stall': scenario({
      ...TINY,
      faults: [
        { type: 'stall', disk: 'target', operations: ['write', 'flush'], times: 1, until: 'idle' },
      ],
    }),
    'a power cut': scenario({
      ...TINY,
      guest: { requests: [write(0), FLUSH] },
      faults: [{ type: 'power-cut' }],
    }),
    'a pause and a resume': scenario({
      ...TINY,
      verbs: [{ verb: 'pause' }, { verb: 'resume' }, { verb: 'complete' }],
    }),
    'a drain': scenario({ ...TINY, verbs: [{ verb: 'drain' }, { verb: 'complete' }] }),
    'a change of the copy mode': scenario({
      ...TINY,
      verbs: [{ verb: 'write-blocking' }, { verb: 'complete' }],
    }),
    'a read and a write of one place': scenario({
      ...TINY,
      guest: { requests: [write(0), read(0)], overlap: true },
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

  it('begins anew, and tells more apart, where looks deceive', async () => {
    // The target flushes each write, or not, by which read of the source was answered first.
    let first: number | undefined;
    const wrap = (disk: SimDisk) => {
      if (disk.name === 'source') first = undefined;
      return replaced(disk, {
        async read(offset, into, origin) {
          await disk.read(offset, into, origin);
          first ??= offset;
        },
        async write(...parts) {
          await disk.write(...parts);
          if (first === 0) await disk.flush(parts[3]);
        },
      });
    };
    const world = scenario({ source: { stages: 1 }, target: { stages: 1 } });
    const options = { settle, pruning: 'visible', executionsMax: 20_000 } as const;
    const [honest, secretive] = [
      await explore(world, options),
      await explore(world, { ...options, wrap }),
    ];
    expect([honest.verdict, honest.pruning]).toEqual(['proved', 'visible']);
    expect([secretive.verdict, secretive.pruning]).toEqual(['proved', 'exact']);
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
