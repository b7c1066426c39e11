/** Without auto-finalize and auto-dismiss, and the ids of jobs (iotests 041, 155, 219, 141). */

import { describe, expect, it } from 'vitest';
import { drained } from '../../src/block/drain.ts';
import { STATUS } from '../../src/device/request.ts';
import { submitting, write } from '../support/device-rig.ts';
import { MachineRig, SIZE } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

async function disks(): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source');
  await rig.open('target', { start: 100 });
  return rig;
}

const BYTES = new Uint8Array(512).fill(5);

describe('a mirror without auto-finalize', () => {
  it('waits in pending, having told of it once, and is not over by itself', async () => {
    await using rig = await disks();
    const { job, work } = await rig.readyMirror({ autoFinalize: false });
    job.complete();
    await rig.runUntil(() => job.status === 'pending');
    await rig.pass(3_600_000);
    expect(rig.told.slice(-3)).toEqual(['waiting', 'pending', 'BLOCK_JOB_PENDING']);
    expect(work.switched).toBe(false);
  });

  it('keeps its guest waiting from there on, and its write goes to the target', async () => {
    await using rig = await disks();
    const device = rig.plug('source');
    const { job } = await rig.readyMirror({ autoFinalize: false });
    job.complete();
    await rig.runUntil(() => job.status === 'pending');
    const { statuses } = submitting(device, write(3, BYTES));
    await rig.pass(60_000);
    expect(statuses).toEqual([]);
    const before = rig.disk('source').bytes.slice();
    expect(Buffer.compare(rig.disk('target').bytes, before)).toBe(0);
    job.finalize();
    await rig.runUntil(() => job.status === 'null');
    expect(statuses).toEqual([STATUS.OK]);
    expect(Buffer.compare(rig.disk('source').bytes, before)).toBe(0);
    expect(rig.disk('target').bytes.subarray(1536, 2048)).toEqual(BYTES);
  });

  it('lets the guest go on with the source when it is cancelled instead', async () => {
    await using rig = await disks();
    const device = rig.plug('source');
    const { job } = await rig.readyMirror({ autoFinalize: false });
    job.complete();
    await rig.runUntil(() => job.status === 'pending');
    const { statuses } = submitting(device, write(3, BYTES));
    await settle();
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(statuses).toEqual([STATUS.OK]);
    expect(rig.disk('source').bytes.subarray(1536, 2048)).toEqual(BYTES);
    expect(rig.disk('target').bytes.subarray(1536, 2048)).not.toEqual(BYTES);
  });

  it('takes a soft cancel, asked for when it was ready, to be finalized too', async () => {
    await using rig = await disks();
    const { job, work } = await rig.readyMirror({ autoFinalize: false });
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'pending');
    job.finalize();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(work.switched).toBe(false);
  });

  it('does not keep a drain of its disks waiting in pending', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror({ autoFinalize: false });
    job.complete();
    await rig.runUntil(() => job.status === 'pending');
    let isDrained = false;
    const drain = drained(rig.node('source'), () => {
      isDrained = true;
    });
    await rig.pass(100);
    expect(job.status).toBe('pending');
    job.finalize();
    await rig.runUntil(() => job.status === 'null');
    await drain;
    expect(isDrained).toBe(true);
  });

  it('keeps its disks in use until it is finalized', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror({ autoFinalize: false });
    job.complete();
    await rig.runUntil(() => job.status === 'pending');
    await expect(rig.machine.graph.close(rig.node('target'))).rejects.toThrow('in use by');
    job.finalize();
    await rig.runUntil(() => job.status === 'null');
    await rig.machine.graph.close(rig.node('source'));
  });
});

describe('a mirror without auto-dismiss', () => {
  it('is concluded with its result until it is dismissed, and keeps its id', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror({ autoDismiss: false });
    job.complete();
    await rig.runUntil(() => job.status === 'concluded');
    await rig.pass(60_000);
    expect(rig.machine.jobs.all).toEqual([job]);
    expect(job.state).toMatchObject({ status: 'concluded', len: SIZE, offset: SIZE });
    expect(job.state).not.toHaveProperty('error');
    const start = { source: 'target', target: 'source' };
    await expect(rig.mirror(start)).rejects.toThrow("Job ID 'job0' already in use");
    job.dismiss();
    await settle();
    expect(rig.machine.jobs.all).toEqual([]);
    await rig.readyMirror(start);
  });

  it('keeps the error that it failed with', async () => {
    await using rig = new MachineRig();
    await rig.open('source');
    await rig.openFaulty('target', [{ iotype: 'write', errno: 'ENOSPC' }]);
    const { job } = await rig.mirror({ autoDismiss: false });
    await rig.runUntil(() => job.status === 'concluded');
    expect(job.state).toMatchObject({ status: 'concluded', error: 'No space left on device' });
  });

  it('says of a cancelled job that it was', async () => {
    await using rig = await disks();
    const { job } = await rig.mirror({ autoDismiss: false, speed: 1 });
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'concluded');
    expect(job.state).toMatchObject({ status: 'concluded', error: 'Operation canceled' });
  });

  it('lets go of its disks when it is concluded, dismissed or not', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror({ autoDismiss: false });
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'concluded');
    expect([...rig.node('source').parents, ...rig.node('target').parents]).toEqual([]);
    await rig.machine.graph.close(rig.node('target'));
  });

  it('is not to be dismissed before it is concluded', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror({ autoDismiss: false });
    expect(() => job.dismiss()).toThrow(
      "Job 'job0' in state 'ready' cannot accept command verb 'dismiss'",
    );
  });
});

describe('the id of a job', () => {
  it.each(['', '0job', 'job 0', '-job', '_job', 'jöb', 'job/0'])(
    'is not "%s", and nothing has begun then',
    async (id) => {
      await using rig = await disks();
      await expect(rig.mirror({ id })).rejects.toThrow(`Invalid job ID '${id}'`);
      expect(rig.events).toEqual([]);
      expect(rig.machine.jobs.all).toEqual([]);
    },
  );

  it.each(['j', 'job-0', 'J.o_b-9'])('may be "%s"', async (id) => {
    await using rig = await disks();
    const { job } = await rig.mirror({ id });
    expect(job.id).toBe(id);
  });

  it('is in use from created to null', async () => {
    await using rig = await disks();
    await rig.open('source2');
    await rig.open('target2', { start: 100 });
    const second = { source: 'source2', target: 'target2' };
    const first = rig.mirror();
    await expect(rig.mirror(second)).rejects.toThrow(
      expect.objectContaining({
        code: 'EEXIST',
        message: "Cannot start the job: Job ID 'job0' already in use",
      }),
    );
    const { job } = await first;
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    await rig.readyMirror(second);
  });

  it('is free again after a refused start, which tells of a job or of none', async () => {
    await using rig = await disks();
    await expect(rig.mirror({ granularity: 3 })).rejects.toThrow("Parameter 'granularity'");
    await expect(rig.mirror({ target: 'source' })).rejects.toThrow("Can't mirror node into itself");
    expect(rig.events).toEqual([]);
    await expect(rig.mirror({ speed: -1 })).rejects.toThrow("Parameter 'speed'");
    await settle();
    expect(rig.told).toEqual(['created', 'null']);
    expect(rig.events).toHaveLength(2);
    expect(rig.machine.jobs.all).toEqual([]);
    await rig.readyMirror();
  });
});
