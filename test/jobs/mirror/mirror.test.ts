import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { pattern } from '../../support/drivers.ts';
import { Rig } from '../../support/rig.ts';
import { settle } from '../../support/settle.ts';

const KiB = 1024;
const granularity = 4 * KiB;

/** A rig whose disks hold different bytes everywhere, so that nothing is right by chance. */
async function filledRig(size = 64 * KiB, zeroesFast = false): Promise<Rig> {
  const rig = await Rig.open({ size, zeroesFast });
  rig.sourceDisk.bytes = pattern(size, 1);
  rig.targetDisk.bytes = pattern(size, 100);
  return rig;
}

describe('the end of a mirror', () => {
  it('is COMPLETED with the guest on the target after a complete', async () => {
    const rig = await filledRig();
    const { job, work } = await rig.start({ granularity });
    await rig.runUntil(() => job.status === 'ready');
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(work.switched).toBe(true);
    expect(rig.guest.node).toBe(rig.target);
    const source = rig.sourceDisk.bytes.slice();
    await rig.guest.write(512, pattern(512, 50));
    expect(rig.sourceDisk.bytes).toEqual(source);
    source.set(pattern(512, 50), 512);
    expect(rig.targetDisk.bytes).toEqual(source);
  });

  it('is COMPLETED with the guest on the source after a cancel in phase 2', async () => {
    const rig = await filledRig();
    const { job, work } = await rig.start({ granularity });
    await rig.runUntil(() => job.status === 'ready');
    await rig.guest.write(8 * KiB, pattern(512, 7));
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(work.switched).toBe(false);
    expect(rig.guest.node).toBe(rig.source);
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
  });

  it('is CANCELLED after a cancel in phase 1', async () => {
    const rig = await filledRig();
    rig.targetDisk.gate.mode = 'held';
    const { job } = await rig.start({ granularity });
    await settle();
    job.cancel({ force: false });
    await settle();
    expect(job.status).toBe('running');
    await rig.runUntil(() => {
      rig.completeHeld(rig.targetDisk);
      return job.status === 'null';
    });
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(rig.guest.node).toBe(rig.source);
  });

  it('is CANCELLED after a forced cancel in phase 2', async () => {
    const rig = await filledRig();
    const { job } = await rig.start({ granularity });
    await rig.runUntil(() => job.status === 'ready');
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it('leaves no edge, bitmap, timer or request behind, however it comes', async () => {
    for (const force of [true, false]) {
      const rig = await filledRig();
      const { job } = await rig.start({ granularity });
      await rig.runUntil(() => job.status === 'ready');
      job.cancel({ force });
      await rig.runUntil(() => job.status === 'null');
      expect(rig.target.parents.size).toBe(0);
      expect([...rig.source.parents]).toEqual([rig.guest]);
      expect(rig.clock.timers).toBe(0);
      expect(rig.source.inFlight + rig.target.inFlight).toBe(0);
      rig.guest.close();
      await rig.graph.closeAll();
    }
  });
});

describe('READY', () => {
  it('comes once, with both equal, nothing in flight and the target flushed', async () => {
    const rig = await filledRig();
    const { job, work } = await rig.start({ granularity });
    await rig.runUntil(() => rig.told.includes('BLOCK_JOB_READY'));
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
    expect(rig.targetDisk.operations.at(-1)).toBe('flush');
    expect(work.progress()).toMatchObject({ phase: 2, remaining: 0 });
    await rig.guest.write(0, pattern(512, 9));
    await rig.runUntil(() => work.progress().remaining === 0);
    expect(rig.told.filter((word) => word === 'BLOCK_JOB_READY')).toHaveLength(1);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });

  it('waits for a flush of everything that was copied', async () => {
    const rig = await filledRig();
    rig.targetDisk.gate.mode = 'held';
    const { job } = await rig.start({ granularity });
    await rig.reach(rig.targetDisk, 'flush');
    await settle();
    expect(job.status).toBe('running');
    rig.targetDisk.gate.mode = 'sync';
    rig.targetDisk.gate.next('flush').complete();
    await rig.runUntil(() => job.status === 'ready');
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });

  it('tells offset equal to len', async () => {
    const rig = await filledRig(10_000);
    const { job } = await rig.start({ granularity });
    await rig.runUntil(() => job.status === 'ready');
    const ready = rig.events.find(({ event }) => event === 'BLOCK_JOB_READY');
    expect(ready?.data).toEqual({
      type: 'mirror',
      device: 'mirror0',
      len: 10_000,
      offset: 10_000,
      speed: 0,
    });
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });
});

describe('a guest write', () => {
  it('is copied again when it lands between the read and the end of a copy', async () => {
    const rig = await filledRig(granularity);
    rig.targetDisk.gate.mode = 'held';
    const { job } = await rig.start({ granularity });
    await rig.reach(rig.targetDisk, 'write');
    // The old bytes have been read and are on their way to the target.
    await rig.guest.write(0, pattern(512, 77));
    rig.targetDisk.gate.mode = 'sync';
    rig.targetDisk.gate.next('write').complete();
    await rig.runUntil(() => job.status === 'ready');
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });

  it('that is under way at a complete goes where the guest is when it is let go', async () => {
    const rig = await filledRig();
    const { job } = await rig.start({ granularity });
    await rig.runUntil(() => job.status === 'ready');
    rig.sourceDisk.gate.mode = 'held';
    const first = rig.guest.write(0, pattern(512, 33));
    job.complete();
    await rig.runUntil(() => rig.clock.nowMs() > 3000);
    // The drain waits for the first write, and holds back the second.
    expect(job.status).toBe('ready');
    const second = rig.guest.write(512, pattern(512, 44));
    rig.sourceDisk.gate.mode = 'sync';
    rig.sourceDisk.gate.next('write').complete();
    await first;
    await rig.runUntil(() => job.status === 'null');
    await second;
    expect(rig.guest.node).toBe(rig.target);
    expect(rig.targetDisk.bytes.subarray(0, 1024)).toEqual(
      Uint8Array.from([...pattern(512, 33), ...pattern(512, 44)]),
    );
    expect(rig.sourceDisk.bytes.subarray(512, 1024)).not.toEqual(pattern(512, 44));
  });

  it('by another parent of the source is not missed', async () => {
    const rig = await filledRig();
    const { job } = await rig.start({ granularity });
    await rig.runUntil(() => job.status === 'ready');
    await rig.source.write(20 * KiB, pattern(1024, 5));
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
  });
});

describe('zeroes and discards of a guest', () => {
  it('reach the target', async () => {
    const rig = await filledRig();
    const { job } = await rig.start({ granularity });
    await rig.runUntil(() => job.status === 'ready');
    await rig.guest.writeZeroes(4 * KiB, 8 * KiB);
    await rig.guest.discard(20 * KiB, 4 * KiB);
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
  });
});

describe('sync none', () => {
  it('copies only what is written after the start', async () => {
    const rig = await filledRig();
    const before = rig.targetDisk.bytes.slice();
    const { job } = await rig.start({ granularity, sync: 'none' });
    await rig.runUntil(() => job.status === 'ready');
    expect(rig.targetDisk.bytes).toEqual(before);
    await rig.guest.write(4 * KiB, pattern(512, 3));
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    before.set(rig.sourceDisk.bytes.subarray(4 * KiB, 8 * KiB), 4 * KiB);
    expect(rig.targetDisk.bytes).toEqual(before);
  });
});

describe('sync full', () => {
  it('does not write zeroes to a target that reads as zeroes', async () => {
    const rig = await Rig.open({ size: 64 * KiB });
    rig.sourceDisk.bytes.set(pattern(4 * KiB), 8 * KiB);
    rig.sourceDisk.extentAt = (offset) => {
      const [start, end] = [8 * KiB, 12 * KiB];
      const isData = offset >= start && offset < end;
      const stop = isData ? end : offset < start ? start : 64 * KiB;
      return { length: stop - offset, data: isData, zero: !isData, allocated: true };
    };
    rig.targetDisk.extentAt = (_, length) => ({ length, data: false, zero: true, allocated: true });
    const { job, work } = await rig.start({ granularity });
    await rig.runUntil(() => job.status === 'ready');
    expect(work.progress().offset).toBe(64 * KiB);
    expect(rig.targetDisk.operations).not.toContain('writeZeroes');
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });

  it('clears what an old target holds where the source is zero', async () => {
    for (const canZeroFast of [true, false]) {
      const rig = await filledRig(64 * KiB, canZeroFast);
      rig.sourceDisk.bytes.fill(0);
      rig.sourceDisk.extentAt = (_, length) => ({
        length,
        data: false,
        zero: true,
        allocated: true,
      });
      const { job } = await rig.start({ granularity });
      await rig.runUntil(() => job.status === 'ready');
      expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
      job.cancel({ force: true });
      await rig.runUntil(() => job.status === 'null');
    }
  });
});

describe('sizes', () => {
  it.each([0, 1, 511, 512, 4095, 4097, 10_000])('of %i bytes are mirrored whole', async (size) => {
    const rig = await filledRig(size);
    const { job } = await rig.start({ granularity });
    await rig.runUntil(() => job.status === 'ready');
    if (size > 0) await rig.guest.write(size - 1, Uint8Array.of(201));
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
  });

  it('that differ end the job with an error', async () => {
    const rig = await Rig.open({ size: 8192, targetSize: 4096 });
    const { job } = await rig.start({ granularity });
    const outcome = await job.finished;
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'EINVAL' } });
    expect(rig.told).not.toContain('BLOCK_JOB_READY');
  });
});

