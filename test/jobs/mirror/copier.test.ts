import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { COPIES_MAX } from '../../../src/jobs/mirror/copier.ts';
import { JobCancelled } from '../../../src/jobs/work.ts';
import { pattern } from '../../support/drivers.ts';
import { copyAll, dirtyRig, PairRig } from '../../support/pair-rig.ts';
import { deferred, settle, watch } from '../../support/settle.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const broken = new BlockError('EIO', 'write', 'broken');

describe('copies', () => {
  it.each([
    [16 * MiB, 64 * KiB, 8, 2 * MiB],
    [16 * MiB, 512, 8, 2 * MiB],
    [15 * MiB, 64 * KiB, 16, 960 * KiB],
    [64 * KiB, 64 * KiB, 1, 64 * KiB],
    [1, 4 * KiB, 1, 4 * KiB],
    [70_000, 4 * KiB, 16, 4 * KiB],
    [3 * MiB + 5, 64 * MiB, 2, 2 * MiB],
    [4 * MiB, 2 * MiB, 2, 2 * MiB],
    [1_234_567, 512, 16, 76_800],
  ])(
    'with a buffer of %i bytes and granules of %i are at most %i, of at most %i bytes',
    async (bufSize, granularity, count, length) => {
      const rig = dirtyRig({ size: Math.max(20 * MiB, granularity), granularity, bufSize });
      rig.targetDisk.gate.mode = 'held';
      const copy = copyAll(rig);
      // It lets others run once, after 8 MiB.
      for (const _ of [1, 2, 3, 4]) await settle();
      const held = rig.targetDisk.gate.held.map((each) => each.length);
      expect(held.length).toBe(Math.min(count, rig.dirty.size / granularity));
      expect(Math.max(...held)).toBe(length);
      expect(rig.copier.inFlight).toBeLessThanOrEqual(COPIES_MAX);
      expect(rig.copier.rationMax).toBe(count * length);
      rig.release();
      await rig.runUntil(() => copy.state === 'done');
      expect(Buffer.compare(rig.targetDisk.bytes, rig.sourceDisk.bytes)).toBe(0);
    },
  );

  it('of scattered ranges are 16, each with a buffer to itself', async () => {
    const rig = dirtyRig({ size: 4 * MiB, granularity: 64 * KiB, bufSize: 16 * MiB });
    for (let at = 0; at < rig.dirty.size; at += 128 * KiB) rig.dirty.clear(at, 64 * KiB);
    rig.targetDisk.gate.mode = 'held';
    const copy = copyAll(rig);
    await settle();
    expect(rig.targetDisk.gate.held.map(({ length }) => length)).toEqual(
      Array(COPIES_MAX).fill(64 * KiB),
    );
    rig.release();
    await rig.runUntil(() => copy.state === 'done');
  });

  it('are long again when the ration is whole again, and not before', async () => {
    const rig = dirtyRig({ size: 20 * MiB, granularity: 64 * KiB, bufSize: 16 * MiB });
    rig.copier.setRation(rig.copier.rationMax - 1);
    rig.targetDisk.gate.mode = 'held';
    const copy = copyAll(rig);
    for (const _ of [1, 2, 3, 4]) await settle();
    const longest = () => Math.max(...rig.targetDisk.gate.held.map(({ length }) => length));
    expect(longest()).toBe(MiB);
    expect(rig.copier.inFlight).toBe(15);
    rig.copier.setRation(rig.copier.rationMax);
    for (let count = 0; count < 15; count += 1) rig.targetDisk.gate.next('write').complete();
    for (const _ of [1, 2, 3, 4]) await settle();
    expect(longest()).toBe(2 * MiB);
    rig.release();
    await rig.runUntil(() => copy.state === 'done');
  });

  it('are few or short when the ration is', async () => {
    for (const [ration, lengths] of [
      [64 * KiB, [16, 16, 16, 16]],
      [16 * KiB, [4, 4, 4, 4]],
      [4 * KiB, [4]],
      [1, [4]],
    ] as const) {
      const rig = dirtyRig({ size: MiB, granularity: 4 * KiB });
      rig.copier.setRation(ration);
      rig.targetDisk.gate.mode = 'held';
      const copy = copyAll(rig);
      await settle();
      const held = rig.targetDisk.gate.held.map(({ length }) => length / KiB);
      expect(held).toEqual(lengths);
      rig.release();
      await rig.runUntil(() => copy.state === 'done');
    }
  });

  it('begin where the last one ended, so that what is written all the time waits', async () => {
    const rig = dirtyRig({ size: 64 * KiB, granularity: 4 * KiB, bufSize: 4 * KiB });
    rig.targetDisk.gate.mode = 'held';
    const copy = copyAll(rig);
    const order: number[] = [];
    for (let count = 0; count < 16; count += 1) {
      await settle();
      const held = rig.targetDisk.gate.next('write');
      order.push(held.offset / (4 * KiB));
      // The guest writes to the first granule again and again.
      await rig.source.write(0, pattern(10, count));
      held.complete();
    }
    expect(order).toEqual(Array.from({ length: 16 }, (_, index) => index));
    rig.release();
    await rig.runUntil(() => copy.state === 'done');
  });

  it('pass over what somebody else has claimed, and do the rest', async () => {
    const rig = dirtyRig({ size: 64 * KiB, granularity: 4 * KiB });
    const claim = rig.pair.claims.tryHold({ offset: 8 * KiB, length: 4 * KiB });
    const copy = copyAll(rig);
    await rig.runUntil(() => rig.pair.remaining === 4 * KiB && rig.copier.inFlight === 0);
    expect(copy.state).toBe('pending');
    expect(rig.dirtyGranules).toEqual([2]);
    if (claim) rig.pair.claims.release(claim);
    rig.control.wake();
    await rig.runUntil(() => copy.state === 'done');
  });

  it('are flushed while others go on, one flush at a time', async () => {
    const rig = dirtyRig({ size: 160 * MiB, granularity: 64 * KiB });
    rig.targetDisk.bytes = rig.sourceDisk.bytes;
    rig.sourceDisk.bytes = new Uint8Array(160 * MiB);
    const flush = rig.targetDisk.flush.bind(rig.targetDisk);
    let most = 0;
    let now = 0;
    rig.targetDisk.flush = async () => {
      now += 1;
      most = Math.max(most, now);
      await rig.clock.turn();
      await flush();
      now -= 1;
    };
    const copy = copyAll(rig);
    await rig.runUntil(() => copy.state === 'done');
    const flushes = rig.targetDisk.operations.filter((operation) => operation === 'flush');
    expect([flushes.length, most]).toEqual([2, 1]);
  });

  it('are not flushed again before the last flush has ended, which is in flight', async () => {
    const rig = dirtyRig({ size: 130 * MiB, granularity: MiB });
    const ended = deferred();
    let flushes = 0;
    rig.targetDisk.flush = () => {
      flushes += 1;
      return ended.promise;
    };
    const copy = copyAll(rig);
    await rig.runUntil(() => copy.state === 'done');
    expect([flushes, rig.copier.inFlight]).toEqual([1, 1]);
    const idle = watch(() => rig.copier.idle());
    await settle();
    expect(idle.state).toBe('pending');
    ended.resolve();
    await rig.runUntil(() => idle.state === 'done');
    expect([flushes, rig.copier.inFlight]).toEqual([1, 0]);
  });

  it('let others run after each 8 MiB, though both disks complete at once', async () => {
    const rig = dirtyRig({ size: 40 * MiB, granularity: 64 * KiB, bufSize: 4 * MiB });
    const { turns } = rig.clock;
    await rig.copier.copyUntil(() => rig.copier.isClean);
    expect(rig.clock.turns - turns).toBe(5);
  });
});

