import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import type { Clock } from '../../src/env/env.ts';
import type { JobEvent } from '../../src/jobs/events.ts';
import { Job } from '../../src/jobs/job.ts';
import type { JobStatus } from '../../src/jobs/states.ts';
import type { JobControl, JobWork } from '../../src/jobs/work.ts';
import { settle } from '../support/settle.ts';

/** Time stands still: nothing here may depend on it. */
const clock: Clock = {
  nowMs: () => 0,
  wallMs: () => 0,
  after: () => ({ cancel() {} }),
  turn: async () => {},
};

/** Runs a job whose work is `run`; events are told as short words in order. */
function start(
  run: (control: JobControl) => Promise<void>,
  onEvent: (event: JobEvent, job: Job) => void = () => {},
) {
  const told: string[] = [];
  const job: Job = new Job({
    id: 'job0',
    type: 'mirror',
    speed: 0,
    clock,
    onEvent(event) {
      told.push(event.event === 'JOB_STATUS_CHANGE' ? event.data.status : event.event);
      // That it was created is told before anybody can have it.
      if (told.length > 1) onEvent(event, job);
    },
  });
  const progress = () => ({ offset: 3, len: 5 });
  const work: JobWork = { inFlight: 0, run, progress, setSpeed() {}, giveUp() {} };
  job.start(work);
  return { job, told };
}

/** Copies, meets, replicates until it is asked to end: the outline of a mirror. */
async function outline(control: JobControl): Promise<void> {
  await control.pausePoint();
  control.leaveIfCancelled();
  control.ready();
  while (!control.ending) {
    await control.pausePoint();
    if (!control.ending) await control.sleep();
    control.leaveIfCancelled();
  }
  await control.pausePoint();
  await control.settle();
}

const failure = new BlockError('ENOSPC', 'write', 'full');

describe('events', () => {
  it('come in the order of QEMU when a job is completed', async () => {
    const { job, told } = start(outline);
    await Promise.resolve();
    job.complete();
    expect(await job.finished).toEqual({ status: 'completed' });
    const end = ['waiting', 'pending', 'BLOCK_JOB_COMPLETED', 'concluded', 'null'];
    expect(told).toEqual(['created', 'running', 'ready', 'BLOCK_JOB_READY', ...end]);
  });

  it('come in the order of QEMU when the work fails', async () => {
    const { job, told } = start(async (control) => {
      control.failed({ operation: 'write', policy: 'report', error: failure });
      throw failure;
    });
    expect(await job.finished).toEqual({ status: 'failed', error: failure });
    const end = ['aborting', 'BLOCK_JOB_COMPLETED', 'concluded', 'null'];
    expect(told).toEqual(['created', 'running', 'BLOCK_JOB_ERROR', ...end]);
  });

  it('come in the order of QEMU when a job is cancelled before it is ready', async () => {
    const { job, told } = start(async (control) => {
      await control.sleep();
      control.leaveIfCancelled();
    });
    job.cancel({ force: false });
    expect(await job.finished).toEqual({ status: 'cancelled' });
    const end = ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
    expect(told).toEqual(['created', 'running', ...end]);
  });

  it('pass through running again when a paused job is cancelled', async () => {
    const { job, told } = start(async (control) => {
      await control.sleep();
      await control.pausePoint();
    });
    job.pause();
    await settled();
    job.cancel({ force: true });
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(told.slice(1, 5)).toEqual(['running', 'paused', 'running', 'aborting']);
  });

  it('carry the fields of QEMU and no others', async () => {
    const events: JobEvent[] = [];
    const { job } = start(
      async () => {
        throw failure;
      },
      (event) => events.push(event),
    );
    await job.finished;
    expect(events.find(({ event }) => event === 'BLOCK_JOB_COMPLETED')).toEqual({
      event: 'BLOCK_JOB_COMPLETED',
      data: {
        type: 'mirror',
        device: 'job0',
        len: 5,
        offset: 3,
        speed: 0,
        error: 'No space left on device',
      },
    });
  });
});

describe('progress', () => {
  it('is that of the work for whoever hears that it runs, and to the end', async () => {
    const seen: (readonly [JobStatus, number])[] = [];
    const { job } = start(
      async (control) => control.settle(),
      (_, { status, progress }) => seen.push([status, progress.len]),
    );
    await job.finished;
    expect(seen[0]).toEqual(['running', 5]);
    expect(seen.at(-1)).toEqual(['null', 5]);
  });
});

describe('a change', () => {
  it('is made at once', async () => {
    const { job } = start(outline);
    let isMade = false;
    job.change(() => {
      isMade = true;
    });
    expect(isMade).toBe(true);
    job.cancel({ force: true });
    await job.finished;
  });
});

