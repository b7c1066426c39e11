/** Jobs at the end of the machine, and ids at the end of a job: what machine.ts gets wrong yet. */

import { describe, expect, it } from 'vitest';
import { JobTransaction } from '../../src/jobs/transaction.ts';
import { submitting } from '../support/device-rig.ts';
import { MachineRig, SIZE } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

async function disks(...names: string[]): Promise<MachineRig> {
  const rig = new MachineRig();
  for (const [index, name] of names.entries()) await rig.open(name, { start: 1 + 40 * index });
  return rig;
}

const PAIRS = [
  { id: 'a', source: 'source-a', target: 'target-a' },
  { id: 'b', source: 'source-b', target: 'target-b' },
] as const;
const NAMES = ['source-a', 'source-b', 'target-a', 'target-b'];

describe('the end of the machine', () => {
  it('with two mirrors of one transaction ends both', async () => {
    const rig = await disks(...NAMES);
    const transaction = new JobTransaction();
    const [a, b] = await Promise.all(PAIRS.map((pair) => rig.mirror({ ...pair, transaction })));
    await rig.runUntil(() => a?.job.status === 'ready' && b?.job.status === 'ready');
    await rig[Symbol.asyncDispose]();
    expect(await a?.job.finished).toEqual({ status: 'cancelled' });
    expect(await b?.job.finished).toEqual({ status: 'cancelled' });
  });

  it('with a mirror that ends by itself while another is waited for', async () => {
    const rig = await disks(...NAMES);
    // The one that started last is waited for first.
    rig.disk('target-b').gate.mode = 'held';
    const [a, b] = await Promise.all(PAIRS.map((pair) => rig.mirror(pair)));
    await rig.reach('target-b', 'write');
    await rig.runUntil(() => a?.job.status === 'ready');
    a?.job.complete();
    await rig[Symbol.asyncDispose]();
    expect(await a?.job.finished).toEqual({ status: 'completed' });
    expect(await b?.job.finished).toEqual({ status: 'cancelled' });
  });

  it('right after a job was dismissed', async () => {
    const rig = await disks('source', 'target');
    const { job } = await rig.mirror({ speed: 1, autoDismiss: false });
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'concluded');
    job.dismiss();
    await rig[Symbol.asyncDispose]();
    expect(rig.told.at(-1)).toBe('null');
  });
});

describe('a job that is cancelled before it has begun', () => {
  it('leaves the target as it was', async () => {
    const rig = await disks('source');
    await using machine = rig;
    const target = await machine.open('target', {
      start: 100,
      operations: ['writeZeroes', 'blockStatus'],
    });
    const before = target.bytes.slice();
    // The start has to wait for a request of the guest.
    rig.disk('source').gate.mode = 'held';
    const { statuses } = submitting(rig.plug('source'), { type: 'flush' });
    const starting = rig.mirror();
    await settle();
    expect(rig.told).toEqual(['created']);
    rig.machine.jobs.all[0]?.cancel({ force: true });
    rig.disk('source').gate.mode = 'sync';
    rig.completeHeld('source');
    const { job } = await starting;
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(statuses).toEqual([0]);
    expect(Buffer.compare(target.bytes, before)).toBe(0);
  });
});

describe('the id of a job', () => {
  it('is free as soon as its status is null', async () => {
    const rig = await disks('source', 'target');
    await using machine = rig;
    let again: Promise<unknown> | undefined;
    rig.onEvent = (event) => {
      const isIt = event.event === 'JOB_STATUS_CHANGE' && event.data.status === 'null';
      if (isIt) again ??= rig.mirror({ speed: 1 });
      again?.catch(() => {});
    };
    const { job } = await machine.mirror({ speed: 1 });
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    await expect(again).resolves.toBeDefined();
    rig.onEvent = () => {};
  });
});

describe('disks of different sizes', () => {
  it('are the error that BLOCK_JOB_COMPLETED carries, in the words of QEMU', async () => {
    const rig = await disks('source');
    await using machine = rig;
    await machine.open('target', { size: 2 * SIZE });
    const { job } = await machine.mirror();
    await job.finished;
    await settle();
    const error = 'Source and target image have different sizes';
    expect(machine.dataOf('BLOCK_JOB_COMPLETED')).toMatchObject([{ error }]);
  });
});
