/**
 * The matrix of cancels: block-job-cancel with and without force, and job-cancel, which is always
 * by force, in every status that a mirror passes through (iotests 041, 218; QEMU's job.c).
 */

import { describe, expect, it } from 'vitest';
import type { Job } from '../../src/jobs/job.ts';
import type { JobStatus } from '../../src/jobs/states.ts';
import { submitting } from '../support/device-rig.ts';
import { MachineRig } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

/** QEMU's three commands. */
const COMMANDS = {
  'block-job-cancel': (job: Job) => job.cancel({ force: false }),
  'block-job-cancel, force': (job: Job) => job.cancel({ force: true }),
  'job-cancel': (job: Job) => job.cancel({ force: true }),
} as const;

type Command = keyof typeof COMMANDS;

/** How each ends, by the status in which it comes. */
const MATRIX: readonly (readonly [JobStatus, Command, 'completed' | 'cancelled'])[] = [
  ['running', 'block-job-cancel', 'cancelled'],
  ['running', 'block-job-cancel, force', 'cancelled'],
  ['running', 'job-cancel', 'cancelled'],
  ['ready', 'block-job-cancel', 'completed'],
  ['ready', 'block-job-cancel, force', 'cancelled'],
  ['ready', 'job-cancel', 'cancelled'],
  ['waiting', 'block-job-cancel', 'cancelled'],
  ['waiting', 'block-job-cancel, force', 'cancelled'],
  ['waiting', 'job-cancel', 'cancelled'],
  ['pending', 'block-job-cancel', 'cancelled'],
  ['pending', 'block-job-cancel, force', 'cancelled'],
  ['pending', 'job-cancel', 'cancelled'],
];

async function disks(): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source');
  await rig.open('target', { start: 100 });
  return rig;
}

/** A mirror that stands in a status, having been asked to complete where it is past ready. */
async function mirrorIn(rig: MachineRig, status: JobStatus, options = {}): Promise<Job> {
  if (status === 'running') {
    // One granule, and then nothing for long.
    const { job } = await rig.mirror({ speed: 1, ...options });
    await rig.pass(1000);
    return job;
  }
  const { job } = await rig.readyMirror({ autoFinalize: status !== 'pending', ...options });
  if (status === 'pending') {
    job.complete();
    await rig.runUntil(() => job.status === 'pending');
  } else if (status === 'standby') {
    job.pause();
    await rig.runUntil(() => job.status === 'standby');
  }
  return job;
}

describe('a cancel', () => {
  it.each(MATRIX)('in status %s by %s ends the job %s', async (status, command, end) => {
    await using rig = await disks();
    const guest = rig.plug('source');
    let job: Job;
    if (status === 'waiting') {
      job = (await rig.readyMirror()).job;
      rig.onEvent = (event) => {
        const isIt = event.event === 'JOB_STATUS_CHANGE' && event.data.status === 'waiting';
        if (isIt) COMMANDS[command](job);
      };
      job.complete();
    } else {
      job = await mirrorIn(rig, status);
      expect(job.status).toBe(status);
      COMMANDS[command](job);
    }
    await rig.runUntil(() => job.status === 'null');
    expect((await job.finished).status).toBe(end);
    const word = end === 'completed' ? 'BLOCK_JOB_COMPLETED' : 'BLOCK_JOB_CANCELLED';
    expect(rig.told.filter((told) => /COMPLETED|CANCELLED/.test(told))).toEqual([word]);
    // However it ends, the guest stays with the source, which works.
    await guest.request({ type: 'out', sector: 1, data: new Uint8Array(512).fill(7) });
    expect(rig.disk('source').bytes[512]).toBe(7);
    expect(rig.disk('target').bytes[512]).not.toBe(7);
  });

  it.each(Object.keys(COMMANDS) as Command[])(
    'in status created by %s ends the job cancelled as soon as it has started',
    async (command) => {
      await using rig = await disks();
      // The start has to wait for a request of the guest.
      const { gate } = rig.disk('source');
      gate.mode = 'held';
      const { statuses } = submitting(rig.plug('source'), { type: 'flush' });
      const starting = rig.mirror();
      await settle();
      const [job] = rig.machine.jobs.all;
      expect(job?.status).toBe('created');
      if (job) COMMANDS[command](job);
      gate.mode = 'sync';
      rig.completeHeld('source');
      const started = await starting;
      await rig.runUntil(() => started.job.status === 'null');
      expect(statuses).toEqual([0]);
      const end = ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
      expect(rig.told).toEqual(['created', 'running', ...end]);
    },
  );

  it.each(['paused', 'standby'] as const)(
    'in status %s by the user is refused without force, and is not with it',
    async (status) => {
      await using rig = await disks();
      const job = await mirrorIn(rig, status === 'paused' ? 'running' : 'standby');
      if (status === 'paused') job.pause();
      await rig.runUntil(() => job.status === status);
      const soft = () => COMMANDS['block-job-cancel'](job);
      expect(soft).toThrow("The block job for device 'job0' is currently paused");
      expect(job.status).toBe(status);
      COMMANDS['job-cancel'](job);
      await rig.runUntil(() => job.status === 'null');
      expect(await job.finished).toEqual({ status: 'cancelled' });
    },
  );

  it.each(['concluded', 'aborting'] as const)('in status %s is refused', async (status) => {
    await using rig = await disks();
    const job = await mirrorIn(rig, 'running', { autoDismiss: false });
    const answers: string[] = [];
    const ask = () => {
      for (const cancel of Object.values(COMMANDS)) {
        try {
          cancel(job);
          answers.push('accepted');
        } catch (error) {
          answers.push(String(error));
        }
      }
    };
    rig.onEvent = (event) => {
      const isIt = event.event === 'JOB_STATUS_CHANGE' && event.data.status === status;
      if (isIt) ask();
    };
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'concluded');
    expect(answers).toHaveLength(3);
    for (const answer of answers) {
      expect(answer).toContain(
        `Job 'job0' in state '${status}' cannot accept command verb 'cancel'`,
      );
    }
    job.dismiss();
    await settle();
  });
});