describe('a failing disk', () => {
  it.each(['read', 'write', 'flush'] as const)(
    'ends the job with the error of its %s, and the guest goes on',
    async (operation) => {
      const rig = await filledRig();
      const disk = operation === 'read' ? rig.sourceDisk : rig.targetDisk;
      disk.gate.mode = 'held';
      const { job, work } = await rig.start({ granularity });
      const error = new BlockError('EIO', operation, 'broken');
      await rig.runUntil(() => {
        for (const held of [...disk.gate.held]) {
          if (held.operation === operation) held.fail(error);
          else held.complete();
        }
        return job.status === 'null';
      });
      expect(await job.finished).toEqual({ status: 'failed', error });
      // What was not copied is dirty again.
      const { offset, remaining } = work.progress();
      expect(offset + remaining).toBe(rig.source.size);
      const action = operation === 'read' ? 'read' : 'write';
      expect(rig.events).toContainEqual({
        event: 'BLOCK_JOB_ERROR',
        data: { device: 'mirror0', operation: action, action: 'report' },
      });
      disk.gate.mode = 'sync';
      await rig.guest.write(0, pattern(512));
      expect(rig.guest.node).toBe(rig.source);
      expect(rig.target.parents.size).toBe(0);
    },
  );
});

describe('limits', () => {
  it('hold at most 16 MiB of copies of at most 2 MiB in flight', async () => {
    const rig = await filledRig(20 * 1024 * KiB);
    rig.sourceDisk.gate.mode = 'held';
    const { job } = await rig.start();
    await rig.runUntil(() => {
      rig.completeHeld(rig.sourceDisk, 'read');
      return rig.sourceDisk.gate.held.filter(({ operation }) => operation === 'read').length >= 8;
    });
    await settle();
    const reads = rig.sourceDisk.gate.held.filter(({ operation }) => operation === 'read');
    expect(reads).toHaveLength(8);
    expect(new Set(reads.map(({ length }) => length))).toEqual(new Set([2048 * KiB]));
    job.cancel({ force: true });
    await rig.runUntil(() => {
      rig.completeHeld(rig.sourceDisk);
      return job.status === 'null';
    });
  });

  it('of speed hold in phase 1', async () => {
    const rig = await filledRig(1024 * KiB);
    const startMs = rig.clock.nowMs();
    const { job, work } = await rig.start({ granularity, speed: 100 * KiB });
    await rig.runUntil(() => rig.clock.nowMs() >= startMs + 5000);
    const { offset } = work.progress();
    expect(offset).toBeGreaterThan(450 * KiB);
    expect(offset).toBeLessThan(550 * KiB);
    job.setSpeed(0);
    await rig.runUntil(() => job.status === 'ready');
    expect(rig.clock.nowMs()).toBeLessThan(startMs + 6000);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });
});

