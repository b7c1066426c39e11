import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { CopyFailed, MirrorPair } from '../../../src/jobs/mirror/pair.ts';
import { JobCancelled } from '../../../src/jobs/work.ts';
import { pattern } from '../../support/drivers.ts';
import { PairRig } from '../../support/pair-rig.ts';
import { settle, watch } from '../../support/settle.ts';

const UNIT = 1024;
const SIZE = 4 * UNIT;
const WHOLE = { offset: 0, length: SIZE };
const broken = new BlockError('EIO', 'write', 'broken');

/** A rig on whose source some granules are known to be zero. */
function rigWithZeroes(zeroes: readonly number[], options = {}): PairRig {
  const rig = new PairRig(options);
  for (const index of zeroes) rig.sourceDisk.bytes.fill(0, index * UNIT, (index + 1) * UNIT);
  rig.sourceDisk.extentAt = (offset) => {
    const zero = zeroes.includes(Math.floor(offset / UNIT));
    return { length: UNIT - (offset % UNIT), data: !zero, zero, allocated: true };
  };
  return rig;
}

describe('a copy', () => {
  it('clears the range, asks for its status, reads it, and writes it, in this order', async () => {
    const rig = new PairRig();
    rig.dirty.markAll();
    rig.hold();
    const copy = watch(() => rig.pair.copyClaimed(WHOLE, new Uint8Array(SIZE)));
    await settle();
    expect(rig.dirty.isClean).toBe(true);
    expect(rig.sourceDisk.operations).toEqual(['blockStatus']);
    rig.sourceDisk.gate.next('blockStatus').complete();
    await settle();
    expect(rig.sourceDisk.operations).toEqual(['blockStatus', 'read']);
    expect(rig.targetDisk.operations).toEqual([]);
    rig.sourceDisk.gate.next('read').complete();
    await settle();
    expect(rig.targetDisk.operations).toEqual(['write']);
    rig.targetDisk.gate.next('write').complete();
    await settle();
    expect(copy.state).toBe('done');
  });

  it('leaves dirty what is written while its status is asked for', async () => {
    const rig = new PairRig();
    rig.dirty.markAll();
    rig.sourceDisk.gate.mode = 'held';
    const copy = watch(() => rig.pair.copyClaimed(WHOLE, new Uint8Array(SIZE)));
    await settle();
    const status = rig.sourceDisk.gate.next('blockStatus');
    rig.sourceDisk.gate.mode = 'sync';
    await rig.source.write(UNIT, pattern(1));
    status.complete();
    await settle();
    expect(copy.state).toBe('done');
    expect(rig.dirtyGranules).toEqual([1]);
  });

  it('goes piece by piece through a buffer that is shorter', async () => {
    const rig = new PairRig();
    rig.dirty.markAll();
    expect(await rig.pair.copyClaimed(WHOLE, new Uint8Array(700))).toBe(SIZE);
    const lengths = rig.targetDisk.calls.map(({ length }) => length);
    expect(lengths).toEqual([700, 700, 700, 700, 700, 596]);
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
  });

  it('writes zeroes as zeroes, and tells how many bytes it sent', async () => {
    const rig = rigWithZeroes([1, 2]);
    rig.dirty.markAll();
    expect(await rig.pair.copyClaimed(WHOLE, new Uint8Array(SIZE))).toBe(2 * UNIT);
    const calls = rig.targetDisk.calls.map(({ operation, offset, length }) => [
      operation,
      offset,
      length,
    ]);
    expect(calls).toEqual([
      ['write', 0, UNIT],
      ['writeZeroes', UNIT, 2 * UNIT],
      ['write', 3 * UNIT, UNIT],
    ]);
    expect(rig.pair.copied).toBe(SIZE);
  });

  it.each([true, false])('lets zeroes be unmapped if that is wished: %s', async (unmap) => {
    const rig = rigWithZeroes([0], { unmap });
    rig.dirty.mark(0, 1);
    await rig.pair.copyClaimed({ offset: 0, length: UNIT }, new Uint8Array(UNIT));
    expect(rig.targetDisk.calls[0]?.options).toMatchObject({ mayUnmap: unmap });
  });

  it('does not write zeroes again that the target is known to have', async () => {
    const rig = rigWithZeroes([1, 2]);
    for (const _ of [1, 2]) {
      rig.dirty.markAll();
      await rig.pair.copyClaimed(WHOLE, new Uint8Array(SIZE));
    }
    const { operations } = rig.targetDisk;
    expect(operations.filter((operation) => operation === 'writeZeroes')).toHaveLength(1);
    // Progress counts them nevertheless.
    expect(rig.pair.copied).toBe(2 * SIZE);
  });

  it('writes zeroes again where anything else was written to the target meanwhile', async () => {
    for (const change of ['guest', 'copy'] as const) {
      const rig = rigWithZeroes([1]);
      const part = { offset: UNIT, length: UNIT };
      rig.dirty.markAll();
      await rig.pair.copyClaimed(WHOLE, new Uint8Array(SIZE));
      if (change === 'guest') await rig.guest.write(UNIT + 5, pattern(1));
      else await rig.pair.put(rig.pair.target, UNIT + 5, pattern(1));
      rig.sourceDisk.bytes.fill(0, UNIT, 2 * UNIT);
      rig.dirty.mark(UNIT, 1);
      await rig.pair.copyClaimed(part, new Uint8Array(UNIT));
      expect(rig.targetDisk.operations.at(-1)).toBe('writeZeroes');
      expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
    }
  });

  it('reads what is there when the status cannot be had', async () => {
    const rig = new PairRig();
    rig.sourceDisk.extentAt = () => {
      throw broken;
    };
    rig.dirty.markAll();
    await rig.pair.copyClaimed(WHOLE, new Uint8Array(SIZE));
    expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
    expect(rig.control.failures).toEqual([]);
  });
});

