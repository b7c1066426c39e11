/** Every verb in every status: QEMU's tables, with its words (job.c, blockdev.c). */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import type { Clock } from '../../src/env/env.ts';
import { Job } from '../../src/jobs/job.ts';
import { type JobStatus, type JobVerb, TRANSITIONS, VERBS } from '../../src/jobs/states.ts';
import type { JobControl, JobWork } from '../../src/jobs/work.ts';
import { settle } from '../support/settle.ts';

const STATUSES = [
  'created',
  'running',
  'paused',
  'ready',
  'standby',
  'waiting',
  'pending',
  'aborting',
  'concluded',
  'null',
] as const;

/** By the status that is left, and in the order of STATUSES, whether the other may follow. */
const FOLLOWS: Readonly<Record<JobStatus, string>> = {
  created: '0100000101',
  running: '0011010100',
  paused: '0100000000',
  ready: '0000110100',
  standby: '0001000000',
  waiting: '0000001100',
  pending: '0000000110',
  aborting: '0000000010',
  concluded: '0000000001',
  null: '0000000000',
};

/** By the verb, and in the order of STATUSES, whether it is accepted. */
const ACCEPTED: Readonly<Record<JobVerb, string>> = {
  cancel: '1111111000',
  pause: '1111100000',
  resume: '1111100000',
  'set-speed': '1111100000',
  change: '1111100000',
  complete: '0001100000',
  finalize: '0000001000',
  dismiss: '0000000010',
};

/** Time stands still: nothing here may depend on it. */
const clock: Clock = {
  nowMs: () => 0,
  wallMs: () => 0,
  after: () => ({ cancel() {} }),
  turn: async () => {},
};

const failure = new BlockError('EIO', 'write', 'broken');

/** Waits until it is told what comes next. */
async function obedient(control: JobControl): Promise<void> {
  while (!control.ending) {
    await control.pausePoint();
    if (!control.ending && !control.pausing) await control.sleep();
    control.leaveIfCancelled();
  }
  await control.pausePoint();
  await control.settle();
}

function workOf(run: JobWork['run'], setSpeed: JobWork['setSpeed'] = () => {}): JobWork {
  const progress = () => ({ offset: 0, len: 0 });
  return { inFlight: 0, run, progress, setSpeed, giveUp() {} };
}

/** A job that stands in a status, where `use` is called; its work is told of speeds. */
async function inStatus(
  status: JobStatus,
  use: (job: Job) => void,
  setSpeed: JobWork['setSpeed'] = () => {},
): Promise<void> {
  let isUsed = false;
  const useOnce = (job: Job) => {
    if (isUsed) return;
    isUsed = true;
    expect(job.status).toBe(status);
    use(job);
  };
  const passing = status === 'waiting' || status === 'aborting';
  const job: Job = new Job({
    id: 'job0',
    type: 'mirror',
    speed: 0,
    clock,
    autoFinalize: status !== 'pending',
    autoDismiss: status !== 'concluded',
    onEvent(event) {
      const isStatus = event.event === 'JOB_STATUS_CHANGE' && event.data.status === status;
      if (passing && isStatus) useOnce(job);
    },
  });
  if (status === 'created') {
    useOnce(job);
    return;
  }
  job.start(
    workOf(async (control) => {
      // A turn later, for a job can be steered only by those who have it.
      await settle();
      const isBefore = status === 'running' || status === 'paused';
      if (!isBefore) control.ready();
      if (['aborting', 'concluded', 'null'].includes(status)) throw failure;
      await obedient(control);
    }, setSpeed),
  );
  if (status === 'paused' || status === 'standby') job.beginRest();
  await settle();
  await settle();
  if (status === 'waiting' || status === 'pending') job.complete();
  await settle();
  if (!passing) useOnce(job);
  expect(isUsed).toBe(true);
}

/** What a verb is answered: `accepted`, or the reason of the refusal. */
function answer(job: Job, verb: JobVerb): string {
  const verbs: Record<JobVerb, () => void> = {
    cancel: () => job.cancel({ force: true }),
    pause: () => job.pause(),
    resume: () => job.resume(),
    'set-speed': () => job.setSpeed(1024),
    change: () => job.change(() => {}),
    complete: () => job.complete(),
    finalize: () => job.finalize(),
    dismiss: () => job.dismiss(),
  };
  try {
    verbs[verb]();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    expect(error.code).toBe('EPERM');
    return error.message.replace(`Cannot ${verb} the job "job0": `, '');
  }
}

function flags(status: JobStatus, table: (other: JobStatus) => boolean): [JobStatus, string] {
  return [status, STATUSES.map((other) => (table(other) ? '1' : '0')).join('')];
}

