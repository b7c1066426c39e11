/**
 * A target that never answers: what waits for it, and what a forced cancel sets free (iotest 264,
 * blockdev_mirror_firewall).
 */

import { describe, expect, it } from 'vitest';
import { drained } from '../../src/block/drain.ts';
import { STATUS } from '../../src/device/request.ts';
import type { MirrorStart } from '../../src/machine/jobs.ts';
import { submitting, write } from '../support/device-rig.ts';
import { MachineRig } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

const BYTES = new Uint8Array(512).fill(3);

/** A ready mirror whose target answers nothing from now on. */
async function silent(options: Partial<MirrorStart> = {}) {
  const rig = new MachineRig();
  const source = await rig.open('source');
  const target = await rig.open('target', { start: 100 });
  const guest = rig.plug('source');
  const { job } = await rig.readyMirror(options);
  target.gate.mode = 'held';
  return { rig, source, target, guest, job };
}

describe('a forced cancel', () => {
  it('in phase 1 ends CANCELLED within a second or two, though no copy has ended', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    await machine.open('source');
    const target = await machine.open('target', { start: 100 });
    target.gate.mode = 'held';
    const { job } = await machine.mirror({ bufSize: 64 * 1024 });
    await machine.reach('target', 'write', 16);
    const startMs = machine.clock.nowMs();
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    expect(machine.clock.nowMs() - startMs).toBeLessThan(2000);
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(target.gate.held).toHaveLength(16);
    expect(machine.told.slice(-4)).toEqual([
      'aborting',
      'BLOCK_JOB_CANCELLED',
      'concluded',
      'null',
    ]);
  });

  it('without a mirror that is ready needs no force to be one', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    await machine.open('source');
    const target = await machine.open('target', { start: 100 });
    target.gate.mode = 'held';
    const { job } = await machine.mirror();
    await machine.reach('target', 'write');
    job.cancel({ force: false });
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it('lets go guest writes that wait for the target, and the source has them', async () => {
    const { rig, source, guest, job } = await silent({ copyMode: 'write-blocking' });
    await using machine = rig;
    const { statuses } = submitting(guest, write(0, BYTES), write(100, BYTES));
    await machine.pass(10_000);
    expect(statuses).toEqual([]);
    job.cancel({ force: true });
    await settle();
    expect(statuses).toEqual([STATUS.OK, STATUS.OK]);
    expect(source.bytes.subarray(0, 512)).toEqual(BYTES);
    expect(source.bytes.subarray(51_200, 51_712)).toEqual(BYTES);
    await machine.runUntil(() => job.status === 'null');
  });

  it('lets go guest writes that wait for their turn behind others', async () => {
    const { rig, guest, job } = await silent({ copyMode: 'write-blocking' });
    await using machine = rig;
    const requests = [write(0, BYTES), write(0, BYTES), write(1, BYTES), write(0, BYTES)];
    const { statuses } = submitting(guest, ...requests);
    await machine.pass(1000);
    expect(statuses).toEqual([]);
    job.cancel({ force: true });
    await settle();
    expect(statuses).toEqual([STATUS.OK, STATUS.OK, STATUS.OK, STATUS.OK]);
    await machine.runUntil(() => job.status === 'null');
  });

  it('sends no guest write to the target any more', async () => {
    const { rig, target, guest, job } = await silent({ copyMode: 'write-blocking' });
    await using machine = rig;
    submitting(guest, write(0, BYTES));
    await settle();
    job.cancel({ force: true });
    const { statuses } = submitting(guest, write(8, BYTES), write(16, BYTES));
    await settle();
    expect(statuses).toEqual([STATUS.OK, STATUS.OK]);
    expect(target.gate.held).toHaveLength(1);
    await machine.runUntil(() => job.status === 'null');
  });

  it('leaves a source that works, with nothing of the mirror on it', async () => {
    const { rig, source, guest, job } = await silent({ copyMode: 'write-blocking' });
    await using machine = rig;
    submitting(guest, write(0, BYTES));
    await settle();
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    for (const sector of [0, 1, 50]) expect(await guest.request(write(sector, BYTES))).toBe(0);
    expect(await guest.request({ type: 'flush' })).toBe(0);
    expect(source.bytes.subarray(25_600, 26_112)).toEqual(BYTES);
    const parents = [...machine.node('source').parents].map(({ parent }) => parent.name);
    expect(parents).toEqual(['vda']);
    expect(machine.node('source').inFlight).toBe(0);
    await drained(machine.node('source'), () => {});
  });

  it('leaves a target that no mirror may have before its last request has ended', async () => {
    const { rig, target, guest, job } = await silent({ copyMode: 'write-blocking' });
    await using machine = rig;
    submitting(guest, write(0, BYTES));
    await settle();
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    expect(target.gate.held).toHaveLength(1);
    await expect(machine.mirror()).rejects.toThrow('of an earlier job are still in flight');
    target.gate.mode = 'sync';
    target.gate.next().complete();
    await settle();
    await machine.readyMirror();
  });

  it('also ends when a soft cancel or a complete waits for the target', async () => {
    for (const verb of ['complete', 'cancel'] as const) {
      const { rig, guest, job } = await silent();
      await using machine = rig;
      await guest.request(write(0, BYTES));
      if (verb === 'complete') job.complete();
      else job.cancel({ force: false });
      await machine.pass(10_000);
      expect(job.status).toBe('ready');
      job.cancel({ force: true });
      await machine.runUntil(() => job.status === 'null');
      expect(await job.finished).toEqual({ status: 'cancelled' });
    }
  });

  it('sets free a drain that waits for the mirror to come to rest', async () => {
    const { rig, guest, job } = await silent();
    await using machine = rig;
    await guest.request(write(0, BYTES));
    await machine.pass(1000);
    let isDrained = false;
    const drain = drained(machine.node('source'), () => {
      isDrained = true;
    });
    await machine.pass(10_000);
    expect(isDrained).toBe(false);
    job.cancel({ force: true });
    await machine.runUntil(() => isDrained);
    await drain;
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it('takes back from a target what it can be made to give up', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    await machine.open('source');
    await machine.openFaulty('target', [{ iotype: 'write', action: 'hang' }], { start: 100 });
    const { job } = await machine.mirror();
    await machine.pass(1000);
    const startMs = machine.clock.nowMs();
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    expect(machine.clock.nowMs() - startMs).toBeLessThan(50);
    expect(machine.node('target').inFlight).toBe(0);
    // That its requests end so is no error of the job.
    expect(machine.dataOf('BLOCK_JOB_ERROR')).toEqual([]);
  });

  it('lets go a guest write that waits for a copy of what it touches', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    await machine.open('source');
    const target = await machine.open('target', { start: 100 });
    const guest = machine.plug('source');
    target.gate.mode = 'held';
    const { job } = await machine.mirror({ copyMode: 'write-blocking' });
    await machine.reach('target', 'write');
    const { statuses } = submitting(guest, write(0, BYTES));
    await machine.pass(1000);
    expect(statuses).toEqual([]);
    job.cancel({ force: true });
    await machine.runUntil(() => statuses.length === 1);
    expect(statuses).toEqual([STATUS.OK]);
    await machine.runUntil(() => job.status === 'null');
  });

  it('also ends while the last flush waits, and lets its guest go on', async () => {
    const { rig, source, target, guest, job } = await silent();
    await using machine = rig;
    job.complete();
    await machine.runUntil(() => target.gate.held.some(({ operation }) => operation === 'flush'));
    const { statuses } = submitting(guest, write(0, BYTES));
    await machine.pass(1000);
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    await settle();
    expect(statuses).toEqual([STATUS.OK]);
    expect(source.bytes.subarray(0, 512)).toEqual(BYTES);
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it.each(['writeZeroes', 'blockStatus'] as const)(
    'ends while the plan waits for the target, in %s',
    async (operation) => {
      const rig = new MachineRig();
      await using machine = rig;
      const source = await machine.open('source');
      source.zeroFrom(0);
      const target = await machine.open('target', {
        start: 100,
        operations: ['writeZeroes', 'blockStatus'],
      });
      target.gate.mode = 'held';
      const { job } = await machine.mirror();
      await machine.reach('target', operation);
      job.cancel({ force: true });
      await machine.runUntil(() => job.status === 'null');
      expect(await job.finished).toEqual({ status: 'cancelled' });
    },
  );
});

describe('a source that never answers', () => {
  it('does not keep a forced cancel from ending the job', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    const source = await machine.open('source');
    await machine.open('target', { start: 100 });
    source.gate.mode = 'held';
    const { job } = await machine.mirror();
    await machine.reach('source', 'read');
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });
});

describe('the end of the machine', () => {
  it('does not wait for a mirror whose target is silent', async () => {
    const { rig, guest, job } = await silent({ copyMode: 'write-blocking' });
    const { statuses } = submitting(guest, write(0, BYTES));
    await settle();
    // The target's own request is let go here: no node is closed under a request.
    await rig[Symbol.asyncDispose]();
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(statuses).toEqual([STATUS.OK]);
  });
});