describe('a copy that fails', () => {
  it.each([
    ['read', 'sourceDisk', 'onSourceError'],
    ['write', 'targetDisk', 'onTargetError'],
  ] as const)('in a %s leaves dirty all it has not copied', async (operation, disk, policy) => {
    const rig = new PairRig({ [policy]: 'ignore' });
    rig.dirty.markAll();
    const { gate } = rig[disk];
    gate.mode = 'held';
    const copy = watch(() => rig.pair.copyClaimed(WHOLE, new Uint8Array(UNIT)));
    for (let left = 1; left >= 0; left -= 1) {
      await settle();
      while (gate.held[0] && gate.held[0].operation !== operation) {
        gate.held[0].complete();
        await settle();
      }
      if (left > 0) gate.next(operation).complete();
      else gate.next(operation).fail(broken);
      gate.held.find((held) => held.operation === 'blockStatus')?.complete();
    }
    await settle();
    expect(copy.error).toBeInstanceOf(CopyFailed);
    expect(rig.dirtyGranules).toEqual([1, 2, 3]);
    expect(rig.pair.copied).toBe(UNIT);
    expect(rig.pair.remaining).toBe(3 * UNIT);
    expect(rig.control.failures).toEqual([{ operation, policy: 'ignore', error: broken }]);
  });

  it('by the policy of its disk fails the job or not; the first failure counts', () => {
    const rig = new PairRig({ onSourceError: 'ignore', onTargetError: 'report' });
    expect(rig.pair.failed('read', broken)).toBe('ignore');
    expect(rig.pair.failure).toBeUndefined();
    expect(rig.pair.failed('write', broken)).toBe('report');
    rig.pair.fail(new Error('another'));
    expect(rig.pair.failure).toBe(broken);
  });

  it('is nobody’s concern once the target is given up, and asks for nothing more', async () => {
    const rig = new PairRig();
    rig.pair.giveUp();
    expect(rig.pair.failed('write', broken)).toBe('report');
    expect(rig.control.failures).toEqual([]);
    expect(rig.pair.failure).toBeUndefined();
    rig.dirty.markAll();
    const copy = rig.pair.copyClaimed(WHOLE, new Uint8Array(SIZE));
    await expect(copy).rejects.toThrow(JobCancelled);
    expect(rig.targetDisk.calls).toEqual([]);
    expect(rig.dirtyGranules).toEqual([0, 1, 2, 3]);
  });
});

