import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import type { BlockExtent } from '../../../src/block/driver.ts';
import { plan } from '../../../src/jobs/mirror/plan.ts';
import { JobCancelled } from '../../../src/jobs/work.ts';
import { pattern, type TestDisk } from '../../support/drivers.ts';
import { PairRig, type PairRigOptions } from '../../support/pair-rig.ts';
import { settle, watch } from '../../support/settle.ts';

const UNIT = 1024;
const DATA = { data: true, zero: false, allocated: true } as const;
const HOLE = { data: false, zero: true, allocated: true } as const;
const STORED_ZEROES = { data: true, zero: true, allocated: true } as const;

/** Has a disk say the same of each granule's bytes, given by the number of the granule. */
function describeDisk(disk: TestDisk, kindOf: (index: number) => Omit<BlockExtent, 'length'>) {
  disk.extentAt = (offset) => ({
    ...kindOf(Math.floor(offset / UNIT)),
    length: UNIT - (offset % UNIT),
  });
}

/** A rig before the plan; granules 1 and 2 of the source are holes. */
function rigToPlan(options: PairRigOptions = {}): PairRig {
  const rig = new PairRig({ copyMode: 'background', ...options });
  describeDisk(rig.sourceDisk, (index) => (index === 1 || index === 2 ? HOLE : DATA));
  return rig;
}

function planOf({ pair, settings, control, clock }: PairRig): Promise<void> {
  return plan({ pair, settings, control, clock });
}

describe('for the whole disk', () => {
  it('what is zero on the source is not dirty once the target is zeroed', async () => {
    const rig = rigToPlan();
    await planOf(rig);
    expect(rig.targetDisk.operations).toContain('writeZeroes');
    expect(rig.targetDisk.bytes).toEqual(new Uint8Array(4 * UNIT));
    expect(rig.dirtyGranules).toEqual([0, 3]);
    expect(rig.pair.knownZero.dirtyGranules).toBe(4);
  });

  it('others get a turn however many extents there are', async () => {
    const rig = rigToPlan({ size: 600 * UNIT });
    describeDisk(rig.sourceDisk, (index) => (index % 2 === 0 ? HOLE : DATA));
    let turns = 0;
    const { turn } = rig.clock;
    rig.clock.turn = async () => {
      await turn.call(rig.clock);
      turns += 1;
    };
    await planOf(rig);
    // Two for the extents of the source, and one for the zeroes of the target.
    expect(turns).toBe(3);
  });

  it('the target is not zeroed when it is known to read so', async () => {
    const rig = rigToPlan();
    rig.targetDisk.bytes.fill(0);
    describeDisk(rig.targetDisk, () => HOLE);
    await planOf(rig);
    expect(rig.targetDisk.operations).not.toContain('writeZeroes');
    expect(rig.dirtyGranules).toEqual([0, 3]);
  });

  it('the target is not zeroed where the source has no zeroes: all of it is sent', async () => {
    for (const detectZeroes of ['off', 'unmap'] as const) {
      const rig = rigToPlan({ detectZeroes });
      describeDisk(rig.sourceDisk, () => DATA);
      await planOf(rig);
      // But zeroes may yet be found in what is sent.
      expect(rig.targetDisk.operations.includes('writeZeroes')).toBe(detectZeroes === 'unmap');
      expect(rig.dirtyGranules).toEqual([0, 1, 2, 3]);
    }
  });

  it('the target is zeroed all the same when one byte of it may be something else', async () => {
    const rig = rigToPlan();
    describeDisk(rig.targetDisk, (index) => (index === 3 ? DATA : HOLE));
    await planOf(rig);
    expect(rig.targetDisk.operations).toContain('writeZeroes');
  });

  it('the target is not even asked when its owner says that it is zero', async () => {
    const rig = rigToPlan({ targetIsZero: true });
    await planOf(rig);
    expect(rig.targetDisk.calls).toEqual([]);
    expect(rig.dirtyGranules).toEqual([0, 3]);
  });

  it('everything is dirty where the target would have to be sent zeroes', async () => {
    const rig = rigToPlan({ targetDisk: { operations: ['blockStatus'] } });
    await planOf(rig);
    expect(rig.targetDisk.operations).toEqual(['blockStatus']);
    expect(rig.dirtyGranules).toEqual([0, 1, 2, 3]);
    expect(rig.pair.knownZero.dirtyGranules).toBe(0);
  });

  it('zeroes that are stored are not good enough for a target that is to have holes', async () => {
    for (const detectZeroes of ['off', 'unmap'] as const) {
      const rig = rigToPlan({ detectZeroes });
      rig.targetDisk.bytes.fill(0);
      describeDisk(rig.targetDisk, () => STORED_ZEROES);
      await planOf(rig);
      const { operations } = rig.targetDisk;
      expect(operations.includes('writeZeroes')).toBe(detectZeroes === 'unmap');
    }
  });

  it.each([true, false])('the target is unmapped only if that is wished: %s', async (unmap) => {
    const rig = rigToPlan({ unmap });
    await planOf(rig);
    const zeroing = rig.targetDisk.calls.find(({ operation }) => operation === 'writeZeroes');
    expect(zeroing?.options).toMatchObject({ mayUnmap: unmap, noFallback: true });
  });

  it('a guest write that comes while the target is zeroed is not lost', async () => {
    const rig = rigToPlan();
    rig.targetDisk.gate.mode = 'held';
    const planning = watch(() => planOf(rig));
    await settle();
    rig.targetDisk.gate.next('blockStatus').complete();
    await settle();
    const zeroing = rig.targetDisk.gate.next('writeZeroes');
    await rig.source.write(UNIT, pattern(5));
    zeroing.complete();
    rig.release();
    await rig.runUntil(() => planning.state !== 'pending');
    expect(planning.state).toBe('done');
    expect(rig.dirtyGranules).toEqual([0, 1, 3]);
  });

  it('a guest write behind the walk is not lost', async () => {
    const rig = rigToPlan({ targetIsZero: true });
    rig.sourceDisk.gate.mode = 'held';
    const planning = watch(() => planOf(rig));
    await settle();
    // Of the first three granules all is known: the walk asks for the last.
    for (let count = 0; count < 3; count += 1) {
      rig.sourceDisk.gate.next('blockStatus').complete();
      await settle();
    }
    rig.sourceDisk.gate.mode = 'sync';
    await rig.source.write(UNIT, pattern(5));
    rig.release();
    await settle();
    expect(planning.state).toBe('done');
    expect(rig.dirtyGranules).toEqual([0, 1, 3]);
  });

  it('an empty disk has nothing to do', async () => {
    const rig = rigToPlan({ size: 0 });
    await planOf(rig);
    expect(rig.dirty.isClean).toBe(true);
  });
});