describe('a paused mirror', () => {
  it('has nothing in flight and moves nothing until it is resumed', async () => {
    const rig = await filledRig(512 * KiB);
    rig.targetDisk.gate.mode = 'held';
    const { job, work } = await rig.start({ granularity, bufSize: 64 * KiB });
    await rig.reach(rig.targetDisk, 'write');
    job.pause();
    await settle();
    expect(job.status).toBe('running');
    await rig.runUntil(() => {
      rig.completeHeld(rig.targetDisk);
      return job.status === 'paused';
    });
    const { offset } = work.progress();
    expect(rig.target.inFlight).toBe(0);
    await rig.runUntil(() => rig.clock.nowMs() > 10_000);
    expect(work.progress().offset).toBe(offset);
    rig.targetDisk.gate.mode = 'sync';
    job.resume();
    await rig.runUntil(() => job.status === 'ready');
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });
});

describe('wrong options', () => {
  it('are refused in the words of QEMU', async () => {
    const rig = await filledRig();
    await expect(rig.start({ granularity: 256 })).rejects.toThrow(
      "Parameter 'granularity' expects a value in range [512B, 64MB]",
    );
    await expect(rig.start({ granularity: 3000 })).rejects.toThrow(
      "Parameter 'granularity' expects a power of 2",
    );
    await expect(rig.start({ bufSize: -1 })).rejects.toThrow("Invalid parameter 'buf-size'");
    await expect(rig.start({ speed: -1 })).rejects.toThrow(
      "Parameter 'speed' expects a non-negative value",
    );
    expect([...rig.source.parents]).toEqual([rig.guest]);
  });
});
