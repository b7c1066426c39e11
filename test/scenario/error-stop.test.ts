/** A mirror that an error has stopped, until it is resumed or given up (iotests 229, 248, 041). */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { GRANULARITY, MachineRig, SIZE } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

const broken = new BlockError('EIO', 'write', 'broken');
const full = new BlockError('ENOSPC', 'write', 'full');

async function disks(): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source');
  await rig.open('target', { start: 100 });
  return rig;
}

/** A mirror whose first four copies wait at the target. */
async function fourCopies(rig: MachineRig) {
  rig.disk('target').gate.mode = 'held';
  const sizes = { bufSize: 4 * GRANULARITY };
  const { job } = await rig.mirror({ onTargetError: 'stop', ...sizes });
  await rig.reach('target', 'write', 4);
  const writes = [...rig.disk('target').gate.held];
  expect(writes.map(({ operation }) => operation)).toEqual(['write', 'write', 'write', 'write']);
  return { job, writes };
}

describe('one cause with many failures', () => {
  it('is one event for each, one pause, and one resume', async () => {
    await using rig = await disks();
    const { job, writes } = await fourCopies(rig);
    for (const held of writes) held.fail(full);
    await rig.runUntil(() => job.status === 'paused');
    const told = { device: 'job0', operation: 'write', action: 'stop' };
    expect(rig.dataOf('BLOCK_JOB_ERROR')).toEqual([told, told, told, told]);
    const errors = Array.from({ length: 4 }, () => 'BLOCK_JOB_ERROR');
    expect(rig.told).toEqual(['created', 'running', ...errors, 'paused']);
    rig.disk('target').gate.mode = 'sync';
    job.resume();
    await rig.runUntil(() => job.status === 'ready');
    expect(rig.told.slice(7)).toEqual(['running', 'ready', 'BLOCK_JOB_READY']);
    expect(Buffer.compare(rig.disk('target').bytes, rig.disk('source').bytes)).toBe(0);
  });

  it('tells of an error before it pauses, and pauses when nothing is in flight', async () => {
    await using rig = await disks();
    const { job, writes } = await fourCopies(rig);
    writes[0]?.fail(broken);
    await rig.pass(1000);
    expect(rig.told.at(-1)).toBe('BLOCK_JOB_ERROR');
    expect(job.state).toMatchObject({ status: 'running', paused: true, ioStatus: 'failed' });
    // Nothing new is begun meanwhile.
    expect(rig.disk('target').gate.held).toHaveLength(3);
    for (const held of writes.slice(1)) held.complete();
    await settle();
    expect(job.status).toBe('paused');
    expect(job.progress.offset).toBe(3 * GRANULARITY);
  });

  it('keeps the status of the first error until it is resumed', async () => {
    await using rig = await disks();
    const { job, writes } = await fourCopies(rig);
    writes[0]?.fail(full);
    await settle();
    for (const held of writes.slice(1)) held.fail(broken);
    await rig.runUntil(() => job.status === 'paused');
    expect(job.state.ioStatus).toBe('nospace');
    rig.disk('target').gate.mode = 'sync';
    job.resume();
    expect(job.state.ioStatus).toBe('ok');
  });

  it('that came while the user paused the job is ended by the same resume', async () => {
    await using rig = await disks();
    const { job, writes } = await fourCopies(rig);
    job.pause();
    for (const held of writes) held.fail(full);
    await rig.runUntil(() => job.status === 'paused');
    rig.disk('target').gate.mode = 'sync';
    job.resume();
    await rig.runUntil(() => job.status === 'ready');
  });
});

