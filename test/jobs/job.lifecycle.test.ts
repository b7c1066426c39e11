/** How a job begins, rests and is forgotten; and that a query tells so. */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { Job } from '../../src/jobs/job.ts';
import type { JobControl, JobOptions, JobWork } from '../../src/jobs/work.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { deferred, settle, watch } from '../support/settle.ts';

/** A job that does what the test says, and what it told. */
class JobRig {
  readonly told: string[] = [];
  readonly work: { inFlight: number; gaveUp: number; speeds: number[] } & JobWork;
  readonly job: Job;

  constructor(run: (control: JobControl) => Promise<void>, options: Partial<JobOptions> = {}) {
    const work = {
      inFlight: 0,
      gaveUp: 0,
      speeds: [] as number[],
      run,
      progress: () => ({ offset: 3, len: 5 }),
      setSpeed: (speed: number) => {
        work.speeds.push(speed);
      },
      giveUp: () => {
        work.gaveUp += 1;
      },
    };
    this.work = work;
    this.job = new Job({
      id: 'job0',
      type: 'mirror',
      speed: 0,
      clock: new FakeClock(),
      onEvent: (event) => {
        this.told.push(event.event === 'JOB_STATUS_CHANGE' ? event.data.status : event.event);
      },
      ...options,
    });
  }

  start(): this {
    this.job.start(this.work);
    return this;
  }
}

const failure = new BlockError('ENOSPC', 'write', 'full');

/** Meets at once, and replicates until it is told how to end. */
async function outline(control: JobControl): Promise<void> {
  await control.pausePoint();
  control.leaveIfCancelled();
  control.ready();
  while (!control.ending) {
    await control.pausePoint();
    control.leaveIfCancelled();
    if (!control.ending && !control.pausing) await control.sleep();
  }
  await control.pausePoint();
  await control.settle();
}

/** The same without being ready. */
async function copying(control: JobControl): Promise<void> {
  for (;;) {
    await control.pausePoint();
    control.leaveIfCancelled();
    if (!control.pausing) await control.sleep();
  }
}

