/** What a mirror says of how far it is, looked at all the time. */

import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { Job } from '../../src/jobs/job.ts';
import type { MirrorWork } from '../../src/jobs/mirror/mirror.ts';
import { pattern } from '../support/drivers.ts';
import { GRANULARITY, MachineRig, SIZE } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

/** A disk that ends within a granule. */
const ODD_SIZE = SIZE + 512;

async function openRig(size = ODD_SIZE, zeroesFast = false): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source', { size });
  const operations = zeroesFast ? (['writeZeroes', 'blockStatus'] as const) : ([] as const);
  await rig.open('target', { size, start: 100, operations });
  return rig;
}

/** Looks at the counters of a job whenever it is asked to. */
class Witness {
  readonly #job: Job;
  readonly #work: MirrorWork;
  #offset = 0;
  #still: number | undefined;
  looks = 0;

  constructor({ job, work }: { readonly job: Job; readonly work: MirrorWork }) {
    this.#job = job;
    this.#work = work;
  }

  look(): void {
    this.looks += 1;
    const { offset, len, remaining } = this.#work.progress();
    expect(offset).toBeGreaterThanOrEqual(this.#offset);
    expect(len).toBeGreaterThanOrEqual(offset);
    expect(len - offset).toBe(remaining);
    expect(this.#job.progress).toMatchObject({ offset, len });
    const isPaused = this.#job.status === 'paused' || this.#job.status === 'standby';
    // What a guest writes to both disks goes on while the job is paused, and counts.
    const isStill = isPaused && this.#work.inspect().pair.mirroring === 0;
    if (isStill) expect(offset).toBe(this.#still ?? offset);
    this.#still = isStill ? offset : undefined;
    this.#offset = offset;
  }
}

describe('progress', () => {
  it('is never 0 of 0 before there is nothing to do', async () => {
    await using rig = await openRig();
    for (const { gate } of rig.disks.values()) gate.mode = 'held';
    const { job, work } = await rig.mirror();
    while (job.status !== 'ready') {
      expect(work.progress().len).toBeGreaterThan(0);
      await settle();
      for (const { gate } of rig.disks.values()) gate.held[0]?.complete();
      await rig.clock.advance(1);
    }
    expect(work.progress()).toMatchObject({ offset: ODD_SIZE, len: ODD_SIZE, phase: 2 });
  });

  it('counts the whole disk as remaining until it is known what has to be copied', async () => {
    await using rig = await openRig(ODD_SIZE, true);
    rig.disk('source').extentAt = (_, length) => ({
      length,
      data: false,
      zero: true,
      allocated: true,
    });
    rig.disk('target').gate.mode = 'held';
    const { job, work } = await rig.mirror();
    await rig.runUntil(() => rig.disk('target').gate.held.length > 0);
    expect(work.progress()).toMatchObject({ offset: 0, len: ODD_SIZE, remaining: ODD_SIZE });
    rig.disk('target').gate.mode = 'sync';
    for (const held of [...rig.disk('target').gate.held]) held.complete();
    await rig.runUntil(() => job.status === 'ready');
    // What was found equal, or made so at once, counts as what was copied.
    expect(work.progress()).toMatchObject({ offset: ODD_SIZE, len: ODD_SIZE, remaining: 0 });
  });

  it('is 0 of 0 for a disk of no bytes, which is ready all the same', async () => {
    await using rig = await openRig(0);
    const { job, work } = await rig.readyMirror();
    expect(work.progress()).toMatchObject({ offset: 0, len: 0, outlook: 'converges' });
    expect(rig.dataOf('BLOCK_JOB_READY')).toMatchObject([{ offset: 0, len: 0 }]);
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
  });

  it.each(['background', 'write-blocking'] as const)(
    'never falls, tells what remains, and stands still while paused: %s',
    async (copyMode) => {
      for (let seed = 0; seed < 12; seed += 1) {
        await using rig = await openRig(ODD_SIZE, seed % 2 === 0);
        const random = seededRandom(seed);
        const device = rig.plug('source');
        for (const { gate } of rig.disks.values()) gate.mode = 'held';
        const started = await rig.mirror({ copyMode, bufSize: 4 * GRANULARITY });
        const { job } = started;
        const witness = new Witness(started);
        let writes = 0;
        for (let step = 0; job.status !== 'null'; step += 1) {
          if (step > 20_000) throw new Error(`It does not end: ${rig.told.join(' ')}`);
          witness.look();
          await settle();
          witness.look();
          if (writes < 20 && random.below(5) === 0) {
            writes += 1;
            const sector = random.below(ODD_SIZE / 512 - 8);
            void device.request({ type: 'out', sector, data: pattern(8 * 512, step) });
          }
          const isAtWork = ['running', 'ready', 'paused', 'standby'].includes(job.status);
          if (isAtWork && random.below(40) === 0 && !job.state.paused && step < 600) job.pause();
          else if (random.below(15) === 0 && job.state.paused) job.resume();
          if (job.status === 'ready' && writes === 20 && !job.state.paused) {
            if (job.ending === undefined) job.complete();
          }
          const held = [...rig.disks.values()].flatMap(({ gate }) => gate.held);
          const chosen = held[random.below(Math.max(held.length, 1))];
          if (chosen) chosen.complete();
          else await rig.clock.advance(10);
        }
        const { offset, len } = started.work.progress();
        expect([len - offset, offset >= ODD_SIZE]).toEqual([0, true]);
        const last = rig.dataOf('BLOCK_JOB_COMPLETED').at(-1);
        expect(last).toMatchObject({ offset, len });
      }
    },
  );

  it('does not count what failed, which remains', async () => {
    await using rig = new MachineRig();
    await rig.open('source');
    const rules = [{ event: 'write_aio', sector: 8, once: true }];
    const { disk } = await rig.openFaulty('target', rules, { start: 100 });
    const { job, work } = await rig.mirror({ onTargetError: 'stop', bufSize: GRANULARITY });
    await rig.runUntil(() => job.status === 'paused');
    const { offset, remaining } = work.progress();
    expect([offset, remaining]).toEqual([GRANULARITY, SIZE - GRANULARITY]);
    job.resume();
    await rig.runUntil(() => job.status === 'ready');
    expect(work.progress().offset).toBe(SIZE);
    expect(Buffer.compare(disk.bytes, rig.disk('source').bytes)).toBe(0);
  });

  it('grows beyond the size of the disk with what the guest makes dirty again', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    const { work } = await rig.readyMirror();
    for (let count = 1; count <= 3; count += 1) {
      await device.request({ type: 'out', sector: 0, data: pattern(512, count) });
      await rig.runUntil(() => work.progress().remaining === 0);
      expect(work.progress().offset).toBe(ODD_SIZE + count * GRANULARITY);
    }
    // The last granule is a short one.
    const sector = ODD_SIZE / 512 - 1;
    await device.request({ type: 'out', sector, data: pattern(512, 9) });
    expect(work.progress().remaining).toBe(512);
  });
});
