/**
 * The guest stops, or is stopped, while its disk is mirrored (iotest 129;
 * blockdev_mirror_vm_stop_cont, after_block_error, src_no_space).
 */

import { describe, expect, it } from 'vitest';
import { STATUS } from '../../src/device/request.ts';
import { submitting, write } from '../support/device-rig.ts';
import { GRANULARITY, MachineRig } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

const BYTES = new Uint8Array(512).fill(3);

/** A source that can fail, and a target. */
async function disks() {
  const rig = new MachineRig();
  const source = await rig.openFaulty('source');
  const target = await rig.open('target', { start: 100 });
  return { rig, source: source.disk, control: source.control, target };
}

/** The names of the events that are not a job's. */
function machineEvents(rig: MachineRig): string[] {
  return rig.events.flatMap(({ event }) => (event.includes('JOB') ? [] : [event]));
}

describe('a machine that is stopped', () => {
  it('neither completes nor fails a mirror, which goes on copying', async () => {
    const { rig, source, target } = await disks();
    await using machine = rig;
    machine.plug('source');
    const { job, work } = await machine.mirror({ speed: GRANULARITY });
    await machine.pass(1000);
    const before = work.progress().offset;
    await machine.machine.runState.stop();
    await machine.pass(5000);
    expect(job.status).toBe('running');
    expect(work.progress().offset).toBeGreaterThanOrEqual(before + 4 * GRANULARITY);
    job.setSpeed(0);
    await machine.runUntil(() => job.status === 'ready');
    await machine.pass(60_000);
    expect(job.status).toBe('ready');
    machine.machine.runState.cont();
    expect(job.status).toBe('ready');
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
    expect(machineEvents(machine)).toEqual(['STOP', 'RESUME']);
  });

  it('can have its mirror completed, and goes on with the target', async () => {
    const { rig, source, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const { job, work } = await machine.readyMirror();
    await machine.machine.runState.stop();
    const { statuses } = submitting(guest, write(0, BYTES));
    job.complete();
    await machine.runUntil(() => job.status === 'null');
    expect(work.switched).toBe(true);
    expect(statuses).toEqual([]);
    const before = source.bytes.slice();
    machine.machine.runState.cont();
    await settle();
    expect(statuses).toEqual([STATUS.OK]);
    expect(Buffer.compare(source.bytes, before)).toBe(0);
    expect(target.bytes.subarray(0, 512)).toEqual(BYTES);
  });

  it('can be stopped and continued often while its guest writes', async () => {
    const { rig, source, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const { job } = await machine.mirror({ speed: 2 * GRANULARITY });
    const statuses: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const data = new Uint8Array(512).fill(round + 1);
      const begun = submitting(guest, write((round * 7) % 128, data));
      const stopping = machine.machine.runState.stop();
      await machine.pass(100);
      await stopping;
      machine.machine.runState.cont();
      await machine.pass(100);
      statuses.push(...begun.statuses);
    }
    expect(statuses).toEqual(Array.from({ length: 20 }, () => STATUS.OK));
    expect(job.status).toBe('running');
    job.setSpeed(0);
    await machine.runUntil(() => job.status === 'ready');
    job.cancel({ force: false });
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
  });

  it('has nothing of its guest in flight, nor on its way to the target', async () => {
    const { rig, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    await machine.readyMirror({ copyMode: 'write-blocking' });
    target.gate.mode = 'held';
    const { statuses } = submitting(guest, write(0, BYTES));
    let isStopped = false;
    const stopping = machine.machine.runState.stop().then(() => {
      isStopped = true;
    });
    await machine.pass(1000);
    expect([isStopped, statuses]).toEqual([false, []]);
    target.gate.mode = 'sync';
    machine.completeHeld('target');
    await stopping;
    expect(statuses).toEqual([STATUS.OK]);
    expect(target.bytes.subarray(0, 512)).toEqual(BYTES);
  });
});

describe('an error of the source that stops the machine', () => {
  it.each(['background', 'write-blocking'] as const)(
    'in a guest write leaves the mirror going, and the write is repeated on both; mode %s',
    async (copyMode) => {
      const { rig, source, control, target } = await disks();
      await using machine = rig;
      const guest = machine.plug('source', { werror: 'stop', rerror: 'stop' });
      const { job } = await machine.readyMirror({ copyMode });
      control.arm({ id: 'bad', iotype: 'write', errno: 'EIO' });
      const { statuses } = submitting(guest, write(0, BYTES));
      await machine.runUntil(() => !machine.machine.runState.running);
      expect(machine.machine.runState.status).toBe('io-error');
      expect(machineEvents(machine)).toEqual(['BLOCK_IO_ERROR', 'STOP']);
      await machine.pass(1000);
      expect(statuses).toEqual([]);
      expect(job.state).toMatchObject({ status: 'ready', ioStatus: 'ok' });
      expect(machine.dataOf('BLOCK_JOB_ERROR')).toEqual([]);
      control.disarm('bad');
      machine.machine.runState.cont();
      await machine.pass(1000);
      expect(statuses).toEqual([STATUS.OK]);
      expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
      expect(target.bytes.subarray(0, 512)).toEqual(BYTES);
    },
  );

  it('in a guest read leaves the mirror going, whose own reads are its own affair', async () => {
    const { rig, control } = await disks();
    await using machine = rig;
    const guest = machine.plug('source', { rerror: 'stop' });
    const { job } = await machine.readyMirror();
    control.arm({ iotype: 'read', once: true });
    const data = new Uint8Array(512);
    const { statuses } = submitting(guest, { type: 'in', sector: 0, data });
    await machine.runUntil(() => !machine.machine.runState.running);
    expect(job.status).toBe('ready');
    machine.machine.runState.cont();
    await machine.runUntil(() => statuses.length > 0);
    expect(statuses).toEqual([STATUS.OK]);
    expect(data).toEqual(machine.disk('source-disk').bytes.subarray(0, 512));
  });

  it('of room: the machine stops, the mirror does not, and room mends it', async () => {
    const { rig, source, control, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const { job } = await machine.mirror({ speed: GRANULARITY });
    control.arm({ id: 'full', iotype: 'write', errno: 'ENOSPC' });
    const { statuses } = submitting(guest, write(9, BYTES));
    await machine.runUntil(() => !machine.machine.runState.running);
    expect(machine.dataOf('BLOCK_IO_ERROR')).toMatchObject([{ action: 'stop', nospace: true }]);
    expect(guest.ioStatus).toBe('nospace');
    expect(job.status).toBe('running');
    job.setSpeed(0);
    await machine.runUntil(() => job.status === 'ready');
    control.disarm('full');
    machine.machine.runState.cont();
    job.complete();
    await machine.runUntil(() => job.status === 'null');
    await settle();
    expect(statuses).toEqual([STATUS.OK]);
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(target.bytes.subarray(9 * 512, 10 * 512)).toEqual(BYTES);
    source.bytes.set(BYTES, 9 * 512);
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
  });
});

describe('a machine that an I/O error has stopped', () => {
  it('lets a mirror be started, and moves to the target, which has no such error', async () => {
    const { rig, control, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source', { werror: 'stop' });
    control.arm({ iotype: 'write', errno: 'EIO' });
    const { statuses } = submitting(guest, write(9, BYTES));
    await machine.runUntil(() => !machine.machine.runState.running);
    const { job } = await machine.readyMirror();
    expect(machine.machine.runState.status).toBe('io-error');
    job.complete();
    await machine.runUntil(() => job.status === 'null');
    expect(statuses).toEqual([]);
    machine.machine.runState.cont();
    await settle();
    expect(statuses).toEqual([STATUS.OK]);
    expect(target.bytes.subarray(9 * 512, 10 * 512)).toEqual(BYTES);
    expect(machine.dataOf('BLOCK_IO_ERROR')).toHaveLength(1);
  });
});

describe('errors of the target', () => {
  it('stop the mirror and never the machine, whatever the device would do', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    await machine.open('source');
    const { control } = await machine.openFaulty('target', [], { start: 100 });
    const guest = machine.plug('source', { werror: 'stop', rerror: 'stop' });
    const options = { copyMode: 'write-blocking', onTargetError: 'stop' } as const;
    const { job } = await machine.readyMirror(options);
    control.arm({ iotype: 'write', errno: 'ENOSPC' });
    expect(await guest.request(write(0, BYTES))).toBe(STATUS.OK);
    await machine.runUntil(() => job.status === 'standby');
    expect(machine.machine.runState.running).toBe(true);
    expect(guest.ioStatus).toBe('ok');
    expect(machineEvents(machine)).toEqual([]);
  });
});