describe('work that sleeps', () => {
  it.each<readonly [string, (job: Job) => void]>([
    ['a change', (job) => job.change(() => {})],
    ['another speed', (job) => job.setSpeed(1)],
    ['a pause', (job) => job.pause()],
    ['a complete', (job) => job.complete()],
    ['a cancel', (job) => job.cancel({ force: false })],
    ['a drain', (job) => job.beginRest()],
  ])('looks again after %s', async (_, happen) => {
    let looks = 0;
    const { job } = start(async (control) => {
      control.ready();
      for (;;) {
        looks += 1;
        await control.sleep();
        control.leaveIfCancelled();
      }
    });
    await settle();
    expect(looks).toBe(1);
    happen(job);
    await settle();
    expect(looks).toBe(2);
    job.cancel({ force: true });
    await job.finished;
  });
});

describe('a change that the status of the job refuses', () => {
  it('is not made', async () => {
    const { job } = start(outline);
    job.cancel({ force: true });
    await job.finished;
    expect(() => job.change(() => expect.unreachable())).toThrow('Cannot change the job');
  });
});

describe('a cancel without force', () => {
  it('ends a ready job as completed', async () => {
    const { job, told } = start(outline);
    await settled();
    job.cancel({ force: false });
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(told).not.toContain('BLOCK_JOB_CANCELLED');
  });

  it('is refused while a ready job is paused', async () => {
    const { job } = start(outline);
    await settled();
    job.pause();
    await settled();
    expect(job.status).toBe('standby');
    expect(() => job.cancel({ force: false })).toThrow('is currently paused');
    job.cancel({ force: true });
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });

  it('keeps a later complete from switching', async () => {
    const { job } = start(outline);
    await settled();
    job.cancel({ force: false });
    expect(() => job.complete()).toThrow("The active block job 'job0' cannot be completed");
    await job.finished;
  });

  it('can be followed by force', async () => {
    const { job } = start(async (control) => {
      control.ready();
      for (;;) {
        await control.sleep();
        control.leaveIfCancelled();
      }
    });
    job.cancel({ force: false });
    job.cancel({ force: true });
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });
});

describe('a cancel that comes late', () => {
  it('still cancels when the job has only begun to settle', async () => {
    const { job, told } = start(outline, (event, job) => {
      const settling = event.event === 'JOB_STATUS_CHANGE' && event.data.status === 'waiting';
      if (settling) job.cancel({ force: false });
    });
    await settled();
    job.complete();
    expect(await job.finished).toEqual({ status: 'cancelled' });
    expect(told.slice(-5)).toEqual([
      'pending',
      'aborting',
      'BLOCK_JOB_CANCELLED',
      'concluded',
      'null',
    ]);
  });

  it('changes nothing once the result counts', async () => {
    const { job, told } = start(async (control) => {
      await control.settle();
      job.cancel({ force: true });
      control.leaveIfCancelled();
    });
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(told).not.toContain('BLOCK_JOB_CANCELLED');
  });
});

describe('pausing', () => {
  it('holds the work at its next pause point until it is resumed', async () => {
    let passed = 0;
    const { job } = start(async (control) => {
      await control.sleep();
      await control.pausePoint();
      passed += 1;
      throw failure;
    });
    job.pause();
    await settled();
    expect(job.status).toBe('paused');
    expect(passed).toBe(0);
    job.resume();
    await job.finished;
    expect(passed).toBe(1);
  });

  it('counts once', async () => {
    const { job } = start(outline);
    job.pause();
    expect(() => job.pause()).toThrow('Job is already paused');
    job.resume();
    expect(() => job.resume()).toThrow("Can't resume a job that was not paused");
    job.cancel({ force: true });
    await job.finished;
  });

  it('remembers a complete until the job is resumed', async () => {
    const { job, told } = start(outline);
    await settled();
    job.pause();
    await settled();
    job.complete();
    await settled();
    expect(job.status).toBe('standby');
    job.resume();
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(told.slice(4, 7)).toEqual(['standby', 'ready', 'waiting']);
  });
});

describe('a verb', () => {
  it('is refused in a status that does not take it, in the words of QEMU', () => {
    const { job } = start((control) => control.sleep());
    expect(() => job.complete()).toThrow(
      "Job 'job0' in state 'running' cannot accept command verb 'complete'",
    );
  });

  it('is refused when the job is over', async () => {
    const { job } = start(async () => {
      throw failure;
    });
    await job.finished;
    const verbs = [
      () => job.cancel({ force: true }),
      () => job.complete(),
      () => job.pause(),
      () => job.setSpeed(1),
    ];
    for (const verb of verbs) expect(verb).toThrow("in state 'null' cannot accept command verb");
  });
});

describe('an error that is no BlockError', () => {
  it('is a defect and rejects, but ends the job first', async () => {
    const { job, told } = start(async () => {
      throw new TypeError('wrong');
    });
    await expect(job.finished).rejects.toThrow('wrong');
    expect(told.at(-1)).toBe('null' satisfies JobStatus);
  });
});

/** Lets everything that is ready run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
