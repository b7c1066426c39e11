/** Pauses of a mirror: by its user, by drains, by both (iotests 041, 129, 255; QEMU's 1.11). */

import { describe, expect, it } from 'vitest';
import { drained } from '../../src/block/drain.ts';
import type { Job } from '../../src/jobs/job.ts';
import { submitting } from '../support/device-rig.ts';
import { GRANULARITY, MachineRig, SIZE } from '../support/machine-rig.ts';
import { deferred, settle } from '../support/settle.ts';

async function disks(): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source');
  await rig.open('target', { start: 100 });
  return rig;
}

/** A mirror that has copied a part, and waits for the rest of its limit. */
async function slowMirror(rig: MachineRig): Promise<Job> {
  const { job } = await rig.mirror({ speed: GRANULARITY });
  await rig.pass(1500);
  expect(job.status).toBe('running');
  return job;
}

describe('a drain', () => {
  it('pauses a running mirror, which goes on afterwards and says both', async () => {
    await using rig = await disks();
    const job = await slowMirror(rig);
    const before = rig.told.length;
    await drained(rig.node('source'), () => {
      expect(job.status).toBe('paused');
      expect(job.state).toMatchObject({ paused: true, busy: false });
    });
    await settle();
    expect(rig.told.slice(before)).toEqual(['paused', 'running']);
    expect(job.state).toMatchObject({ paused: false });
  });

  it('of the target pauses it as well', async () => {
    await using rig = await disks();
    const job = await slowMirror(rig);
    await drained(rig.node('target'), () => expect(job.status).toBe('paused'));
    await settle();
    expect(job.status).toBe('running');
  });

  it('brings a ready mirror to standby and back, without another BLOCK_JOB_READY', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror();
    const before = rig.told.length;
    await drained(rig.node('source'), () => expect(job.status).toBe('standby'));
    await settle();
    expect(rig.told.slice(before)).toEqual(['standby', 'ready']);
  });

  it('begins only when the copies under way have ended', async () => {
    await using rig = await disks();
    const { gate } = rig.disk('target');
    gate.mode = 'held';
    await rig.mirror({ bufSize: GRANULARITY });
    await rig.reach('target', 'write');
    let isDrained = false;
    const drain = drained(rig.node('source'), () => {
      isDrained = true;
      expect(gate.held).toEqual([]);
    });
    await rig.pass(1000);
    expect(isDrained).toBe(false);
    gate.next('write').complete();
    await drain;
    expect(isDrained).toBe(true);
    gate.mode = 'sync';
  });

  it('is no pause that a resume could end', async () => {
    await using rig = await disks();
    const job = await slowMirror(rig);
    await drained(rig.node('source'), () => {
      expect(() => job.resume()).toThrow("Can't resume a job that was not paused");
      expect(job.status).toBe('paused');
    });
  });

  it('that overlaps another, and a pause of the user, end as one', async () => {
    await using rig = await disks();
    const job = await slowMirror(rig);
    const before = rig.told.length;
    const [first, second] = [deferred(), deferred()];
    const drains = [
      drained(rig.node('source'), () => first.promise),
      drained(rig.node('target'), () => second.promise),
    ];
    await rig.runUntil(() => job.status === 'paused');
    job.pause();
    first.resolve();
    await settle();
    job.resume();
    await settle();
    expect(job.status).toBe('paused');
    second.resolve();
    await Promise.all(drains);
    await settle();
    expect(rig.told.slice(before)).toEqual(['paused', 'running']);
  });

  it('does not let a limited mirror go faster, however often one comes', async () => {
    await using rig = await disks();
    const { work } = await rig.mirror({ speed: 2 * GRANULARITY });
    const startMs = rig.clock.nowMs();
    while (rig.clock.nowMs() - startMs < 4000) {
      await drained(rig.node('source'), () => {});
      await rig.pass(5);
    }
    const { offset } = work.progress();
    expect(offset).toBeLessThanOrEqual(10 * GRANULARITY);
    expect(offset).toBeGreaterThanOrEqual(6 * GRANULARITY);
  });

  it('waits for a mirror that waits for its limit no longer than a piece takes', async () => {
    await using rig = await disks();
    await slowMirror(rig);
    const startMs = rig.clock.nowMs();
    let isDrained = false;
    const drain = drained(rig.node('source'), () => {
      isDrained = true;
    });
    await rig.runUntil(() => isDrained);
    await drain;
    expect(rig.clock.nowMs() - startMs).toBeLessThan(100);
  });
});

