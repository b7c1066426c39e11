/** What a mirror does once it is cancelled, whatever it is doing then. */

import { expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { JobTransaction } from '../../../src/jobs/transaction.ts';
import { pattern } from '../../support/drivers.ts';
import { Rig } from '../../support/rig.ts';
import { watch } from '../../support/settle.ts';

const SIZE = 64 * 1024;
const granularity = 4096;

it('a mirror that is cancelled before it has begun asks nothing of either disk', async () => {
  const rig = await Rig.open({ size: SIZE });
  const transaction = new JobTransaction();
  const starting = rig.start({ granularity, transaction });
  transaction.giveUp();
  const { job } = await starting;
  expect(await job.finished).toEqual({ status: 'cancelled' });
  expect([...rig.sourceDisk.calls, ...rig.targetDisk.calls]).toEqual([]);
});

it('a mirror is CANCELLED also where it is what the cancel gave up that fails', async () => {
  const rig = await Rig.open({ size: SIZE });
  rig.sourceDisk.zeroFrom(0);
  rig.targetDisk.gate.mode = 'held';
  const { job } = await rig.start({ granularity });
  await rig.reach(rig.targetDisk, 'writeZeroes');
  job.cancel({ force: true });
  rig.targetDisk.gate.next().fail(new BlockError('EIO', 'write zeroes', 'broken'));
  expect(await job.finished).toEqual({ status: 'cancelled' });
});

it('a mirror that is cancelled in the last flush before READY is not READY any more', async () => {
  const rig = await Rig.open({ size: SIZE });
  Object.assign(rig.env, {
    trace: (name: string) => {
      if (name !== 'mirror_before_drain') return;
      void rig.guest.write(0, pattern(512));
      rig.targetDisk.gate.mode = 'held';
    },
  });
  const { job } = await rig.start({ granularity });
  await rig.reach(rig.targetDisk, 'flush');
  job.cancel({ force: true });
  rig.completeHeld(rig.targetDisk);
  expect(await job.finished).toEqual({ status: 'cancelled' });
  expect(rig.told).not.toContain('BLOCK_JOB_READY');
});

it('a mirror that is cancelled is over when the guest is past its filter', async () => {
  const rig = await Rig.open({ size: SIZE });
  const { job } = await rig.start({ granularity });
  await rig.runUntil(() => job.status === 'ready');
  rig.sourceDisk.gate.mode = 'held';
  const read = watch(() => rig.guest.read(0, new Uint8Array(512)));
  job.cancel({ force: true });
  await rig.clock.advance(5000);
  expect([job.status, read.state]).toEqual(['ready', 'pending']);
  rig.sourceDisk.gate.next('read').complete();
  expect(await job.finished).toEqual({ status: 'cancelled' });
  expect([...rig.source.parents]).toEqual([rig.guest]);
});
