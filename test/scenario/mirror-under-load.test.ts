/** Guests that never rest, slow targets, and limits; all in virtual time. */

import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { VirtioBlockDevice } from '../../src/device/virtio-blk.ts';
import { sleep } from '../../src/env/env.ts';
import type { CopyMode, MirrorOptions } from '../../src/jobs/mirror/options.ts';
import { pattern, type TestDisk } from '../support/drivers.ts';
import { GRANULARITY, MachineRig } from '../support/machine-rig.ts';

const KiB = 1024;
const SIZE = 1024 * KiB;

/** Guests that write granules at random, one after the other each, until they are stopped. */
class Load {
  readonly #device: VirtioBlockDevice;
  readonly #rig: MachineRig;
  #isOver = false;
  readonly #lanes: Promise<unknown>;
  written = 0;

  constructor(
    rig: MachineRig,
    device: VirtioBlockDevice,
    { lanes = 8, everyMs = 2, length = GRANULARITY, offset = 0 } = {},
  ) {
    this.#rig = rig;
    this.#device = device;
    const all = Array.from({ length: lanes }, (_, lane) =>
      this.#write(lane, { everyMs, length, offset }),
    );
    this.#lanes = Promise.all(all);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    let isDone = false;
    void this.#lanes.then(() => {
      isDone = true;
    });
    await this.#rig.runUntil(() => isDone);
    await this.#lanes;
  }

  async #write(lane: number, { everyMs = 0, length = 0, offset = 0 }): Promise<void> {
    const random = seededRandom(lane);
    for (let count = lane; !this.#isOver; count += 1) {
      const sector = random.below((SIZE - length) / GRANULARITY) * 8 + offset;
      const status = await this.#device.request({
        type: 'out',
        sector,
        data: pattern(length, count % 250),
      });
      expect(status).toBe(0);
      this.written += length;
      await sleep(this.#rig.clock, everyMs);
    }
  }
}

/** A source, and a target on which every write takes its time. */
async function openSlow(writeMs: number): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source', { size: SIZE });
  await rig.open('target-disk', { size: SIZE, start: 100 });
  const slow = { driver: 'delay', 'node-name': 'target', image: 'target-disk', discard: 'unmap' };
  await rig.machine.graph.open({ ...slow, 'write-ms': writeMs, 'zeroes-ms': writeMs });
  return rig;
}

/** What reached a disk, and when. */
function watchWrites(rig: MachineRig, disk: TestDisk) {
  const seen: { readonly atMs: number; readonly length: number }[] = [];
  const write = disk.write.bind(disk);
  disk.write = (offset, from, options) => {
    seen.push({ atMs: rig.clock.nowMs(), length: from.length });
    return write(offset, from, options);
  };
  return seen;
}

/** The most bytes in any second. */
function mostInASecond(seen: readonly { readonly atMs: number; readonly length: number }[]) {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { atMs, length } of seen) {
    sum += length;
    while ((seen[first]?.atMs ?? atMs) <= atMs - 1000) sum -= seen[first++]?.length ?? 0;
    most = Math.max(most, sum);
  }
  return most;
}

function demandEqual(rig: MachineRig, target: string): void {
  expect(Buffer.compare(rig.disk(target).bytes, rig.disk('source').bytes)).toBe(0);
}

describe('under a guest that dirties faster than the target takes', () => {
  const options: MirrorOptions = { granularity: GRANULARITY, bufSize: 16 * GRANULARITY };

  async function run(copyMode: CopyMode, forMs: number) {
    const rig = await openSlow(50);
    const load = new Load(rig, rig.plug('source'));
    const { job, work } = await rig.mirror({ ...options, copyMode });
    const startMs = rig.clock.nowMs();
    await rig.runUntil(() => job.status === 'ready' || rig.clock.nowMs() > startMs + forMs);
    return { rig, load, job, work };
  }

  it('a background mirror does not become ready', async () => {
    const { rig: opened, load, job, work } = await run('background', 8000);
    await using _ = opened;
    expect(job.status).toBe('running');
    expect(work.progress().remaining).toBeGreaterThan(SIZE / 2);
    await load.stop();
  });

  it.each(['write-blocking', 'adaptive'] as const)(
    'a mirror that is %s becomes ready and is completed',
    async (copyMode) => {
      const { rig: opened, load, job } = await run(copyMode, 20_000);
      await using rig = opened;
      expect(job.status).toBe('ready');
      job.complete();
      const startMs = rig.clock.nowMs();
      await rig.runUntil(() => job.status === 'null');
      expect(rig.clock.nowMs() - startMs).toBeLessThan(5000);
      expect(await job.finished).toEqual({ status: 'completed' });
      const source = rig.disk('source').bytes.slice();
      await load.stop();
      // All the guest wrote since has gone to the target.
      expect(Buffer.compare(rig.disk('source').bytes, source)).toBe(0);
    },
  );

  it('a mirror becomes ready as soon as it is made write-blocking', async () => {
    const { rig: opened, load, job, work } = await run('background', 5000);
    await using rig = opened;
    job.change(() => work.setCopyMode('write-blocking'));
    const startMs = rig.clock.nowMs();
    await rig.runUntil(() => job.status === 'ready');
    expect(rig.clock.nowMs() - startMs).toBeLessThan(10_000);
    await load.stop();
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    demandEqual(rig, 'target-disk');
  });

  it('a write-blocking mirror becomes ready though the writes fit no granule', async () => {
    await using rig = await openSlow(20);
    const misfit = { lanes: 8, everyMs: 1, length: 3 * 512, offset: 7 };
    const load = new Load(rig, rig.plug('source'), misfit);
    const { job } = await rig.mirror({ ...options, copyMode: 'write-blocking' });
    await rig.runUntil(() => job.status === 'ready');
    await load.stop();
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    demandEqual(rig, 'target-disk');
  });
});