describe('a copy that must not go on', () => {
  it('leaves the rest dirty and what it has done clean', async () => {
    const rig = new PairRig();
    rig.dirty.markAll();
    const leave = [UNIT, 100, 0];
    const sent = await rig.pair.copyClaimed(WHOLE, new Uint8Array(SIZE), () => leave.shift() ?? 0);
    expect(sent).toBe(UNIT + 100);
    expect(rig.dirtyGranules).toEqual([1, 2, 3]);
    expect(rig.pair.copied).toBe(UNIT + 100);
  });
});

describe('guest writes', () => {
  it('go to both disks only once the plan is made', () => {
    const { pair, dirty, settings } = new PairRig();
    const { source, target } = pair;
    const early = new MirrorPair({ source, target, dirty, settings, cluster: undefined });
    expect(early.isActive).toBe(false);
    early.open();
    expect(early.isActive).toBe(true);
  });

  it('go to the source alone when the mode, an error or a cancel says so', () => {
    const rig = new PairRig();
    expect(rig.pair.isActive).toBe(true);
    rig.pair.setActive(false);
    expect(rig.pair.isActive).toBe(false);
    rig.pair.setActive(true);
    expect(rig.pair.isActive).toBe(true);
    rig.control.isStopped = true;
    expect(rig.pair.isActive).toBe(false);
    rig.control.isStopped = false;
    rig.control.isCancelled = true;
    expect(rig.pair.isActive).toBe(false);
    rig.control.isCancelled = false;
    rig.pair.fail(broken);
    expect(rig.pair.isActive).toBe(false);
  });
});

describe('ranges', () => {
  it('are claimed by whole granules, up to the end of the disk', () => {
    const { pair } = new PairRig({ size: 2 * UNIT + 100 });
    expect(pair.around({ offset: 1, length: 1 })).toEqual({ offset: 0, length: UNIT });
    expect(pair.around({ offset: UNIT - 1, length: 2 })).toEqual({ offset: 0, length: 2 * UNIT });
    expect(pair.around({ offset: 2 * UNIT + 99, length: 1 })).toEqual({
      offset: 2 * UNIT,
      length: 100,
    });
  });

  it('hold the granules that they cover whole', () => {
    const { pair } = new PairRig({ size: 2 * UNIT + 100 });
    expect(pair.inside({ offset: 1, length: 2 * UNIT }).length).toBe(UNIT);
    expect(pair.inside({ offset: 10, length: 20 }).length).toBe(0);
    expect(pair.inside({ offset: UNIT + 1, length: UNIT + 99 })).toEqual({
      offset: 2 * UNIT,
      length: 100,
    });
  });

  it('are claimed by whole clusters where the target lacks one', async () => {
    const { pair, dirty } = new PairRig({ granularity: 512, cluster: 2048, size: 5000 });
    expect(pair.around({ offset: 2100, length: 1 })).toEqual({ offset: 2048, length: 2048 });
    expect(pair.around({ offset: 4999, length: 1 })).toEqual({ offset: 4096, length: 904 });
    dirty.mark(2048, 2048);
    await pair.copyClaimed({ offset: 2048, length: 2048 }, new Uint8Array(2048));
    expect(pair.around({ offset: 2100, length: 1 })).toEqual({ offset: 2048, length: 512 });
    // Up to where the next cluster begins, and one byte into it.
    expect(pair.around({ offset: 4000, length: 96 })).toEqual({ offset: 3584, length: 512 });
    expect(pair.around({ offset: 4000, length: 97 })).toEqual({ offset: 2048, length: 2952 });
  });
});

describe('the first requests', () => {
  it('that are answered at once end only when whoever started the job has been told', async () => {
    const { pair } = new PairRig();
    const request = watch(() => pair.attempt('read', async () => {}));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(request.state).toBe('pending');
    await settle();
    expect(request.state).toBe('done');
  });

  it('that fail at once are told of as a part of the start', async () => {
    const { pair } = new PairRig();
    const request = watch(() => pair.attempt('read', () => Promise.reject(broken)));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(request.error).toBeInstanceOf(CopyFailed);
  });
});
