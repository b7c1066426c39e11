import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { pattern } from '../../support/drivers.ts';
import { PairRig } from '../../support/pair-rig.ts';
import { settle, watch } from '../../support/settle.ts';

const UNIT = 1024;
const SIZE = 4 * UNIT;
const broken = new BlockError('EIO', 'write', 'broken');

/** What the target was sent, as [offset, length]. */
function sent(rig: PairRig): readonly (readonly [number, number])[] {
  return rig.targetDisk.calls.map(({ offset, length }) => [offset, length]);
}

/** A write that covers part of granule 0, all of 1 and 2, and part of 3. */
const wide = { offset: 300, length: 3 * UNIT } as const;

describe('of a guest write that goes to both disks', () => {
  it.each([
    ['all, where nothing is dirty', [], [wide.offset, wide.length], []],
    ['all but its head, where that is dirty', [0], [UNIT, 2 * UNIT + 300], [0]],
    ['all but its tail, where that is dirty', [3], [300, 3 * UNIT - 300], [3]],
    ['the middle, where both ends are dirty', [0, 3], [UNIT, 2 * UNIT], [0, 3]],
    ['also what it covers whole and was dirty', [1, 2], [wide.offset, wide.length], []],
    ['only the middle, where all is dirty', [0, 1, 2, 3], [UNIT, 2 * UNIT], [0, 3]],
  ] as const)('the target gets %s', async (_, dirty, [offset, length], left) => {
    const rig = new PairRig();
    for (const index of dirty) rig.dirty.mark(index * UNIT, 1);
    await rig.guest.write(wide.offset, pattern(wide.length, 50));
    expect(sent(rig)).toEqual([[offset, length]]);
    const start = offset - wide.offset;
    const expected = pattern(wide.length, 50).subarray(start, start + length);
    expect(rig.targetDisk.bytes.subarray(offset, offset + length)).toEqual(expected);
    // What is covered whole is clean, and what was left to the copy is dirty.
    expect(rig.dirtyGranules).toEqual(left);
  });

  it('the target gets nothing that lies within one dirty granule, which stays dirty', async () => {
    for (const [offset, length] of [
      [1100, 100],
      [UNIT, 100],
      [2 * UNIT - 1, 1],
    ] as const) {
      const rig = new PairRig();
      rig.dirty.mark(UNIT, 1);
      await rig.guest.write(offset, pattern(length));
      expect(sent(rig)).toEqual([]);
      expect(rig.dirtyGranules).toEqual([1]);
    }
  });

  it('the target gets what lies within one clean granule, which stays clean', async () => {
    const rig = new PairRig();
    await rig.guest.write(1100, pattern(100));
    expect(sent(rig)).toEqual([[1100, 100]]);
    expect(rig.dirtyGranules).toEqual([]);
  });

  it('the short last granule of a disk is covered whole by what reaches the end', async () => {
    const rig = new PairRig({ size: 3 * UNIT + 100 });
    rig.dirty.markAll();
    await rig.guest.write(2 * UNIT, pattern(UNIT + 100));
    expect(sent(rig)).toEqual([[2 * UNIT, UNIT + 100]]);
    expect(rig.dirtyGranules).toEqual([0, 1]);
  });

  it('zeroes are sent as zeroes, and their ends are treated alike', async () => {
    const rig = new PairRig();
    rig.dirty.mark(0, 1);
    await rig.guest.writeZeroes(wide.offset, wide.length);
    expect(rig.targetDisk.operations).toEqual(['writeZeroes']);
    expect(sent(rig)).toEqual([[UNIT, 2 * UNIT + 300]]);
    expect(rig.dirtyGranules).toEqual([0]);
  });

  it('zeroes of less than a granule make no granule count as zero', async () => {
    const rig = new PairRig();
    await rig.guest.writeZeroes(UNIT + 10, 20);
    await rig.guest.writeZeroes(UNIT - 10, 20);
    await rig.guest.writeZeroes(2 * UNIT - 1, 1);
    expect(rig.pair.knownZero.dirtyBytes).toBe(0);
    await rig.guest.writeZeroes(UNIT - 10, UNIT + 20);
    expect(rig.pair.knownZero.test(UNIT)).toBe(true);
    expect(rig.pair.knownZero.dirtyGranules).toBe(1);
    const expected = rig.sourceDisk.bytes.subarray(UNIT - 10, 2 * UNIT + 10);
    expect(rig.targetDisk.bytes.subarray(UNIT - 10, 2 * UNIT + 10)).toEqual(expected);
  });
});