describe('the table of transitions', () => {
  it('is that of QEMU', () => {
    const rows = STATUSES.map((from) => flags(from, (to) => TRANSITIONS[from].includes(to)));
    expect(Object.fromEntries(rows)).toEqual(FOLLOWS);
  });

  it('lets a status be left only for one that exists', () => {
    expect(Object.keys(TRANSITIONS)).toEqual([...STATUSES]);
    for (const next of Object.values(TRANSITIONS)) {
      for (const status of next) expect(STATUSES).toContain(status);
    }
  });
});

describe('the table of verbs', () => {
  it('is that of QEMU', () => {
    const rows = Object.keys(ACCEPTED).map((verb) => {
      const accepting = VERBS[verb as JobVerb];
      return [verb, STATUSES.map((status) => (accepting.includes(status) ? '1' : '0')).join('')];
    });
    expect(Object.fromEntries(rows)).toEqual(ACCEPTED);
  });
});

const CASES = (Object.keys(ACCEPTED) as JobVerb[]).flatMap((verb) =>
  STATUSES.map((status, index) => ({ verb, status, isAccepted: ACCEPTED[verb][index] === '1' })),
);

describe('a verb', () => {
  it.each(CASES.filter(({ verb }) => verb !== 'resume'))(
    '$verb in status $status: accepted is $isAccepted',
    async ({ verb, status, isAccepted }) => {
      const refusal = `Job 'job0' in state '${status}' cannot accept command verb '${verb}'`;
      await inStatus(status, (job) => {
        expect(answer(job, verb)).toBe(isAccepted ? 'accepted' : refusal);
      });
    },
  );

  it.each(CASES.filter(({ verb, isAccepted }) => verb === 'set-speed' && !isAccepted))(
    'set-speed in status $status, refused, does not reach the work',
    async ({ status }) => {
      const speeds: number[] = [];
      const note = (speed: number) => void speeds.push(speed);
      await inStatus(status, (job) => void answer(job, 'set-speed'), note);
      expect(speeds).toEqual([]);
    },
  );

  it.each(STATUSES)(
    'resume in status %s is refused for want of a pause of the user',
    async (status) => {
      await inStatus(status, (job) => {
        expect(answer(job, 'resume')).toBe("Can't resume a job that was not paused");
      });
    },
  );

  it.each(['created', 'running', 'paused', 'ready', 'standby'] as const)(
    'resume in status %s is accepted after a pause, and pause is not',
    async (status) => {
      await inStatus(status, (job) => {
        expect(answer(job, 'pause')).toBe('accepted');
        expect(answer(job, 'pause')).toBe('Job is already paused');
        expect(answer(job, 'resume')).toBe('accepted');
        expect(answer(job, 'resume')).toBe("Can't resume a job that was not paused");
      });
    },
  );

  it('complete after a soft cancel is refused, whatever the status', async () => {
    const refusal = "The active block job 'job0' cannot be completed";
    await inStatus('ready', (job) => {
      job.cancel({ force: false });
      expect(answer(job, 'complete')).toBe(refusal);
    });
    await inStatus('standby', (job) => {
      job.cancel({ force: false });
      expect(answer(job, 'complete')).toBe(refusal);
    });
  });

  it('complete after a forced cancel is refused while the job is still ready', async () => {
    await inStatus('ready', (job) => {
      job.cancel({ force: true });
      expect(job.status).toBe('ready');
      expect(answer(job, 'complete')).toBe("The active block job 'job0' cannot be completed");
    });
  });

  it('cancel without force is refused for a pause of the user alone', async () => {
    await inStatus('standby', (job) => expect(() => job.cancel({ force: false })).not.toThrow());
    await inStatus('ready', (job) => {
      job.pause();
      const soft = () => job.cancel({ force: false });
      expect(soft).toThrow("The block job for device 'job0' is currently paused");
      expect(soft).toThrow(expect.objectContaining({ code: 'EPERM' }));
      expect(() => job.cancel({ force: true })).not.toThrow();
    });
  });

  it('is refused for the status of a job that ended paused', async () => {
    let end = (): void => {};
    const job = new Job({
      id: 'job0',
      type: 'mirror',
      speed: 0,
      clock,
      autoDismiss: false,
      onEvent() {},
    });
    job.start(
      workOf(
        (control) =>
          new Promise((_resolve, reject) => {
            end = () => {
              control.failed({ operation: 'write', policy: 'stop', error: failure });
              reject(failure);
            };
          }),
      ),
    );
    // It fails with requests that were in flight, before it comes to rest.
    job.pause();
    end();
    await job.finished;
    const refused = "Job 'job0' in state 'concluded' cannot accept command verb";
    expect(answer(job, 'pause')).toBe(`${refused} 'pause'`);
    expect(answer(job, 'resume')).toBe(`${refused} 'resume'`);
    expect(job.state.ioStatus).toBe('failed');
  });
});