describe('a copy that fails', () => {
  it('is tried again later and later while errors are ignored, and told of each time', async () => {
    const rig = dirtyRig({ size: 4 * KiB, granularity: 4 * KiB, onTargetError: 'ignore' });
    rig.targetDisk.gate.mode = 'held';
    const copy = copyAll(rig);
    const times: number[] = [];
    const startMs = rig.clock.nowMs();
    await rig.runUntil(() => {
      const [held] = rig.targetDisk.gate.held;
      if (!held) return times.length === 6;
      times.push(rig.clock.nowMs() - startMs);
      held.fail(broken);
      return false;
    });
    const gaps = times.slice(1).map((ms, index) => ms - (times[index] ?? 0));
    expect(gaps.every((gap, index) => gap >= 10 * 2 ** index)).toBe(true);
    expect(rig.control.failures).toHaveLength(6);
    rig.release();
    await rig.runUntil(() => copy.state === 'done');
    expect(Buffer.compare(rig.targetDisk.bytes, rig.sourceDisk.bytes)).toBe(0);
  });

  it.each([broken, new TypeError('wrong')])('ends the copying with its %s', async (error) => {
    const rig = dirtyRig({ size: 16 * KiB, granularity: 4 * KiB, bufSize: 4 * KiB });
    rig.targetDisk.gate.mode = 'held';
    const copy = copyAll(rig);
    await settle();
    rig.targetDisk.gate.next('write').fail(error);
    await settle();
    expect(copy.error).toBe(error);
    expect(rig.copier.inFlight).toBe(0);
    expect(rig.dirtyGranules).toEqual([0, 1, 2, 3]);
  });
});

