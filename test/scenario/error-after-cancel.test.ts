/** Errors that come after a soft cancel (iotest mirror-ready-cancel-error; gitlab #462). */

import { describe, expect, it } from 'vitest';
import { MachineRig } from '../support/machine-rig.ts';

/** A ready mirror whose guest has just written what the target is about to refuse. */
async function dirtied(onTargetError: 'report' | 'ignore' | 'stop', once: boolean) {
  const rig = new MachineRig();
  const source = await rig.open('source');
  const { disk: target, control } = await rig.openFaulty('target', [], { start: 100 });
  const guest = rig.plug('source');
  const { job, work } = await rig.readyMirror({ onTargetError });
  control.arm({ id: 'bad', iotype: 'write', once });
  await guest.request({ type: 'out', sector: 3, data: new Uint8Array(512).fill(3) });
  return { rig, source, target, control, job, work };
}

describe('after a soft cancel', () => {
  it('a transient error that stops the job is mended by a resume, and it completes', async () => {
    const { rig, source, target, job, work } = await dirtied('stop', true);
    await using machine = rig;
    job.cancel({ force: false });
    await machine.runUntil(() => job.status === 'standby');
    job.resume();
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(work.switched).toBe(false);
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
    expect(machine.dataOf('BLOCK_JOB_ERROR')).toHaveLength(1);
  });

  it('a transient error that is ignored is tried again, and the job completes', async () => {
    const { rig, source, target, job } = await dirtied('ignore', true);
    await using machine = rig;
    job.cancel({ force: false });
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
    expect(machine.told.filter((word) => word === 'BLOCK_JOB_READY')).toHaveLength(1);
  });

  it('an error that is reported fails the job: it is COMPLETED with an error', async () => {
    const { rig, job } = await dirtied('report', false);
    await using machine = rig;
    job.cancel({ force: false });
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toMatchObject({ status: 'failed', error: { code: 'EIO' } });
    const end = ['BLOCK_JOB_ERROR', 'aborting', 'BLOCK_JOB_COMPLETED', 'concluded', 'null'];
    expect(machine.told.slice(-5)).toEqual(end);
    expect(machine.dataOf('BLOCK_JOB_COMPLETED')).toMatchObject([{ error: 'Input/output error' }]);
  });

  it('a persistent error stops the job again and again, and only force ends it', async () => {
    const { rig, job } = await dirtied('stop', false);
    await using machine = rig;
    job.cancel({ force: false });
    for (let round = 1; round <= 3; round += 1) {
      await machine.runUntil(() => job.status === 'standby');
      expect(machine.dataOf('BLOCK_JOB_ERROR')).toHaveLength(round);
      // Stopped is stopped: no event without a resume.
      await machine.pass(10_000);
      expect(machine.dataOf('BLOCK_JOB_ERROR')).toHaveLength(round);
      job.resume();
      await machine.pass(0);
    }
    await machine.runUntil(() => job.status === 'standby');
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it('a persistent error that is ignored makes no storm of events, and force ends it', async () => {
    const { rig, job } = await dirtied('ignore', false);
    await using machine = rig;
    job.cancel({ force: false });
    await machine.pass(60_000);
    const { length } = machine.dataOf('BLOCK_JOB_ERROR');
    expect(length).toBeGreaterThan(30);
    expect(length).toBeLessThan(90);
    expect(job.status).toBe('ready');
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(machine.told.filter((word) => word === 'ready')).toHaveLength(1);
  });
});