describe('a pause of the user', () => {
  it('counts once, however often it is asked for', async () => {
    await using rig = await disks();
    const job = await slowMirror(rig);
    job.pause();
    expect(() => job.pause()).toThrow('Job is already paused');
    await rig.runUntil(() => job.status === 'paused');
    expect(() => job.pause()).toThrow('Job is already paused');
    job.resume();
    await settle();
    expect(job.status).toBe('running');
  });

  it('before the job has begun keeps it from copying anything', async () => {
    await using rig = await disks();
    const { gate } = rig.disk('source');
    gate.mode = 'held';
    submitting(rig.plug('source'), { type: 'flush' });
    const starting = rig.mirror();
    await settle();
    rig.machine.jobs.all[0]?.pause();
    expect(rig.told).toEqual(['created']);
    gate.mode = 'sync';
    rig.completeHeld('source');
    const { job } = await starting;
    await rig.pass(60_000);
    expect(rig.told).toEqual(['created', 'running', 'paused']);
    expect(rig.disk('target').operations).not.toContain('write');
    job.resume();
    await rig.runUntil(() => job.status === 'ready');
  });

  it('moves nothing, and guest writes go on', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const job = await slowMirror(rig);
    job.pause();
    await rig.runUntil(() => job.status === 'paused');
    const calls = rig.disk('target').calls.length;
    const { offset } = job.progress;
    await guest.request({ type: 'out', sector: 0, data: new Uint8Array(512).fill(3) });
    await rig.pass(60_000);
    expect(rig.disk('target').calls).toHaveLength(calls);
    expect(job.progress.offset).toBe(offset);
    job.setSpeed(0);
    job.resume();
    await rig.runUntil(() => job.status === 'ready');
    expect(Buffer.compare(rig.disk('target').bytes, rig.disk('source').bytes)).toBe(0);
  });

  it('in phase 2 of a write-blocking mirror leaves guest writes going to both disks', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const { job } = await rig.readyMirror({ copyMode: 'write-blocking' });
    job.pause();
    await rig.runUntil(() => job.status === 'standby');
    await guest.request({ type: 'out', sector: 8, data: new Uint8Array(512).fill(8) });
    expect(rig.disk('target').bytes[8 * 512]).toBe(8);
    expect(job.status).toBe('standby');
  });

  it('asked for while the last copies are under way comes before the job ends', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const { job } = await rig.readyMirror();
    const { gate } = rig.disk('target');
    gate.mode = 'held';
    await guest.request({ type: 'out', sector: 8, data: new Uint8Array(512).fill(8) });
    job.complete();
    await rig.runUntil(() => gate.held.length > 0);
    job.pause();
    await rig.runUntil(() => {
      for (const held of [...gate.held]) held.complete();
      return job.status === 'standby';
    });
    await rig.pass(1000);
    expect(job.status).toBe('standby');
    gate.mode = 'sync';
    job.resume();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
  });

  it('asked for while the last flush is under way comes before the job ends', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const { job } = await rig.readyMirror();
    const { gate } = rig.disk('target');
    gate.mode = 'held';
    job.complete();
    await rig.reach('target', 'flush');
    // Has to be copied and flushed while the guest is held back.
    await guest.request({ type: 'out', sector: 8, data: new Uint8Array(512).fill(8) });
    gate.next('flush').complete();
    await rig.reach('target', 'flush');
    job.pause();
    gate.mode = 'sync';
    gate.next('flush').complete();
    await rig.pass(1000);
    expect(job.status).toBe('standby');
    job.resume();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
  });

  it('is told by a query at once, and by the status when nothing is in flight', async () => {
    await using rig = await disks();
    const { gate } = rig.disk('target');
    gate.mode = 'held';
    const { job } = await rig.mirror({ bufSize: GRANULARITY });
    await rig.reach('target', 'write');
    job.pause();
    await rig.pass(1000);
    expect(job.state).toMatchObject({ status: 'running', paused: true, busy: true });
    gate.next().complete();
    await settle();
    expect(job.state).toMatchObject({ status: 'paused', paused: true, busy: false });
    expect(job.state.offset).toBe(GRANULARITY);
    expect(job.state.len).toBe(SIZE);
    gate.mode = 'sync';
  });
});
