/** What a mirror tells of its life, in QEMU's order (iotests 041, 185, 218, 219). */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { MachineRig, SIZE } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

const TO_READY = ['created', 'running', 'ready', 'BLOCK_JOB_READY'];
const WELL = ['waiting', 'pending', 'BLOCK_JOB_COMPLETED', 'concluded', 'null'];
const CANCELLED = ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
const FAILED = ['aborting', 'BLOCK_JOB_COMPLETED', 'concluded', 'null'];

async function disks(): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source');
  await rig.open('target', { start: 100 });
  return rig;
}

/** The statuses that a pause or a drain adds are another story. */
function withoutPauses(told: readonly string[]): string[] {
  return told.filter((word, index) => {
    const before = told[index - 1];
    const isBack = before === 'paused' || before === 'standby';
    return word !== 'paused' && word !== 'standby' && !isBack;
  });
}

describe('the events of a mirror', () => {
  it('that completes end with BLOCK_JOB_COMPLETED, between pending and concluded', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror();
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(withoutPauses(rig.told)).toEqual([...TO_READY, ...WELL]);
  });

  it('that is cancelled softly are those of one that completes', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror();
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(withoutPauses(rig.told)).toEqual([...TO_READY, ...WELL]);
  });

  it('that fails end with BLOCK_JOB_COMPLETED and an error, after aborting', async () => {
    await using rig = new MachineRig();
    await rig.open('source');
    await rig.openFaulty('target', [{ iotype: 'write' }], { start: 100 });
    const { job } = await rig.mirror({ bufSize: 4096 });
    await rig.runUntil(() => job.status === 'null');
    expect(withoutPauses(rig.told)).toEqual(['created', 'running', 'BLOCK_JOB_ERROR', ...FAILED]);
    const data = { type: 'mirror', device: 'job0', len: SIZE, offset: 0, speed: 0 };
    expect(rig.dataOf('BLOCK_JOB_COMPLETED')).toEqual([{ ...data, error: 'Input/output error' }]);
  });

  it('of disks of different sizes are those of a failure, without BLOCK_JOB_ERROR', async () => {
    await using rig = new MachineRig();
    await rig.open('source');
    await rig.open('target', { size: 2 * SIZE });
    const { job } = await rig.mirror();
    expect(await job.finished).toMatchObject({ status: 'failed' });
    expect(withoutPauses(rig.told)).toEqual(['created', 'running', ...FAILED]);
  });

  it('that is cancelled early end with BLOCK_JOB_CANCELLED, after aborting', async () => {
    await using rig = await disks();
    rig.disk('target').gate.mode = 'held';
    const { job } = await rig.mirror();
    await settle();
    job.cancel({ force: false });
    for (const held of [...rig.disk('target').gate.held]) held.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(withoutPauses(rig.told)).toEqual(['created', 'running', ...CANCELLED]);
  });

  it('that is cancelled while it is paused pass through running', async () => {
    await using rig = await disks();
    const { job } = await rig.mirror({ speed: 1 });
    job.pause();
    await rig.runUntil(() => job.status === 'paused');
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    expect(rig.told.slice(-6)).toEqual(['paused', 'running', ...CANCELLED]);
  });

  it('that is cancelled in standby pass through ready', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror();
    job.pause();
    await rig.runUntil(() => job.status === 'standby');
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    expect(rig.told.slice(-6)).toEqual(['standby', 'ready', ...CANCELLED]);
  });

  it('carry the fields of QEMU, a time stamp, and no others', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror({ speed: 1e9, autoFinalize: false });
    job.complete();
    await rig.runUntil(() => job.status === 'pending');
    job.finalize();
    await rig.runUntil(() => job.status === 'null');
    const data = { type: 'mirror', device: 'job0', len: SIZE, offset: SIZE, speed: 1e9 };
    expect(rig.dataOf('BLOCK_JOB_READY')).toEqual([data]);
    expect(rig.dataOf('BLOCK_JOB_PENDING')).toEqual([{ type: 'mirror', id: 'job0' }]);
    expect(rig.dataOf('BLOCK_JOB_COMPLETED')).toEqual([data]);
    for (const { timestamp } of rig.events) {
      expect(Object.keys(timestamp)).toEqual(['seconds', 'microseconds']);
      expect(timestamp.seconds).toBe(Date.UTC(2026, 0, 1) / 1000 + 1);
      expect(Number.isInteger(timestamp.microseconds)).toBe(true);
    }
  });

  it('tell READY once, however often source and target part and meet again', async () => {
    await using rig = await disks();
    const device = rig.plug('source');
    const { job } = await rig.readyMirror();
    for (let sector = 0; sector < 10; sector += 1) {
      await device.request({ type: 'out', sector, data: new Uint8Array(512).fill(sector + 1) });
      await rig.pass(150);
    }
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(rig.told.filter((word) => word === 'BLOCK_JOB_READY')).toHaveLength(1);
    expect(rig.told.filter((word) => word === 'ready')).toHaveLength(
      1 + rig.told.filter((word) => word === 'standby').length,
    );
    const [end] = rig.dataOf('BLOCK_JOB_COMPLETED');
    expect(end).toMatchObject({ offset: SIZE + 10 * 4096, len: SIZE + 10 * 4096 });
  });
});

describe('the end of the machine', () => {
  it('cancels a ready mirror by force', async () => {
    const rig = await disks();
    const { job } = await rig.readyMirror();
    // A machine that is closed tells nothing more; what it told until then counts.
    await rig[Symbol.asyncDispose]();
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(withoutPauses(rig.told)).toEqual([...TO_READY, ...CANCELLED]);
  });

  it('is told by SHUTDOWN before the mirror, ready until then, is cancelled', async () => {
    const rig = await disks();
    rig.plug('source');
    const { job } = await rig.readyMirror();
    await rig.machine.runState.shutdown('host-qmp-quit');
    expect(job.status).toBe('ready');
    await rig[Symbol.asyncDispose]();
    const words = rig.events.map((event) =>
      event.event === 'JOB_STATUS_CHANGE' ? event.data.status : event.event,
    );
    expect(withoutPauses(words).slice(-5)).toEqual(['SHUTDOWN', ...CANCELLED]);
  });

  it('does not wait for a mirror that is limited to a trickle', async () => {
    const rig = await disks();
    const { job } = await rig.mirror({ speed: 1 });
    await rig.pass(1000);
    const startMs = rig.clock.nowMs();
    await rig[Symbol.asyncDispose]();
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(rig.clock.nowMs() - startMs).toBeLessThan(2000);
  });

  it('cancels a mirror that waits to be finalized, and not one that is concluded', async () => {
    const rig = await disks();
    await rig.open('source2');
    await rig.open('target2', { size: 2 * SIZE });
    const over = await rig.mirror({
      id: 'job1',
      source: 'source2',
      target: 'target2',
      autoDismiss: false,
    });
    const { job } = await rig.readyMirror({ autoFinalize: false });
    job.complete();
    await rig.runUntil(() => job.status === 'pending');
    expect(over.job.status).toBe('concluded');
    await rig[Symbol.asyncDispose]();
    expect(await job.finished).toEqual({ status: 'cancelled' });
    const failure = await over.job.finished;
    expect(failure.status === 'failed' && failure.error).toBeInstanceOf(BlockError);
  });
});