describe('the last copies', () => {
  it('end with what the job fails with, also where none is left', async () => {
    const rig = new PairRig();
    expect(await rig.copier.copyRest(Infinity)).toBe(true);
    rig.pair.fail(broken);
    await expect(rig.copier.copyRest(Infinity)).rejects.toBe(broken);
  });
});

describe('copying', () => {
  it('rests with nothing in flight when it is to pause, and moves nothing then', async () => {
    const rig = dirtyRig({ size: 256 * KiB, granularity: 4 * KiB, bufSize: 16 * KiB });
    rig.targetDisk.gate.mode = 'held';
    const copy = copyAll(rig);
    await settle();
    rig.control.pausing = true;
    rig.control.wake();
    await settle();
    expect(rig.control.rests).toBe(0);
    rig.release();
    await settle();
    expect([rig.control.rests, rig.copier.inFlight]).toEqual([1, 0]);
    const { copied } = rig.pair;
    await rig.clock.advance(60_000);
    expect(rig.pair.copied).toBe(copied);
    rig.control.pausing = false;
    rig.control.wake();
    await rig.runUntil(() => copy.state === 'done');
    expect(Buffer.compare(rig.targetDisk.bytes, rig.sourceDisk.bytes)).toBe(0);
  });

  it('rests soon also where a slow limit keeps a copy waiting between its pieces', async () => {
    const rig = dirtyRig({ size: 64 * KiB, granularity: 64 * KiB, speed: 10 * KiB });
    const copy = copyAll(rig);
    await rig.clock.advance(100);
    rig.control.pausing = true;
    rig.control.wake();
    await settle();
    expect([rig.control.rests, rig.copier.inFlight]).toEqual([1, 0]);
    expect(rig.clock.timers).toBe(0);
    rig.control.isCancelled = true;
    rig.control.wake();
    await settle();
    expect(copy.error).toBeInstanceOf(JobCancelled);
  });

  it('copies a range at once where the limit is below any piece', async () => {
    const rig = dirtyRig({ size: 128 * KiB, granularity: 64 * KiB, speed: 2 });
    const copy = copyAll(rig);
    await rig.clock.advance(1000);
    expect(rig.pair.copied).toBe(64 * KiB);
    rig.control.isCancelled = true;
    rig.control.wake();
    await settle();
    expect(copy.error).toBeInstanceOf(JobCancelled);
  });

  it('leaves at once when the job is cancelled; what is in flight ends apart', async () => {
    const rig = dirtyRig({ size: 64 * KiB, granularity: 4 * KiB });
    rig.targetDisk.gate.mode = 'held';
    const copy = copyAll(rig);
    await settle();
    rig.control.isCancelled = true;
    rig.control.wake();
    await settle();
    expect(copy.error).toBeInstanceOf(JobCancelled);
    rig.pair.giveUp();
    const idle = watch(() => rig.copier.idle());
    await rig.clock.advance(5000);
    expect(idle.state).toBe('pending');
    // A target that may never answer is not waited for any longer.
    rig.pair.abandon();
    await settle();
    expect(idle.state).toBe('done');
    expect(rig.pair.remaining).toBe(64 * KiB);
    rig.release();
    await settle();
    expect(rig.copier.inFlight).toBe(0);
  });
});

describe('a flush', () => {
  it('is not asked of a target that has to have nothing yet', async () => {
    const rig = dirtyRig({});
    expect(await rig.copier.flush()).toBe(true);
    expect(rig.targetDisk.operations).not.toContain('flush');
    await rig.copier.copyUntil(() => rig.copier.isClean);
    expect(await rig.copier.flush()).toBe(true);
    expect(rig.targetDisk.operations.at(-1)).toBe('flush');
  });
});