describe('a limit of everything', () => {
  const speed = 200 * KiB;
  const limited = { limits: 'everything', speed, granularity: GRANULARITY } as const;

  /** A fast target under a load, and what was written to it in each phase. */
  async function openFast() {
    const rig = new MachineRig();
    await rig.open('source', { size: SIZE });
    const target = await rig.open('target', { size: SIZE, start: 100 });
    return { rig, seen: watchWrites(rig, target) };
  }

  it('holds in phase 1, in phase 2 and at the end, of a background mirror', async () => {
    const { rig: opened, seen } = await openFast();
    await using rig = opened;
    const { job } = await rig.mirror(limited);
    await rig.runUntil(() => job.status === 'ready');
    const readyMs = rig.clock.nowMs();
    const load = new Load(rig, rig.plug('source'), { lanes: 1, everyMs: 25 });
    await rig.runUntil(() => rig.clock.nowMs() > readyMs + 10_000);
    const inPhase2 = seen.filter(({ atMs }) => atMs > readyMs);
    expect(mostInASecond(inPhase2)).toBeGreaterThan(speed / 4);
    await load.stop();
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(mostInASecond(seen) / speed).toBeLessThan(1.1);
  });

  it('holds for the writes of a guest that go to both disks', async () => {
    const { rig: opened, seen } = await openFast();
    await using rig = opened;
    const { job } = await rig.mirror({ ...limited, copyMode: 'write-blocking' });
    await rig.runUntil(() => job.status === 'ready');
    const readyMs = rig.clock.nowMs();
    const load = new Load(rig, rig.plug('source'), { lanes: 4, everyMs: 1 });
    await rig.runUntil(() => rig.clock.nowMs() > readyMs + 10_000);
    await load.stop();
    const inPhase2 = seen.filter(({ atMs }) => atMs > readyMs + 1000);
    expect(mostInASecond(seen) / speed).toBeLessThan(1.1);
    const bytes = inPhase2.reduce((sum, { length }) => sum + length, 0);
    expect(bytes / 9 / speed).toBeGreaterThan(0.85);
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    demandEqual(rig, 'target');
  });

  it('of the first copy alone does not hold for guests, nor in phase 2', async () => {
    const { rig: opened } = await openFast();
    await using rig = opened;
    const device = rig.plug('source');
    const options = { ...limited, limits: 'initial-copy', copyMode: 'write-blocking' } as const;
    const { job, work } = await rig.mirror(options);
    await rig.runUntil(() => work.progress().offset > 0);
    const startMs = rig.clock.nowMs();
    for (let count = 0; count < 20; count += 1) {
      await device.request({ type: 'out', sector: 0, data: pattern(64 * KiB, count) });
    }
    expect(rig.clock.nowMs()).toBe(startMs);
    await rig.runUntil(() => job.status === 'ready');
    job.change(() => work.setCopyMode('background'));
    await device.request({ type: 'out', sector: 0, data: pattern(SIZE, 7) });
    const phase2Ms = rig.clock.nowMs();
    await rig.runUntil(() => work.progress().remaining === 0);
    expect(rig.clock.nowMs() - phase2Ms).toBeLessThan(500);
  });
});

describe('the limit of the first copy', () => {
  it('holds up to READY, also for what is copied while the guest waits', async () => {
    await using rig = new MachineRig();
    const speed = 512 * KiB;
    await rig.open('source', { size: SIZE });
    const target = await rig.open('target', { size: SIZE, start: 100 });
    const seen = watchWrites(rig, target);
    const load = new Load(rig, rig.plug('source'), { lanes: 1, everyMs: 20 });
    const { job } = await rig.mirror({ speed, granularity: GRANULARITY });
    await rig.runUntil(() => job.status === 'ready', 1);
    expect(mostInASecond(seen) / speed).toBeLessThan(1.1);
    await load.stop();
  });

  it('cannot be got round by who queries, pauses and sets the speed all the time', async () => {
    await using rig = new MachineRig();
    const speed = 256 * KiB;
    await rig.open('source', { size: SIZE });
    const target = await rig.open('target', { size: SIZE, start: 100 });
    const seen = watchWrites(rig, target);
    const { job, work } = await rig.mirror({ speed, granularity: GRANULARITY });
    for (let count = 0; job.status !== 'ready'; count += 1) {
      if (count > 3000) throw new Error('It does not become ready');
      work.progress();
      if (count % 7 === 0) job.setSpeed(speed);
      if (count % 11 === 0 && !job.state.paused) job.pause();
      else if (job.state.paused) job.resume();
      await rig.pass(5);
    }
    expect(mostInASecond(seen) / speed).toBeLessThan(1.1);
  });
});
