/** Two mirrors that count together: both guests are switched or none is. */

import { describe, expect, it } from 'vitest';
import { STATUS } from '../../src/device/request.ts';
import { JobTransaction } from '../../src/jobs/transaction.ts';
import type { MirrorStart } from '../../src/machine/jobs.ts';
import { submitting, write } from '../support/device-rig.ts';
import { GRANULARITY, MachineRig, SIZE } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

const PAIRS = [
  { id: 'a', source: 'source-a', target: 'target-a' },
  { id: 'b', source: 'source-b', target: 'target-b' },
] as const;

/** Two sources and two targets; the target of `b` may fail. */
async function disks(): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source-a', { start: 1 });
  await rig.open('source-b', { start: 50 });
  await rig.open('target-a', { start: 100 });
  await rig.open('target-b', { start: 150 });
  return rig;
}

/** Starts both, in one step as a transaction of QMP does. */
async function start(rig: MachineRig, options: Partial<MirrorStart> = {}) {
  const transaction = new JobTransaction();
  const starts = PAIRS.map((pair) => rig.mirror({ ...pair, transaction, ...options }));
  const [a, b] = await Promise.all(starts);
  if (!a || !b) throw new Error('two were started');
  return { a, b };
}

async function startReady(rig: MachineRig, options: Partial<MirrorStart> = {}) {
  const both = await start(rig, options);
  await rig.runUntil(() => both.a.job.status === 'ready' && both.b.job.status === 'ready');
  return both;
}

describe('two mirrors in a transaction', () => {
  it('switch their guests when both have been completed, and not before', async () => {
    await using rig = await disks();
    const guests = PAIRS.map(({ source }) => rig.plug(source, { name: `vd-${source}` }));
    const { a, b } = await startReady(rig);
    a.job.complete();
    await rig.runUntil(() => a.job.status === 'waiting');
    await rig.pass(60_000);
    expect([a.job.status, b.job.status]).toEqual(['waiting', 'ready']);
    expect(a.work.switched).toBe(false);
    b.job.complete();
    await rig.runUntil(() => a.job.status === 'null' && b.job.status === 'null');
    expect([a.work.switched, b.work.switched]).toEqual([true, true]);
    const bytes = new Uint8Array(512).fill(3);
    for (const guest of guests) await guest.request(write(0, bytes));
    for (const { source, target } of PAIRS) {
      expect(rig.disk(target).bytes.subarray(0, 512)).toEqual(bytes);
      expect(rig.disk(source).bytes.subarray(0, 512)).not.toEqual(bytes);
    }
  });

  it('keep the guest of the one that is done waiting for the other', async () => {
    await using rig = await disks();
    const device = rig.plug('source-a');
    const { a, b } = await startReady(rig);
    a.job.complete();
    await rig.runUntil(() => a.job.status === 'waiting');
    const { statuses } = submitting(device, write(0, new Uint8Array(512).fill(3)));
    await rig.pass(1000);
    expect(statuses).toEqual([]);
    b.job.complete();
    await rig.runUntil(() => b.job.status === 'null');
    expect(statuses).toEqual([STATUS.OK]);
    expect(rig.disk('target-a').bytes[0]).toBe(3);
  });

  it('may end differently: one by a complete, the other by a soft cancel', async () => {
    await using rig = await disks();
    const { a, b } = await startReady(rig);
    a.job.complete();
    b.job.cancel({ force: false });
    await rig.runUntil(() => a.job.status === 'null' && b.job.status === 'null');
    expect(await a.job.finished).toEqual({ status: 'completed' });
    expect(await b.job.finished).toEqual({ status: 'completed' });
    expect([a.work.switched, b.work.switched]).toEqual([true, false]);
  });

  it('are both finalized when one is', async () => {
    await using rig = await disks();
    const { a, b } = await startReady(rig, { autoFinalize: false });
    a.job.complete();
    b.job.complete();
    await rig.runUntil(() => b.job.status === 'pending');
    expect(rig.events.filter(({ event }) => event === 'BLOCK_JOB_PENDING')).toHaveLength(2);
    b.job.finalize();
    await rig.runUntil(() => a.job.status === 'null' && b.job.status === 'null');
    expect([a.work.switched, b.work.switched]).toEqual([true, true]);
  });
});

