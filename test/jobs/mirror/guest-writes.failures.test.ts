/** Guest writes to both disks of which one fails. */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { pattern } from '../../support/drivers.ts';
import { PairRig, type PairRigOptions } from '../../support/pair-rig.ts';
import { settle, watch } from '../../support/settle.ts';

const UNIT = 1024;
const SIZE = 4 * UNIT;
const broken = new BlockError('EIO', 'write', 'broken');

/** A guest's change that waits for both disks. */
async function held(change: (rig: PairRig) => unknown, options: PairRigOptions = {}) {
  const rig = new PairRig(options);
  rig.hold();
  const write = watch(() => change(rig));
  await settle();
  return { rig, write };
}

describe('when the target fails', () => {
  /** After a guest write whose part on the target has failed, unnoticed by the guest. */
  async function afterFailure(options: PairRigOptions = {}) {
    const { rig, write } = await held(({ guest }) => guest.write(0, pattern(UNIT)), options);
    rig.targetDisk.gate.next('write').fail(broken);
    rig.release();
    await settle();
    expect(write.state).toBe('done');
    return rig;
  }

  it('the guest does not notice, and every granule that it touched is dirty', async () => {
    const { rig, write } = await held(({ guest }) => guest.write(UNIT - 100, pattern(200)), {
      onTargetError: 'ignore',
    });
    rig.sourceDisk.gate.next('write').complete();
    rig.targetDisk.gate.next('write').fail(broken);
    await settle();
    expect(write.state).toBe('done');
    expect(rig.dirtyGranules).toEqual([0, 1]);
    expect(rig.control.failures).toEqual([{ operation: 'write', policy: 'ignore', error: broken }]);
    expect(rig.pair.copied).toBe(0);
  });

  it('by a defect, what it was to get is dirty all the same', async () => {
    const rig = new PairRig();
    const defect = new TypeError('by design');
    rig.targetDisk.write = async () => {
      throw defect;
    };
    await expect(rig.guest.write(0, pattern(UNIT))).rejects.toBe(defect);
    expect(rig.dirtyGranules).toEqual([0]);
  });

  it('the first error is what the job fails with, and later writes go to the source', async () => {
    const rig = await afterFailure();
    expect(rig.pair.failure).toBe(broken);
    const before = rig.targetDisk.calls.length;
    await rig.guest.write(2 * UNIT, pattern(UNIT));
    expect(rig.targetDisk.calls).toHaveLength(before);
    expect(rig.dirtyGranules).toEqual([0, 2]);
  });

  it('while that waits to be mended, later writes go to the source alone', async () => {
    const rig = await afterFailure({ onTargetError: 'stop' });
    await rig.guest.write(2 * UNIT, pattern(UNIT));
    expect(rig.control.failures).toHaveLength(1);
    expect(rig.dirtyGranules).toEqual([0, 2]);
    rig.control.isStopped = false;
    await rig.guest.write(2 * UNIT, pattern(UNIT));
    expect(rig.dirtyGranules).toEqual([0]);
  });
});

describe('when the source fails', () => {
  it('the guest is told, and what the target may have got too much is copied', async () => {
    const { rig, write } = await held(({ guest }) => guest.write(UNIT - 1, pattern(2)));
    rig.targetDisk.gate.next('write').complete();
    rig.sourceDisk.gate.next('write').fail(broken);
    await settle();
    expect(write).toEqual({ state: 'failed', error: broken });
    expect(rig.dirtyGranules).toEqual([0, 1]);
    // That is the guest's error and not the job's.
    expect(rig.control.failures).toEqual([]);
  });

  it('before the target has answered, the granules stay claimed until it has', async () => {
    const { rig, write } = await held(({ guest }) => guest.writeZeroes(0, UNIT));
    rig.sourceDisk.gate.next('writeZeroes').fail(broken);
    await settle();
    expect(write.state).toBe('pending');
    expect(rig.pair.claims.isBusy({ offset: 0, length: UNIT })).toBe(true);
    rig.targetDisk.gate.next('writeZeroes').complete();
    await settle();
    expect(write.state).toBe('failed');
    expect(rig.dirtyGranules).toEqual([0]);
    expect(rig.pair.claims.isBusy({ offset: 0, length: SIZE })).toBe(false);
  });

  it('and the target as well, both are told of, each to its own', async () => {
    const { rig, write } = await held(({ guest }) => guest.write(0, pattern(10)), {
      onTargetError: 'ignore',
    });
    rig.sourceDisk.gate.next('write').fail(broken);
    rig.targetDisk.gate.next('write').fail(new BlockError('ENOSPC', 'write', 'full'));
    await settle();
    expect(write).toEqual({ state: 'failed', error: broken });
    expect(rig.control.failures.map(({ error }) => error.code)).toEqual(['ENOSPC']);
    expect(rig.dirtyGranules).toEqual([0]);
  });
});
