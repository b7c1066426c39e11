/** A target that cannot be flushed: that counts as an error of writing it. */

import { describe, expect, it } from 'vitest';
import { GRANULARITY, MachineRig } from '../support/machine-rig.ts';

async function disks() {
  const rig = new MachineRig();
  const source = await rig.open('source');
  const { disk, control } = await rig.openFaulty('target', [], { start: 100 });
  return { rig, source, target: disk, control };
}

describe('a flush that fails', () => {
  it('before READY counts as a write of the target, and READY is not told', async () => {
    const { rig, control } = await disks();
    await using machine = rig;
    control.arm({ iotype: 'flush', errno: 'EIO' });
    const { job } = await machine.mirror({ onSourceError: 'ignore', onTargetError: 'report' });
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toMatchObject({ status: 'failed', error: { code: 'EIO' } });
    const told = { device: 'job0', operation: 'write', action: 'report' };
    expect(machine.dataOf('BLOCK_JOB_ERROR')).toEqual([told]);
    expect(machine.told).not.toContain('ready');
  });

  it('before READY stops the job, which is READY once it could flush', async () => {
    const { rig, control, source, target } = await disks();
    await using machine = rig;
    control.arm({ iotype: 'flush', errno: 'ENOSPC', count: 2 });
    const { job } = await machine.mirror({ onTargetError: 'stop' });
    for (let round = 0; round < 2; round += 1) {
      await machine.runUntil(() => job.status === 'paused');
      expect(job.state).toMatchObject({ ioStatus: 'nospace', paused: true });
      job.resume();
      await machine.pass(0);
    }
    await machine.runUntil(() => job.status === 'ready');
    expect(machine.dataOf('BLOCK_JOB_ERROR')).toHaveLength(2);
    expect(target.operations.at(-1)).toBe('flush');
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
  });

  it('at the end fails the job, and the guest stays with the source', async () => {
    const { rig, control } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const { job, work } = await machine.readyMirror();
    control.arm({ iotype: 'flush' });
    job.complete();
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toMatchObject({ status: 'failed', error: { code: 'EIO' } });
    expect(work.switched).toBe(false);
    const data = new Uint8Array(512).fill(9);
    expect(await guest.request({ type: 'out', sector: 0, data })).toBe(0);
    expect(machine.disk('source').bytes[0]).toBe(9);
  });

  it('at the end stops the job in standby, and a resume completes it', async () => {
    const { rig, control, source, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const { job, work } = await machine.readyMirror({ onTargetError: 'stop' });
    control.arm({ iotype: 'flush', once: true });
    job.complete();
    await machine.runUntil(() => job.status === 'standby');
    // The guest is not held meanwhile.
    const data = new Uint8Array(512).fill(9);
    expect(await guest.request({ type: 'out', sector: 0, data })).toBe(0);
    expect(source.bytes[0]).toBe(9);
    job.resume();
    await machine.runUntil(() => job.status === 'null');
    expect(work.switched).toBe(true);
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
  });

  it('of the guest on the source is the guest’s own, and no error of the job', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    const { control } = await machine.openFaulty('source');
    await machine.open('target');
    const guest = machine.plug('source', { werror: 'report' });
    const { job } = await machine.readyMirror({ copyMode: 'write-blocking' });
    control.arm({ iotype: 'flush', once: true });
    expect(await guest.request({ type: 'flush' })).toBe(1);
    expect(machine.dataOf('BLOCK_JOB_ERROR')).toEqual([]);
    expect(job.status).toBe('ready');
  });
});

describe('a failure of zeroes', () => {
  it('before the copies is an error of the target, retried after a stop', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    const source = await machine.open('source', { operations: ['blockStatus'] });
    source.zeroFrom(GRANULARITY);
    const { disk, control } = await machine.openFaulty('target', [], {
      start: 100,
      operations: ['writeZeroes', 'blockStatus'],
    });
    control.arm({ iotype: 'write-zeroes', errno: 'ENOSPC', once: true });
    const { job } = await machine.mirror({ onTargetError: 'enospc' });
    await machine.runUntil(() => job.status === 'paused');
    const told = { device: 'job0', operation: 'write', action: 'stop' };
    expect(machine.dataOf('BLOCK_JOB_ERROR')).toEqual([told]);
    job.resume();
    await machine.runUntil(() => job.status === 'ready');
    expect(Buffer.compare(disk.bytes, source.bytes)).toBe(0);
    expect(disk.operations.filter((word) => word === 'writeZeroes')).toHaveLength(1);
  });

  it('that is ignored leads to copies of everything', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    const source = await machine.open('source', { operations: ['blockStatus'] });
    source.zeroFrom(GRANULARITY);
    const { disk, control } = await machine.openFaulty('target', [], {
      start: 100,
      operations: ['writeZeroes', 'blockStatus'],
    });
    control.arm({ iotype: 'write-zeroes', once: true });
    const { job } = await machine.mirror({ onTargetError: 'ignore' });
    await machine.runUntil(() => job.status === 'ready');
    expect(Buffer.compare(disk.bytes, source.bytes)).toBe(0);
  });
});