describe('an error while the target is zeroed', () => {
  const broken = new BlockError('EIO', 'write zeroes', 'broken');

  function failing(policy: 'report' | 'ignore' | 'stop'): PairRig {
    const rig = rigToPlan({ onTargetError: policy });
    let left = 1;
    rig.targetDisk.beforeZeroes = () => {
      if (left > 0) {
        left -= 1;
        throw broken;
      }
    };
    return rig;
  }

  it('ends the job where errors are reported', async () => {
    const rig = failing('report');
    await expect(planOf(rig)).rejects.toThrow();
    expect(rig.pair.failure).toBe(broken);
    expect(rig.control.failures).toHaveLength(1);
  });

  it('has everything copied where errors are ignored', async () => {
    const rig = failing('ignore');
    await planOf(rig);
    expect(rig.dirtyGranules).toEqual([0, 1, 2, 3]);
    expect(rig.pair.knownZero.dirtyGranules).toBe(0);
  });

  it('is tried again where somebody mends it', async () => {
    const rig = failing('stop');
    await planOf(rig);
    expect(rig.targetDisk.bytes).toEqual(new Uint8Array(4 * UNIT));
    expect(rig.dirtyGranules).toEqual([0, 3]);
  });
});

describe('sync none', () => {
  it('asks nothing and copies nothing', async () => {
    const rig = rigToPlan({ sync: 'none' });
    await planOf(rig);
    expect(rig.dirty.isClean).toBe(true);
    expect([...rig.targetDisk.calls, ...rig.sourceDisk.calls]).toEqual([]);
  });
});

describe('sync top', () => {
  it('is sync full for a disk that is based on nothing', async () => {
    const rig = rigToPlan({ sync: 'top' });
    await planOf(rig);
    expect(rig.targetDisk.operations).toContain('writeZeroes');
    expect(rig.dirtyGranules).toEqual([0, 3]);
  });
});

describe('a plan', () => {
  it('ends when the job is cancelled, and waits while it is paused', async () => {
    const rig = rigToPlan({ targetIsZero: true });
    rig.control.pausing = true;
    const planning = watch(() => planOf(rig));
    await settle();
    expect([planning.state, rig.control.rests]).toEqual(['pending', 1]);
    const asked = rig.sourceDisk.calls.length;
    await rig.clock.advance(1000);
    expect(rig.sourceDisk.calls).toHaveLength(asked);
    rig.control.isCancelled = true;
    rig.control.wake();
    await settle();
    expect(planning.error).toBeInstanceOf(JobCancelled);
  });

  it('begins no request once the job is cancelled, whichever was under way then', async () => {
    const begun: number[] = [];
    for (let isDone = false; !isDone; ) {
      const rig = rigToPlan();
      let requests = 0;
      const request = rig.pair.request.bind(rig.pair);
      rig.pair.request = (start) =>
        request(() => {
          requests += 1;
          return start();
        });
      rig.hold();
      const planning = watch(() => planOf(rig));
      await settle();
      const pass = async () => {
        for (const { gate } of [rig.targetDisk, rig.sourceDisk]) gate.held[0]?.complete();
        await settle();
      };
      for (const _ of begun) await pass();
      begun.push(requests);
      rig.control.isCancelled = true;
      rig.pair.giveUp();
      while (planning.state === 'pending') await pass();
      expect([requests, rig.pair.requests]).toEqual([begun.at(-1), 0]);
      isDone = planning.state === 'done';
      if (!isDone) expect(planning.error).toBeInstanceOf(JobCancelled);
    }
    // The target, the source up to the end of its zeroes, those of the target, all of the source.
    expect(begun.at(-1)).toBe(1 + 3 + 1 + 3);
  });
});