describe('a guest write', () => {
  it('completes when both disks have it, whichever is first', async () => {
    for (const first of ['sourceDisk', 'targetDisk'] as const) {
      const second = first === 'sourceDisk' ? 'targetDisk' : 'sourceDisk';
      const rig = new PairRig();
      rig.hold();
      const write = watch(() => rig.guest.write(0, pattern(UNIT)));
      await settle();
      rig[first].gate.next('write').complete();
      await settle();
      expect(write.state).toBe('pending');
      rig[second].gate.next('write').complete();
      await settle();
      expect(write.state).toBe('done');
    }
  });

  it('counts as remaining from its arrival to its end, and then as copied', async () => {
    const rig = new PairRig();
    rig.hold();
    const write = watch(() => rig.guest.write(0, pattern(700)));
    expect([rig.pair.remaining, rig.pair.copied]).toEqual([700, 0]);
    await settle();
    rig.release();
    await settle();
    expect(write.state).toBe('done');
    expect([rig.pair.remaining, rig.pair.copied]).toEqual([0, 700]);
  });

  it('reaches both disks though it is a single byte', async () => {
    const rig = new PairRig();
    await rig.guest.write(7, new Uint8Array([77]));
    expect([rig.sourceDisk.bytes[7], rig.targetDisk.bytes[7]]).toEqual([77, 77]);
  });

  it('waits for a copy of what it touches, and a copy for it', async () => {
    const rig = new PairRig();
    rig.dirty.mark(0, 1);
    rig.hold();
    const copy = watch(() => rig.copier.copyUntil(() => rig.copier.isClean));
    await settle();
    rig.sourceDisk.gate.next('blockStatus').complete();
    await settle();
    rig.sourceDisk.gate.next('read').complete();
    const write = watch(() => rig.guest.write(100, pattern(100, 7)));
    await settle();
    // The copy has read the old bytes: if the guest's came first on the target they were lost.
    expect(rig.targetDisk.gate.held.map(({ operation }) => operation)).toEqual(['write']);
    expect(rig.sourceDisk.gate.held).toEqual([]);
    rig.targetDisk.gate.next('write').complete();
    await rig.runUntil(() => rig.targetDisk.gate.held.length > 0);
    rig.release();
    await rig.runUntil(() => write.state === 'done' && copy.state === 'done');
    expect(rig.targetDisk.bytes.subarray(0, UNIT)).toEqual(rig.sourceDisk.bytes.subarray(0, UNIT));
  });

  it('waits for an overlapping one before it, so that both disks end with the same', async () => {
    const rig = new PairRig();
    rig.hold();
    const first = watch(() => rig.guest.write(0, pattern(1500, 1)));
    const second = watch(() => rig.guest.write(1400, pattern(1500, 2)));
    const third = watch(() => rig.guest.write(700, pattern(1500, 3)));
    await settle();
    expect(rig.sourceDisk.gate.held).toHaveLength(1);
    // In whatever order they complete that are let in.
    await rig.runUntil(() => {
      rig.targetDisk.gate.held.at(-1)?.complete();
      rig.sourceDisk.gate.held.at(-1)?.complete();
      return [first, second, third].every(({ state }) => state === 'done');
    });
    expect(rig.targetDisk.bytes.subarray(0, 2900)).toEqual(rig.sourceDisk.bytes.subarray(0, 2900));
    expect(rig.dirtyGranules).toEqual([]);
  });
});

describe('a discard', () => {
  it('is carried out on the source, and then copied to the target as it reads there', async () => {
    const rig = new PairRig();
    await rig.guest.discard(UNIT, UNIT);
    expect(rig.targetDisk.operations).not.toContain('discard');
    expect(rig.targetDisk.bytes.subarray(UNIT, 2 * UNIT)).toEqual(new Uint8Array(UNIT).fill(0xdd));
    expect(rig.dirtyGranules).toEqual([]);
  });

  it('does not clear what is dirty without copying it', async () => {
    const rig = new PairRig({ onTargetError: 'ignore' });
    rig.dirty.mark(UNIT, UNIT);
    rig.targetDisk.gate.mode = 'held';
    const discard = watch(() => rig.guest.discard(UNIT, UNIT));
    await settle();
    rig.targetDisk.gate.next('write').fail(broken);
    await settle();
    expect(discard.state).toBe('done');
    expect(rig.dirtyGranules).toEqual([1]);
  });
});