describe('one of two mirrors', () => {
  it('that fails cancels the other, though that is done, and nobody is switched', async () => {
    await using rig = await disks();
    const guest = rig.plug('source-a');
    const faulty = await rig.openFaulty('target', [{ iotype: 'write', 'limit-bytes': SIZE / 2 }]);
    expect(faulty.disk.bytes).toHaveLength(SIZE);
    const transaction = new JobTransaction();
    const limits = { bufSize: GRANULARITY, transaction };
    const [a, b] = await Promise.all([
      rig.mirror({ ...PAIRS[0], ...limits }),
      rig.mirror({ ...PAIRS[1], ...limits, target: 'target', speed: 4 * GRANULARITY }),
    ]);
    await rig.runUntil(() => a.job.status === 'ready');
    a.job.complete();
    await rig.runUntil(() => a.job.status === 'null' && b.job.status === 'null');
    expect(await a.job.finished).toEqual({ status: 'cancelled' });
    expect(await b.job.finished).toMatchObject({ status: 'failed', error: { code: 'ENOSPC' } });
    expect(rig.toldOf('a').slice(-5)).toEqual([
      'waiting',
      'aborting',
      'BLOCK_JOB_CANCELLED',
      'concluded',
      'null',
    ]);
    expect(a.work.switched).toBe(false);
    await guest.request(write(0, new Uint8Array(512).fill(3)));
    expect(rig.disk('source-a').bytes[0]).toBe(3);
  });

  it('that is cancelled before it is ready cancels the other', async () => {
    await using rig = await disks();
    const { a, b } = await start(rig, { speed: 1 });
    await rig.pass(100);
    b.job.cancel({ force: false });
    await rig.runUntil(() => a.job.status === 'null' && b.job.status === 'null');
    for (const { job } of [a, b]) expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it.each(['waiting', 'pending'] as const)(
    'that is cancelled in %s cancels both',
    async (status) => {
      await using rig = await disks();
      const { a, b } = await startReady(rig, { autoFinalize: false });
      a.job.complete();
      if (status === 'pending') b.job.complete();
      await rig.runUntil(() => a.job.status === status);
      a.job.cancel({ force: false });
      await rig.runUntil(() => a.job.status === 'null' && b.job.status === 'null');
      for (const { job, work } of [a, b]) {
        expect(await job.finished).toEqual({ status: 'cancelled' });
        expect(work.switched).toBe(false);
      }
    },
  );

  it('whose target never answers is given up when the other one fails', async () => {
    await using rig = await disks();
    rig.disk('target-a').gate.mode = 'held';
    const { a, b } = await start(rig, { speed: 1 });
    await rig.reach('target-a', 'write');
    b.job.cancel({ force: true });
    await rig.runUntil(() => a.job.status === 'null');
    expect(await a.job.finished).toEqual({ status: 'cancelled' });
  });

  it('that cannot be started cancels the other, which is not left waiting for it', async () => {
    await using rig = await disks();
    const transaction = new JobTransaction();
    const [first, second] = await Promise.allSettled([
      rig.mirror({ ...PAIRS[0], transaction }),
      rig.mirror({ ...PAIRS[1], transaction, granularity: 3 }),
    ]);
    expect(second.status).toBe('rejected');
    if (first.status === 'rejected') throw first.reason;
    const { job } = first.value;
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(rig.toldOf('b')).toEqual([]);
  });

  it('that fails while the other one is being started cancels that as well', async () => {
    await using rig = await disks();
    await rig.open('small', { size: SIZE / 2 });
    rig.disk('source-b').gate.mode = 'held';
    const guest = rig.plug('source-b');
    const transaction = new JobTransaction();
    // The start of `b` has to wait for a request of its guest, and `a` finds a wrong size.
    const { statuses } = submitting(guest, { type: 'flush' });
    const starting = rig.mirror({ ...PAIRS[1], transaction });
    const a = await rig.mirror({ ...PAIRS[0], target: 'small', transaction });
    expect(await a.job.finished).toMatchObject({ status: 'failed' });
    expect(rig.toldOf('b')).toEqual(['created']);
    rig.disk('source-b').gate.mode = 'sync';
    rig.completeHeld('source-b');
    const { job } = await starting;
    await rig.runUntil(() => job.status === 'null');
    expect(statuses).toEqual([STATUS.OK]);
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect([...rig.node('target-b').parents]).toEqual([]);
    await settle();
    expect(rig.machine.jobs.all).toEqual([]);
  });

  it('leaves no way in for a third when it has failed', async () => {
    await using rig = await disks();
    const transaction = new JobTransaction();
    const { job } = await rig.mirror({ ...PAIRS[0], transaction });
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    await expect(rig.mirror({ ...PAIRS[1], transaction })).rejects.toThrow('is over');
    expect(rig.toldOf('b')).toEqual([]);
    const { job: free } = await rig.mirror(PAIRS[1]);
    await rig.runUntil(() => free.status === 'ready');
  });
});
