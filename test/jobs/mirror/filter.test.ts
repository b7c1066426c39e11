import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { pattern } from '../../support/drivers.ts';
import { PairRig } from '../../support/pair-rig.ts';
import { settle, watch } from '../../support/settle.ts';

const UNIT = 1024;

describe('in background mode', () => {
  it('a change goes to the source, which marks it, and not to the target', async () => {
    const changes = {
      write: (rig: PairRig) => rig.guest.write(UNIT, pattern(10)),
      writeZeroes: (rig: PairRig) => rig.guest.writeZeroes(UNIT, 10),
      discard: (rig: PairRig) => rig.guest.discard(UNIT, 10),
    };
    for (const change of Object.values(changes)) {
      const rig = new PairRig({ copyMode: 'background' });
      await change(rig);
      expect(rig.dirtyGranules).toEqual([1]);
      expect(rig.targetDisk.calls).toEqual([]);
    }
  });

  it('a failed write is marked as well: nobody knows how much of it took effect', async () => {
    const rig = new PairRig({ copyMode: 'background' });
    rig.sourceDisk.gate.mode = 'held';
    const write = watch(() => rig.guest.write(UNIT, pattern(10)));
    rig.sourceDisk.gate.next('write').fail(new BlockError('EIO', 'write', 'broken'));
    await settle();
    expect(write.state).toBe('failed');
    expect(rig.dirtyGranules).toEqual([1]);
  });
});

describe('what a guest writes to both disks', () => {
  it('is the same on both, whatever becomes of its buffer meanwhile', async () => {
    const rig = new PairRig();
    rig.hold();
    const buffer = pattern(UNIT, 5);
    const write = watch(() => rig.guest.write(0, buffer));
    await settle();
    rig.sourceDisk.gate.next('write').complete();
    buffer.fill(0xee);
    rig.targetDisk.gate.next('write').complete();
    await settle();
    expect(write.state).toBe('done');
    expect(rig.sourceDisk.bytes.subarray(0, UNIT)).toEqual(pattern(UNIT, 5));
    expect(rig.targetDisk.bytes).toEqual(
      Uint8Array.from([...pattern(UNIT, 5), ...pattern(4 * UNIT, 100).subarray(UNIT)]),
    );
  });

  it('is as durable on the target as was asked for', async () => {
    const rig = new PairRig();
    await rig.guest.write(0, pattern(UNIT), { forceUnitAccess: true });
    await rig.guest.writeZeroes(0, UNIT, { forceUnitAccess: true, mayUnmap: true });
    for (const { calls } of [rig.sourceDisk, rig.targetDisk]) {
      const asked = calls.map(({ options }) => options?.forceUnitAccess);
      expect(asked).toEqual([true, true]);
    }
  });

  it('is unmapped on the target only if both the guest and the mirror allow it', async () => {
    for (const unmap of [true, false]) {
      for (const mayUnmap of [true, false]) {
        const rig = new PairRig({ unmap });
        await rig.guest.writeZeroes(0, UNIT, { mayUnmap });
        expect(rig.sourceDisk.calls[0]?.options).toMatchObject({ mayUnmap });
        expect(rig.targetDisk.calls[0]?.options).toMatchObject({ mayUnmap: mayUnmap && unmap });
      }
    }
  });

  it('goes the way that was right when it arrived, though the mode changes meanwhile', async () => {
    const rig = new PairRig({ copyMode: 'background' });
    rig.hold();
    const passive = watch(() => rig.guest.write(0, pattern(UNIT, 1)));
    rig.pair.setActive(true);
    const active = watch(() => rig.guest.write(2 * UNIT, pattern(UNIT, 2)));
    rig.pair.setActive(false);
    await settle();
    rig.release();
    await settle();
    expect([passive.state, active.state]).toEqual(['done', 'done']);
    // The one is dirty, and of the other the target has what it must, or it is dirty too.
    expect(rig.dirtyGranules).toContain(0);
    const same = Buffer.compare(
      rig.targetDisk.bytes.subarray(2 * UNIT, 3 * UNIT),
      rig.sourceDisk.bytes.subarray(2 * UNIT, 3 * UNIT),
    );
    expect(same === 0 || rig.dirtyGranules.includes(2)).toBe(true);
  });

  it('is dirty in the end where a write that began before it was still on its way', async () => {
    const rig = new PairRig({ copyMode: 'background' });
    rig.hold();
    const before = watch(() => rig.guest.write(0, pattern(UNIT, 1)));
    rig.pair.setActive(true);
    const after = watch(() => rig.guest.write(0, pattern(UNIT, 2)));
    await settle();
    const [first, second] = rig.sourceDisk.gate.held;
    second?.complete();
    rig.targetDisk.gate.next('write').complete();
    first?.complete();
    await settle();
    expect([before.state, after.state]).toEqual(['done', 'done']);
    // The older one has landed last on the source, and the target knows nothing of it.
    expect(rig.dirtyGranules).toEqual([0]);
  });
});