describe('a soft cancel', () => {
  it('leaves the target as the source is at that moment, and the guest where it is', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const { job, work } = await rig.readyMirror();
    await guest.request({ type: 'out', sector: 9, data: new Uint8Array(512).fill(9) });
    let equal: boolean | undefined;
    rig.onEvent = (event) => {
      if (event.event !== 'JOB_STATUS_CHANGE' || event.data.status !== 'pending') return;
      equal = Buffer.compare(rig.disk('source').bytes, rig.disk('target').bytes) === 0;
    };
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(equal).toBe(true);
    expect(work.switched).toBe(false);
    expect(rig.disk('target').bytes[9 * 512]).toBe(9);
  });

  it('followed by force is cancelled, even if the target is behind', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const { job } = await rig.readyMirror();
    rig.disk('target').gate.mode = 'held';
    await guest.request({ type: 'out', sector: 9, data: new Uint8Array(512).fill(9) });
    job.cancel({ force: false });
    await rig.pass(1000);
    expect(job.status).toBe('ready');
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it('after force changes nothing', async () => {
    await using rig = await disks();
    const job = await mirrorIn(rig, 'ready');
    job.cancel({ force: true });
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it('keeps a complete from being accepted', async () => {
    await using rig = await disks();
    const { job, work } = await rig.readyMirror();
    job.cancel({ force: false });
    expect(() => job.complete()).toThrow("The active block job 'job0' cannot be completed");
    await rig.runUntil(() => job.status === 'null');
    expect(work.switched).toBe(false);
  });

  it('after a complete leaves it a complete', async () => {
    await using rig = await disks();
    const { job, work } = await rig.readyMirror();
    job.complete();
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(work.switched).toBe(true);
  });

  it('is left alone by a drain: the job still completes', async () => {
    await using rig = await disks();
    const { job } = await rig.readyMirror();
    job.beginRest();
    await rig.runUntil(() => job.status === 'standby');
    // A drain is not a pause of the user's, so this is accepted.
    job.cancel({ force: false });
    await rig.pass(500);
    expect(job.status).toBe('standby');
    job.endRest();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
  });
});

describe('a complete', () => {
  it('is refused before source and target have met', async () => {
    await using rig = await disks();
    const job = await mirrorIn(rig, 'running');
    expect(() => job.complete()).toThrow(
      "Job 'job0' in state 'running' cannot accept command verb 'complete'",
    );
  });

  it('twice is one', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const { job, work } = await rig.readyMirror({ replaces: 'source' });
    rig.disk('target').gate.mode = 'held';
    await guest.request({ type: 'out', sector: 9, data: new Uint8Array(512).fill(9) });
    job.complete();
    await settle();
    job.complete();
    rig.disk('target').gate.mode = 'sync';
    await rig.runUntil(() => {
      for (const held of [...rig.disk('target').gate.held]) held.complete();
      return job.status === 'null';
    });
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(work.switched).toBe(true);
  });

  it('in standby is remembered, and carried out when the job is resumed', async () => {
    await using rig = await disks();
    const guest = rig.plug('source');
    const job = await mirrorIn(rig, 'standby');
    job.complete();
    await rig.pass(1000);
    expect(job.status).toBe('standby');
    const calls = rig.disk('target').calls.length;
    await guest.request({ type: 'out', sector: 9, data: new Uint8Array(512).fill(9) });
    await rig.pass(1000);
    expect(rig.disk('target').calls.length).toBe(calls);
    job.resume();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    await guest.request({ type: 'out', sector: 9, data: new Uint8Array(512).fill(10) });
    expect(rig.disk('source').bytes[9 * 512]).toBe(9);
    expect(rig.disk('target').bytes[9 * 512]).toBe(10);
  });

  it('followed by force is cancelled, and nobody is switched', async () => {
    await using rig = await disks();
    const { job, work } = await rig.readyMirror({ autoFinalize: false });
    job.complete();
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(work.switched).toBe(false);
  });
});
