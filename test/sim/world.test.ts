import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { RecordingGuide } from '../../src/sim/chooser.ts';
import { lenientReplay } from '../../src/sim/choosers/replay.ts';
import { seededChooser } from '../../src/sim/choosers/seeded.ts';
import { runOnce } from '../../src/sim/explorer.ts';
import { type GuestStep, type ScenarioParts, scenario } from '../../src/sim/scenario.ts';
import { Trace } from '../../src/sim/trace.ts';
import { World } from '../../src/sim/world.ts';
import { settle } from '../support/settle.ts';
import { worldOf, write } from './worlds.ts';

async function traceOf(seed: number): Promise<Trace> {
  const trace = new Trace();
  const world = worldOf('reads and writes across the switch');
  await runOnce(world, seededChooser(seed), { settle, trace });
  return trace;
}

/** A guest that writes, reads, zeroes and flushes by chance. */
function busyGuest(seed: number, count: number, sectors: number): readonly GuestStep[] {
  const random = seededRandom(seed);
  const types = ['write', 'write', 'read', 'zeroes', 'flush'] as const;
  return Array.from({ length: count }, () => {
    const sector = random.below(sectors - 8);
    return { type: types[random.below(5)] ?? 'write', sector, sectors: 1 + random.below(8) };
  });
}

describe('a world', { timeout: 60_000 }, () => {
  it('leaves the same trace for the same seed', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      expect((await traceOf(seed)).entries).toEqual((await traceOf(seed)).entries);
    }
    expect((await traceOf(1)).entries).not.toEqual((await traceOf(2)).entries);
  });

  it('does one thing after the other when the first move is always chosen', async () => {
    const trace = new Trace();
    const world = worldOf('two granules, two writes');
    await runOnce(world, lenientReplay([]), { settle, trace });
    const words = trace.entries.filter(({ column }) => column === 'mirror').map(({ text }) => text);
    expect(words).toEqual([
      'is created',
      'is running',
      'is ready',
      'BLOCK_JOB_READY',
      'told to complete',
      'is waiting',
      'is pending',
      'BLOCK_JOB_COMPLETED',
      'is concluded',
      'is null',
    ]);
  });

  it('tells the same state by the same number', async () => {
    const numbers = async (seed: number) => {
      const guide = new RecordingGuide(seededChooser(seed));
      const world = new World(worldOf('two granules, two writes'), {
        settle,
        guide,
        state: 'exact',
      });
      await world.run();
      return world.fingerprint();
    };
    expect(await numbers(1)).toBe(await numbers(1));
    expect(await numbers(1)).not.toBe(await numbers(2));
  });

  it('goes through half an hour of a busy guest in little time', async () => {
    const [sectors, random] = [256, seededRandom(1)];
    const world = scenario({
      sectors,
      guest: { requests: busyGuest(1, 180, sectors), depth: 8 },
      mirror: { granularity: 4096, copyMode: 'write-blocking' },
      verbs: [{ verb: 'complete', from: 'guest done' }],
      stepsMax: 1_000_000,
    });
    const pace = { random, delayMaxMs: 5, guestEveryMs: 10_000 };
    const guide = new RecordingGuide(lenientReplay([]));
    const halfHour = new World(world, { settle, guide, pace });
    const { end } = await halfHour.run();
    expect([end, halfHour.guestDisk]).toEqual(['over', 'target']);
    expect(halfHour.clock.nowMs()).toBeGreaterThan(1_800_000);
  });

  it('asks again when the job has changed that refused to end', async () => {
    const world: ScenarioParts = {
      target: { stages: 1 },
      mirror: { granularity: 512, bufSize: 8192, onTargetError: 'stop' },
      guest: { requests: [write(0)] },
      verbs: [{ verb: 'cancel' }],
      faults: [{ type: 'error', disk: 'target', operations: ['write'], code: 'EIO', times: 2 }],
    };
    for (let seed = 0; seed < 200; seed += 1) {
      const { violation } = await runOnce(scenario(world), seededChooser(seed), { settle });
      expect(violation).toBeUndefined();
    }
  });
});

describe('scenario()', () => {
  it.each([
    [{ sectors: -1 }],
    [{ sectors: 70_000 }],
    [{ guest: { depth: 0 } }],
    [{ guest: { requests: [write(2)] } }],
  ])('refuses what makes no world: %j', (parts) => {
    expect(() => scenario(parts)).toThrow(RangeError);
  });
});