describe('a target that is given up', () => {
  it('holds up no guest: its write completes with the source', async () => {
    const rig = new PairRig();
    rig.targetDisk.gate.mode = 'held';
    const write = watch(() => rig.guest.write(0, pattern(UNIT)));
    const discard = watch(() => rig.guest.discard(2 * UNIT, UNIT));
    await settle();
    expect([write.state, discard.state]).toEqual(['pending', 'pending']);
    rig.control.isCancelled = true;
    rig.pair.giveUp();
    rig.guestWrites.giveUp();
    await settle();
    expect([write.state, discard.state]).toEqual(['done', 'done']);
    expect(rig.dirtyGranules).toContain(0);
    const late = watch(() => rig.guest.write(3 * UNIT, pattern(UNIT)));
    await settle();
    expect(late.state).toBe('done');
  });
});

describe('a limit of guest writes', () => {
  it('makes each wait before it begins, for as long as it says for its length', async () => {
    const rig = new PairRig();
    const asked: number[] = [];
    rig.guestWrites.limit((length) => {
      asked.push(length);
      return length;
    });
    const write = watch(() => rig.guest.write(0, pattern(200)));
    await rig.clock.advance(199);
    await settle();
    expect(rig.sourceDisk.calls).toEqual([]);
    await rig.clock.advance(1);
    await settle();
    expect(write.state).toBe('done');
    expect(asked).toEqual([200]);
    expect(rig.clock.timers).toBe(0);
  });

  it('makes one wait that is due in less than a millisecond', async () => {
    const rig = new PairRig();
    rig.guestWrites.limit(() => 0.5);
    const write = watch(() => rig.guest.write(0, pattern(200)));
    await settle();
    expect(write.state).toBe('pending');
    await rig.clock.advance(1);
    await settle();
    expect(write.state).toBe('done');
  });

  it('that changes has those who wait do so for longer or less, by the same factor', async () => {
    const rig = new PairRig();
    rig.guestWrites.limit((length) => length);
    const write = watch(() => rig.guest.write(0, pattern(200)));
    await rig.clock.advance(100);
    rig.guestWrites.relimit(3);
    await rig.clock.advance(299);
    expect(write.state).toBe('pending');
    await rig.clock.advance(1);
    await settle();
    expect(write.state).toBe('done');
  });

  it('ends for those who wait when the target is given up', async () => {
    const rig = new PairRig();
    rig.guestWrites.limit(() => 1e9);
    const write = watch(() => rig.guest.write(0, pattern(200)));
    await settle();
    rig.control.isCancelled = true;
    rig.guestWrites.giveUp();
    await settle();
    expect(write.state).toBe('done');
    expect(rig.clock.timers).toBe(0);
    expect(rig.targetDisk.calls).toEqual([]);
  });
});

describe('a cluster that the target lacks', () => {
  it('is copied whole around the first guest write, and not again', async () => {
    const rig = new PairRig({ granularity: 512, cluster: 2048 });
    await rig.guest.write(2500, pattern(100, 9));
    expect(rig.targetDisk.bytes.subarray(2048)).toEqual(rig.sourceDisk.bytes.subarray(2048));
    expect(rig.targetDisk.bytes.subarray(0, 2048)).toEqual(pattern(SIZE, 100).subarray(0, 2048));
    expect(rig.pair.copied).toBe(2048);
    const before = rig.targetDisk.calls.length;
    await rig.guest.write(2500, pattern(100, 11));
    expect(sent(rig).slice(before)).toEqual([[2500, 100]]);
    expect(rig.dirtyGranules).toEqual([]);
  });

  it('is not copied before the guest write has ended, nor when that fails', async () => {
    const rig = new PairRig({ granularity: 512, cluster: 2048 });
    rig.sourceDisk.gate.mode = 'held';
    const write = watch(() => rig.guest.write(2500, pattern(100, 9)));
    await settle();
    expect(rig.sourceDisk.operations).toEqual(['write']);
    rig.sourceDisk.gate.next('write').fail(broken);
    await settle();
    expect(write.error).toBe(broken);
    expect([...rig.targetDisk.calls, ...rig.sourceDisk.gate.held]).toEqual([]);
  });

  it('that could not be copied is dirty, and is copied whole the next time', async () => {
    const rig = new PairRig({ granularity: 512, cluster: 2048, onTargetError: 'ignore' });
    rig.targetDisk.gate.mode = 'held';
    const write = watch(() => rig.guest.write(2500, pattern(100, 9)));
    await settle();
    rig.targetDisk.gate.next('write').fail(broken);
    await settle();
    expect(write.state).toBe('done');
    expect(rig.pair.lacksClusters({ offset: 2048, length: 2048 })).toBe(true);
    expect(rig.dirtyGranules).toContain(4);
    rig.release();
    await rig.guest.write(3000, pattern(10, 9));
    expect(rig.targetDisk.bytes.subarray(2048)).toEqual(rig.sourceDisk.bytes.subarray(2048));
    expect(rig.dirtyGranules).toEqual([]);
  });
});
