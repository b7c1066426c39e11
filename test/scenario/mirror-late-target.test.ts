/** A target that does not answer while the guest is held for source and target to meet. */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { STATUS } from '../../src/device/request.ts';
import type { VirtioBlockDevice } from '../../src/device/virtio-blk.ts';
import type { MirrorStart } from '../../src/machine/jobs.ts';
import { submitting, write } from '../support/device-rig.ts';
import type { Operation } from '../support/drivers.ts';
import { MachineRig } from '../support/machine-rig.ts';

const FIRST_MS = 4000;

/** A mirror of a guest's disk to a target that answers only when it is told to. */
async function begun(options: Partial<MirrorStart> = {}) {
  const rig = new MachineRig();
  await rig.open('source');
  const target = await rig.open('target', { start: 100 });
  target.gate.mode = 'held';
  const guest = rig.plug('source');
  const { job } = await rig.mirror(options);
  return { rig, target, guest, job };
}

type Begun = Awaited<ReturnType<typeof begun>>;

/** Lets the guest write and the target answer, until it has to answer while the guest is held. */
async function reachHold({ rig, target, guest }: Begun, operation: Operation): Promise<void> {
  let count = 0;
  const isHeld = () => rig.node('source').drains.size > 0;
  await rig.runUntil(() => {
    if (isHeld() && target.gate.held.some((held) => held.operation === operation)) return true;
    rig.completeHeld('target', isHeld() ? operation : undefined);
    // What is written then waits; and so that the two do meet, the guest does not write always.
    if (!isHeld() && count < 60) {
      count += 1;
      submitting(guest, write(count % 8, new Uint8Array(512).fill(count)));
    }
    return false;
  });
}

/** Demands that a write waits for that long, and no longer. */
async function expectWait(rig: MachineRig, guest: VirtioBlockDevice, waitMs: number) {
  const { statuses } = submitting(guest, write(5, new Uint8Array(512).fill(7)));
  await rig.pass(waitMs - 50);
  expect(statuses).toEqual([]);
  await rig.pass(100);
  expect(statuses).toEqual([STATUS.OK]);
}

/** Lets the target answer from now on. */
function answer({ rig, target }: Begun): void {
  target.gate.mode = 'sync';
  rig.completeHeld('target');
}

async function becomeReady(all: Begun): Promise<void> {
  answer(all);
  await all.rig.runUntil(() => all.job.status === 'ready');
}

/** Demands that a job that is to complete does, with the guest on an equal target. */
async function demandCompleted(all: Begun): Promise<void> {
  const { rig, target, guest, job } = all;
  answer(all);
  await rig.runUntil(() => job.status === 'null');
  expect(await job.finished).toEqual({ status: 'completed' });
  expect(Buffer.compare(target.bytes, rig.disk('source').bytes)).toBe(0);
  const { statuses } = submitting(guest, write(6, new Uint8Array(512).fill(8)));
  await rig.pass(10);
  expect(statuses).toEqual([STATUS.OK]);
}

async function end(all: Begun): Promise<void> {
  await becomeReady(all);
  await all.job.complete();
  await demandCompleted(all);
}

describe('a guest that is held for a target that does not answer', () => {
  it.each<Operation>(['write', 'flush'])(
    'goes on after four seconds, before READY: %s',
    async (what) => {
      const all = await begun();
      await using rig = all.rig;
      await reachHold(all, what);
      await expectWait(rig, all.guest, FIRST_MS);
      await rig.pass(60_000);
      expect(all.job.status).toBe('running');
      await end(all);
    },
  );

  it('is held for twice as long the next time, in case the target is only slow', async () => {
    const all = await begun();
    await using rig = all.rig;
    for (const waitMs of [FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS]) {
      await reachHold(all, 'flush');
      await expectWait(rig, all.guest, waitMs);
    }
    await end(all);
  });

  it('goes on when the target fails in time, and is held for no longer the next time', async () => {
    const all = await begun({ onTargetError: 'ignore' });
    await using rig = all.rig;
    for (let failures = 0; failures < 3; failures += 1) {
      await reachHold(all, 'flush');
      all.target.gate.next('flush').fail(new BlockError('EIO', 'flush', 'a bad sector'));
      await rig.pass(5);
      expect(all.job.status).toBe('running');
    }
    await reachHold(all, 'flush');
    await expectWait(rig, all.guest, FIRST_MS);
    await end(all);
  });

  it('goes on after four seconds, where it was to go over to the target', async () => {
    const all = await begun();
    await using rig = all.rig;
    const { target, guest, job } = all;
    await becomeReady(all);
    target.gate.mode = 'held';
    await job.complete();
    await reachHold(all, 'write');
    await expectWait(rig, guest, FIRST_MS);
    await rig.pass(60_000);
    expect(job.status).toBe('ready');
    await demandCompleted(all);
  });
});