describe('zeroes that must not be sent as data', () => {
  it('go to the source alone and are copied later', async () => {
    const rig = new PairRig();
    await rig.guest.writeZeroes(0, UNIT, { noFallback: true });
    expect(rig.targetDisk.calls).toEqual([]);
    expect(rig.dirtyGranules).toEqual([0]);
  });
});

describe('a discard', () => {
  it('that the source ignores changes nothing on either disk', async () => {
    const rig = new PairRig();
    Object.assign(rig.source.options, { unmap: false });
    const before = rig.targetDisk.bytes.slice();
    await rig.guest.discard(0, UNIT);
    expect(rig.targetDisk.bytes).toEqual(before);
    expect(rig.targetDisk.calls).toEqual([]);
  });
});

describe('whoever watches', () => {
  it('is told of each read and write when it has completed, and of how long it took', async () => {
    const rig = new PairRig();
    const seen: (readonly number[])[] = [];
    rig.filter.watch((latencyMs, written) => seen.push([latencyMs, written]));
    rig.hold();
    const read = watch(() => rig.guest.read(0, new Uint8Array(10)));
    const write = watch(() => rig.guest.write(0, pattern(20)));
    await settle();
    await rig.clock.advance(7);
    expect(seen).toEqual([]);
    rig.release();
    await settle();
    expect([read.state, write.state]).toEqual(['done', 'done']);
    expect(seen).toEqual([
      [7, 0],
      [7, 20],
    ]);
    rig.filter.watch(undefined);
    await rig.guest.write(0, pattern(20));
    expect(seen).toHaveLength(2);
  });
});

describe('everything else', () => {
  it('is the source’s own: reads, flushes, what is known of a range, and the size', async () => {
    const rig = new PairRig();
    const bytes = new Uint8Array(100);
    await rig.guest.read(50, bytes);
    expect(bytes).toEqual(rig.sourceDisk.bytes.subarray(50, 150));
    await rig.guest.flush();
    rig.sourceDisk.extentAt = () => ({ length: 5, data: false, zero: true, allocated: false });
    expect(await rig.guest.blockStatus(0, 10)).toMatchObject({ length: 5, allocated: false });
    expect(rig.guest.size).toBe(rig.source.size);
    expect(rig.sourceDisk.operations).toEqual(['read', 'flush', 'blockStatus']);
    expect(rig.targetDisk.calls).toEqual([]);
  });
});

describe('a discard that goes to both disks', () => {
  it('counts as remaining from its arrival to its end', async () => {
    const rig = new PairRig();
    rig.hold();
    const discard = watch(() => rig.guest.discard(UNIT, UNIT));
    await settle();
    expect(rig.pair.remaining).toBe(UNIT);
    rig.release();
    await settle();
    expect([discard.state, rig.pair.remaining]).toEqual(['done', 0]);
  });
});