describe('a job that is not started', () => {
  it('goes from created to null without an event of a block job', async () => {
    const { job, told } = new JobRig(outline, { autoDismiss: false });
    job.discard();
    expect(told).toEqual(['created', 'null']);
    await job.dismissed;
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it('can be paused, and then does nothing when it is started before it is resumed', async () => {
    const rig = new JobRig(outline);
    rig.job.pause();
    rig.start();
    await settle();
    expect(rig.told).toEqual(['created', 'running', 'paused']);
    rig.job.resume();
    await settle();
    expect(rig.told.slice(3)).toEqual(['running', 'ready', 'BLOCK_JOB_READY']);
  });

  it('can be cancelled, and then ends CANCELLED when it is started', async () => {
    const rig = new JobRig(outline);
    rig.job.cancel({ force: false });
    rig.start();
    expect(await rig.job.finished).toEqual({ status: 'cancelled' });
    const end = ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
    expect(rig.told).toEqual(['created', 'running', ...end]);
  });

  it('rests, so that a drain does not wait for it', () => {
    const { job } = new JobRig(outline);
    expect(job.isResting).toBe(true);
  });
});

describe('a pause', () => {
  it('of the user and any number of drains is one pause until the last of them ends', async () => {
    const { job, told } = new JobRig(copying).start();
    job.pause();
    job.beginRest();
    job.beginRest();
    await settle();
    job.resume();
    await settle();
    job.endRest();
    await settle();
    expect(told).toEqual(['created', 'running', 'paused']);
    job.endRest();
    await settle();
    expect(told).toEqual(['created', 'running', 'paused', 'running']);
  });

  it('of a drain makes a pair of JOB_STATUS_CHANGE, by the status that it interrupts', async () => {
    const before = new JobRig(copying).start();
    before.job.beginRest();
    await before.job.whenResting();
    before.job.endRest();
    await settle();
    expect(before.told).toEqual(['created', 'running', 'paused', 'running']);
    const after = new JobRig(outline).start();
    await settle();
    after.job.beginRest();
    await after.job.whenResting();
    after.job.endRest();
    await settle();
    expect(after.told.slice(4)).toEqual(['standby', 'ready']);
  });

  it('is told by a query from the moment that it is asked for', async () => {
    const { job } = new JobRig(outline).start();
    await settle();
    expect(job.state).toMatchObject({ status: 'ready', ready: true, paused: false, busy: false });
    job.pause();
    expect(job.state).toMatchObject({ status: 'ready', paused: true, busy: true });
    await settle();
    expect(job.state).toMatchObject({ status: 'standby', ready: true, paused: true, busy: false });
  });

  it('by several errors at a time is one, which one resume ends', async () => {
    const rig: JobRig = new JobRig(async (control) => {
      for (let count = 0; count < 4; count += 1) {
        control.failed({ operation: 'write', policy: 'stop', error: failure });
      }
      await control.pausePoint();
      await copying(control);
    });
    rig.start();
    await settle();
    const errors = Array.from({ length: 4 }, () => 'BLOCK_JOB_ERROR');
    expect(rig.told).toEqual(['created', 'running', ...errors, 'paused']);
    rig.job.resume();
    await settle();
    expect(rig.told.at(-1)).toBe('running');
  });

  it('by an error after one of the user is the same pause', async () => {
    const rig: JobRig = new JobRig(async (control) => {
      await control.sleep();
      control.failed({ operation: 'read', policy: 'stop', error: failure });
      await copying(control);
    });
    rig.start();
    rig.job.pause();
    await settle();
    expect(rig.job.state).toMatchObject({ status: 'paused', ioStatus: 'nospace' });
    rig.job.resume();
    await settle();
    expect(rig.job.state).toMatchObject({ status: 'running', ioStatus: 'ok', paused: false });
  });

  it('ends with a forced cancel, which also mends the status of the errors', async () => {
    const rig: JobRig = new JobRig(async (control) => {
      control.failed({ operation: 'write', policy: 'stop', error: failure });
      await copying(control);
    });
    rig.start();
    await settle();
    rig.job.cancel({ force: true });
    expect(rig.job.state).toMatchObject({ paused: false, ioStatus: 'ok' });
    await rig.job.finished;
    const end = ['paused', 'running', 'aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
    expect(rig.told.slice(3)).toEqual(end);
    expect(rig.work.gaveUp).toBe(1);
  });
});

describe('a job that was cancelled', () => {
  it.each(['pausePoint', 'settle'] as const)(
    'leaves at its next %s, whether it is to pause or not',
    async (point) => {
      for (const isDrained of [true, false]) {
        const rig: JobRig = new JobRig(async (control) => {
          await control.sleep();
          await control[point]();
        });
        rig.start();
        if (isDrained) rig.job.beginRest();
        rig.job.cancel({ force: true });
        expect(await rig.job.finished).toEqual({ status: 'cancelled' });
        const end = ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
        expect(rig.told).toEqual(['created', 'running', ...end]);
      }
    },
  );

  it('goes no further than to the end of the pause that it is in', async () => {
    const rig = new JobRig(async (control) => {
      await control.pausePoint();
      control.ready();
    });
    rig.job.pause();
    rig.start();
    await settle();
    rig.job.cancel({ force: true });
    expect(await rig.job.finished).toEqual({ status: 'cancelled' });
    expect(rig.told).not.toContain('ready');
  });
});

describe('a drain', () => {
  it('waits for what the work has in flight', async () => {
    const rig = new JobRig(copying).start();
    rig.work.inFlight = 1;
    rig.job.beginRest();
    let isResting = false;
    void rig.job.whenResting().then(() => {
      isResting = true;
    });
    await settle();
    expect(isResting).toBe(false);
    rig.work.inFlight = 0;
    rig.job.wake();
    await settle();
    expect(isResting).toBe(true);
  });

  it('is over when the work is done, though the job waits to be finalized', async () => {
    const done = deferred();
    const run = async (control: JobControl) => {
      await done.promise;
      await control.settle();
    };
    const { job } = new JobRig(run, { autoFinalize: false }).start();
    const rest = watch(() => job.whenResting());
    await settle();
    expect(rest.state).toBe('pending');
    done.resolve();
    await settle();
    expect([job.status, rest.state]).toEqual(['pending', 'done']);
    job.cancel({ force: true });
    await job.finished;
  });

  it('does not wait for what a forced cancel gave up, once the job is over', async () => {
    const rig = new JobRig(copying).start();
    rig.work.inFlight = 1;
    rig.job.beginRest();
    let isResting = false;
    void rig.job.whenResting().then(() => {
      isResting = true;
    });
    await settle();
    rig.job.cancel({ force: true });
    await rig.job.finished;
    await settle();
    expect(isResting).toBe(true);
    rig.job.endRest();
  });
});

describe('without auto-finalize', () => {
  it('a job stays pending, says so once, and counts when it is finalized', async () => {
    const { job, told } = new JobRig(outline, { autoFinalize: false }).start();
    await settle();
    job.complete();
    await settle();
    const pending = ['waiting', 'pending', 'BLOCK_JOB_PENDING'];
    expect(told.slice(4)).toEqual(pending);
    job.finalize();
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(told.slice(7)).toEqual(['BLOCK_JOB_COMPLETED', 'concluded', 'null']);
  });

  it('a pending job is cancelled even without force, and not finalized then', async () => {
    const { job, told } = new JobRig(outline, { autoFinalize: false }).start();
    await settle();
    job.complete();
    await settle();
    job.cancel({ force: false });
    job.finalize();
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(told.slice(7)).toEqual(['aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null']);
  });

  it('a job that fails or is cancelled does not wait to be finalized', async () => {
    const failed = new JobRig(() => Promise.reject(failure), { autoFinalize: false }).start();
    expect(await failed.job.finished).toEqual({ status: 'failed', error: failure });
    const cancelled = new JobRig(copying, { autoFinalize: false }).start();
    cancelled.job.cancel({ force: true });
    expect(await cancelled.job.finished).toEqual({ status: 'cancelled' });
    for (const { told } of [failed, cancelled]) expect(told).not.toContain('BLOCK_JOB_PENDING');
  });

  it('finalizing twice is harmless', async () => {
    const { job } = new JobRig(outline, { autoFinalize: false }).start();
    await settle();
    job.complete();
    await settle();
    job.finalize();
    job.finalize();
    expect(await job.finished).toEqual({ status: 'completed' });
  });
});

describe('without auto-dismiss', () => {
  it('a failed job keeps its error until it is dismissed', async () => {
    const failing = () => Promise.reject(failure);
    const { job, told } = new JobRig(failing, { autoDismiss: false }).start();
    await job.finished;
    await settle();
    expect(job.state).toMatchObject({ status: 'concluded', error: 'No space left on device' });
    expect(told.at(-1)).toBe('concluded');
    job.dismiss();
    await job.dismissed;
    expect(told.at(-1)).toBe('null');
  });

  it('a cancelled job says so', async () => {
    const { job } = new JobRig(copying, { autoDismiss: false }).start();
    job.cancel({ force: true });
    await job.finished;
    expect(job.state).toMatchObject({ status: 'concluded', error: 'Operation canceled' });
  });

  it('a completed job has no error', async () => {
    const { job } = new JobRig(outline, { autoDismiss: false }).start();
    await settle();
    job.complete();
    await job.finished;
    expect(job.state.status).toBe('concluded');
    expect(job.state).not.toHaveProperty('error');
  });
});

describe('the speed', () => {
  it('is changed in a job that is paused or ready, and the work is told', async () => {
    const { job, work } = new JobRig(outline).start();
    await settle();
    job.setSpeed(1000);
    job.pause();
    await settle();
    job.setSpeed(2000);
    expect(work.speeds).toEqual([1000, 2000]);
    expect(job.state.speed).toBe(2000);
  });
});