describe('a mirror that an error has stopped', () => {
  it('counts no failed copy as progress', async () => {
    await using rig = await disks();
    const { job, writes } = await fourCopies(rig);
    for (const held of writes) held.fail(full);
    await rig.runUntil(() => job.status === 'paused');
    expect(job.progress).toEqual(expect.objectContaining({ offset: 0, len: SIZE }));
  });

  it('stops again when nothing was mended', async () => {
    await using rig = new MachineRig();
    await rig.open('source');
    const { control } = await rig.openFaulty('target', [{ id: 'bad', iotype: 'write', sector: 9 }]);
    const { job } = await rig.mirror({ onTargetError: 'stop' });
    for (let round = 1; round <= 3; round += 1) {
      await rig.runUntil(() => job.status === 'paused');
      expect(rig.dataOf('BLOCK_JOB_ERROR')).toHaveLength(round);
      job.resume();
      await settle();
    }
    await rig.runUntil(() => job.status === 'paused');
    control.disarm('bad');
    job.resume();
    await rig.runUntil(() => job.status === 'ready');
    expect(rig.dataOf('BLOCK_JOB_ERROR')).toHaveLength(4);
  });

  it('is not cancelled without force, and is with it', async () => {
    await using rig = await disks();
    const { job, writes } = await fourCopies(rig);
    for (const held of writes) held.fail(broken);
    await rig.runUntil(() => job.status === 'paused');
    const soft = () => job.cancel({ force: false });
    expect(soft).toThrow("The block job for device 'job0' is currently paused");
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    const end = ['paused', 'running', 'aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
    expect(rig.told.slice(-6)).toEqual(end);
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it('is cancelled by force in standby as well', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const { job } = await rig.readyMirror({ onTargetError: 'stop' });
    rig.disk('target').gate.mode = 'held';
    await guest.request({ type: 'out', sector: 0, data: new Uint8Array(512).fill(3) });
    await rig.runUntil(() => rig.disk('target').gate.held.length > 0);
    rig.disk('target').gate.next().fail(broken);
    await rig.runUntil(() => job.status === 'standby');
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    const end = ['standby', 'ready', 'aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
    expect(rig.told.slice(-6)).toEqual(end);
  });

  it('remembers a complete, which the resume carries out', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const { job, work } = await rig.readyMirror({ onTargetError: 'enospc' });
    const { gate } = rig.disk('target');
    gate.mode = 'held';
    await guest.request({ type: 'out', sector: 0, data: new Uint8Array(512).fill(3) });
    await rig.runUntil(() => gate.held.length > 0);
    gate.next().fail(full);
    await rig.runUntil(() => job.status === 'standby');
    gate.mode = 'sync';
    job.complete();
    await rig.pass(1000);
    expect(job.status).toBe('standby');
    job.resume();
    await rig.runUntil(() => job.status === 'null');
    expect(work.switched).toBe(true);
    expect(rig.disk('target').bytes[0]).toBe(3);
  });
});

describe('a target that is full', () => {
  it('stops the mirror, is given room, and the mirror goes on to its end', async () => {
    await using rig = new MachineRig();
    await rig.open('source');
    const { disk, control } = await rig.openFaulty('target', [
      { id: 'room', iotype: 'write', 'limit-bytes': SIZE / 2 },
    ]);
    const { job } = await rig.mirror({ onTargetError: 'enospc', bufSize: GRANULARITY });
    await rig.runUntil(() => job.status === 'paused');
    expect(job.state).toMatchObject({ ioStatus: 'nospace', offset: SIZE / 2, len: SIZE });
    // It is not enough yet.
    control.disarm('room');
    control.arm({ id: 'more', iotype: 'write', 'limit-bytes': SIZE / 4 });
    job.resume();
    await settle();
    await rig.runUntil(() => job.status === 'paused');
    expect(job.state).toMatchObject({ ioStatus: 'nospace', offset: (3 * SIZE) / 4, len: SIZE });
    control.disarm('more');
    job.resume();
    await rig.runUntil(() => job.status === 'ready');
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(Buffer.compare(disk.bytes, rig.disk('source').bytes)).toBe(0);
    const told = { device: 'job0', operation: 'write', action: 'stop' };
    expect(rig.dataOf('BLOCK_JOB_ERROR')).toEqual([told, told]);
  });
});
