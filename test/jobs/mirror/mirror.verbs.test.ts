/** Verbs that come to a mirror in the one moment in which they could be overlooked. */

import { expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { pattern } from '../../support/drivers.ts';
import { Rig } from '../../support/rig.ts';

const SIZE = 64 * 1024;
const granularity = 4096;

it('a complete that comes just when the last copy has ended is not put off', async () => {
  const rig = await Rig.open({ size: SIZE });
  const { job } = await rig.start({ granularity });
  await rig.runUntil(() => job.status === 'ready');
  let askedMs = 0;
  const trace = (name: string) => {
    if (name !== 'mirror_iteration_done') return;
    job.complete();
    askedMs = rig.clock.nowMs();
  };
  Object.assign(rig.env, { trace });
  await rig.guest.write(0, pattern(512));
  await rig.runUntil(() => job.status === 'null');
  expect(askedMs).toBeGreaterThan(0);
  expect(rig.clock.nowMs() - askedMs).toBeLessThan(50);
});

it('a pause while a mirror waits to flush again has it flush after the resume', async () => {
  const rig = await Rig.open({ size: SIZE, zeroesFast: false });
  rig.targetDisk.gate.mode = 'held';
  const { job } = await rig.start({ granularity, onTargetError: 'ignore' });
  await rig.reach(rig.targetDisk, 'flush');
  rig.targetDisk.gate.next('flush').fail(new BlockError('EIO', 'flush', 'broken'));
  await rig.clock.advance(1);
  job.pause();
  await rig.clock.advance(5000);
  expect(job.status).toBe('paused');
  expect(rig.targetDisk.gate.held).toEqual([]);
  job.resume();
  await rig.reach(rig.targetDisk, 'flush');
  job.cancel({ force: true });
  rig.completeHeld(rig.targetDisk);
  expect(await job.finished).toEqual({ status: 'cancelled' });
});
