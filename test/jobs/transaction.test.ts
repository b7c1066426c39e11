/** Jobs that count together or not at all (QEMU's test-blockjob-txn, and job.c). */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { Job } from '../../src/jobs/job.ts';
import { JobTransaction } from '../../src/jobs/transaction.ts';
import type { JobControl, JobOptions, JobWork } from '../../src/jobs/work.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Deferred, deferred, settle } from '../support/settle.ts';

const failure = new BlockError('EIO', 'write', 'broken');
const END = {
  completed: ['BLOCK_JOB_COMPLETED', 'concluded', 'null'],
  cancelled: ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'],
  failed: ['aborting', 'BLOCK_JOB_COMPLETED', 'concluded', 'null'],
};

/** A job of a transaction, whose work ends when the test says so. */
interface Member {
  readonly job: Job;
  readonly told: string[];
  /** Ends the work, well or not. */
  readonly end: Deferred<void>;
}

/** Jobs of one transaction; events of all, as `a:waiting`. */
class TransactionRig {
  readonly transaction = new JobTransaction();
  readonly order: string[] = [];
  onTold: (word: string) => void = () => {};

  add(id: string, options: Partial<JobOptions> = {}): Member {
    const end = deferred();
    const told: string[] = [];
    const job = new Job({
      id,
      type: 'mirror',
      speed: 0,
      clock: new FakeClock(),
      transaction: this.transaction,
      onEvent: (event) => {
        const word = event.event === 'JOB_STATUS_CHANGE' ? event.data.status : event.event;
        told.push(word);
        this.order.push(`${id}:${word}`);
        this.onTold(`${id}:${word}`);
      },
      ...options,
    });
    return { job, told, end };
  }

  /** Adds a job, and starts it. */
  start(id: string, options: Partial<JobOptions> = {}): Member {
    const member = this.add(id, options);
    begin(member);
    return member;
  }
}

function begin({ job, end }: Member): void {
  const run = async (control: JobControl) => {
    let isDone = false;
    const wake = () => {
      isDone = true;
      control.wake();
    };
    void end.promise.then(wake, wake);
    for (;;) {
      control.leaveIfCancelled();
      if (isDone) break;
      await control.sleep();
    }
    await end.promise;
    await control.settle();
  };
  const progress = () => ({ offset: 0, len: 0 });
  const work: JobWork = { inFlight: 0, run, progress, setSpeed() {}, giveUp() {} };
  job.start(work);
}

async function ends(...members: Member[]): Promise<readonly string[]> {
  const outcomes = await Promise.all(members.map(({ job }) => job.finished));
  return outcomes.map(({ status }) => status);
}

describe('a transaction', () => {
  it('of one is a job by itself', async () => {
    const rig = new TransactionRig();
    const one = rig.start('a');
    one.end.resolve();
    expect(await ends(one)).toEqual(['completed']);
    expect(one.told).toEqual(['created', 'running', 'waiting', 'pending', ...END.completed]);
  });

  it('has those who are done wait, and all become pending when the last one is', async () => {
    const rig = new TransactionRig();
    const [a, b, c] = [rig.start('a'), rig.start('b'), rig.start('c')];
    b.end.resolve();
    await settle();
    a.end.resolve();
    await settle();
    expect([a, b, c].map(({ job }) => job.status)).toEqual(['waiting', 'waiting', 'running']);
    c.end.resolve();
    expect(await ends(a, b, c)).toEqual(['completed', 'completed', 'completed']);
    const pending = rig.order.findIndex((word) => word.endsWith(':pending'));
    expect(rig.order.slice(pending - 1, pending + 3)).toEqual([
      'c:waiting',
      'a:pending',
      'b:pending',
      'c:pending',
    ]);
  });

  it('completes nobody before all are pending', async () => {
    const rig = new TransactionRig();
    const members = [rig.start('a'), rig.start('b')];
    for (const { end } of members) end.resolve();
    await ends(...members);
    const completed = rig.order.findIndex((word) => word.endsWith('BLOCK_JOB_COMPLETED'));
    expect(rig.order.slice(0, completed)).toEqual(
      expect.arrayContaining(['a:pending', 'b:pending']),
    );
  });
});

describe('a member that fails', () => {
  it('cancels one that is running by force', async () => {
    const rig = new TransactionRig();
    const [a, b] = [rig.start('a'), rig.start('b')];
    a.end.reject(failure);
    expect(await ends(a, b)).toEqual(['failed', 'cancelled']);
    expect(a.told).toEqual(['created', 'running', ...END.failed]);
    expect(b.told).toEqual(['created', 'running', ...END.cancelled]);
  });

  it('cancels one that waits', async () => {
    const rig = new TransactionRig();
    const [a, b] = [rig.start('a'), rig.start('b')];
    b.end.resolve();
    await settle();
    a.end.reject(failure);
    expect(await ends(a, b)).toEqual(['failed', 'cancelled']);
    expect(b.told).toEqual(['created', 'running', 'waiting', ...END.cancelled]);
  });

  it('cancels one that was asked to cancel softly, by force', async () => {
    const rig = new TransactionRig();
    const a = rig.start('a');
    const b = rig.add('b');
    b.job.start({
      inFlight: 0,
      run: async (control) => {
        control.ready();
        // It never meets again, as with a guest that is too fast.
        for (;;) {
          await control.sleep();
          control.leaveIfCancelled();
        }
      },
      progress: () => ({ offset: 0, len: 0 }),
      setSpeed() {},
      giveUp() {},
    });
    b.job.cancel({ force: false });
    a.end.reject(failure);
    expect(await ends(a, b)).toEqual(['failed', 'cancelled']);
  });

  it('cancels all others, and fails alone', async () => {
    const rig = new TransactionRig();
    const [a, b, c] = [rig.start('a'), rig.start('b'), rig.start('c')];
    b.end.reject(failure);
    expect(await ends(a, b, c)).toEqual(['cancelled', 'failed', 'cancelled']);
    expect(await b.job.finished).toEqual({ status: 'failed', error: failure });
  });

  it('is aborting before the others are cancelled: the cause is told first', async () => {
    const rig = new TransactionRig();
    const [a, b] = [rig.start('a'), rig.start('b')];
    const cancelled: boolean[] = [];
    rig.onTold = () => cancelled.push(b.job.isCancelled);
    a.end.reject(failure);
    await ends(a, b);
    expect(rig.order.slice(4, 6)).toEqual(['a:aborting', 'a:BLOCK_JOB_COMPLETED']);
    expect(cancelled.slice(0, 2)).toEqual([false, true]);
  });

  it('cancels one that is still to be started', async () => {
    const rig = new TransactionRig();
    const [a, b] = [rig.start('a'), rig.add('b')];
    a.end.reject(failure);
    await a.job.finished;
    begin(b);
    expect(await ends(b)).toEqual(['cancelled']);
    expect(b.told).toEqual(['created', 'running', ...END.cancelled]);
  });

  it('before it is started, which is without a trace of its own, cancels the others', async () => {
    const rig = new TransactionRig();
    const [a, b] = [rig.start('a'), rig.add('b')];
    a.end.resolve();
    await settle();
    expect(a.job.status).toBe('waiting');
    b.job.discard();
    expect(await ends(a)).toEqual(['cancelled']);
    expect(b.told).toEqual(['created', 'null']);
  });

  it('leaves no way into the transaction', async () => {
    const rig = new TransactionRig();
    const a = rig.start('a');
    a.end.reject(failure);
    await a.job.finished;
    expect(() => rig.add('b')).toThrow(
      expect.objectContaining({ code: 'EPERM', message: expect.stringContaining('is over') }),
    );
    expect(rig.order.filter((word) => word.startsWith('b:'))).toEqual([]);
  });
});

describe('finalizing one member', () => {
  it('finalizes all', async () => {
    const rig = new TransactionRig();
    const members = ['a', 'b', 'c'].map((id) => rig.start(id, { autoFinalize: false }));
    for (const { end } of members) end.resolve();
    await settle();
    expect(members.map(({ job }) => job.status)).toEqual(['pending', 'pending', 'pending']);
    members[1]?.job.finalize();
    expect(await ends(...members)).toEqual(['completed', 'completed', 'completed']);
  });

  it('is needed when any member is not finalized by itself', async () => {
    const rig = new TransactionRig();
    const [a, b] = [rig.start('a'), rig.start('b', { autoFinalize: false })];
    for (const { end } of [a, b]) end.resolve();
    await settle();
    expect([a, b].map(({ job }) => job.status)).toEqual(['pending', 'pending']);
    // Only who has to be finalized says that it waits for that.
    expect(a.told).not.toContain('BLOCK_JOB_PENDING');
    expect(b.told.at(-1)).toBe('BLOCK_JOB_PENDING');
    // QEMU's verb is for the status, so the other one may be named as well.
    a.job.finalize();
    expect(await ends(a, b)).toEqual(['completed', 'completed']);
  });

  it('is refused while one waits for another', async () => {
    const rig = new TransactionRig();
    const [a, b] = [rig.start('a'), rig.start('b')];
    a.end.resolve();
    await settle();
    expect(() => a.job.finalize()).toThrow(
      "Job 'a' in state 'waiting' cannot accept command verb 'finalize'",
    );
    b.end.resolve();
    expect(await ends(a, b)).toEqual(['completed', 'completed']);
  });

  it('is refused for one that is about to be pending, and then does nothing', async () => {
    const rig = new TransactionRig();
    const [a, b] = [
      rig.start('a', { autoFinalize: false }),
      rig.start('b', { autoFinalize: false }),
    ];
    rig.onTold = (word) => {
      if (word === 'a:pending') expect(() => b.job.finalize()).toThrow("in state 'waiting'");
    };
    for (const { end } of [a, b]) end.resolve();
    await settle();
    expect([a, b].map(({ job }) => job.status)).toEqual(['pending', 'pending']);
    a.job.cancel({ force: true });
    expect(await ends(a, b)).toEqual(['cancelled', 'cancelled']);
  });
});

describe('a cancel', () => {
  it.each([false, true])('of a member that waits cancels all; by force: %s', async (force) => {
    const rig = new TransactionRig();
    const [a, b] = [rig.start('a'), rig.start('b')];
    a.end.resolve();
    await settle();
    a.job.cancel({ force });
    expect(await ends(a, b)).toEqual(['cancelled', 'cancelled']);
    expect(a.told.slice(2)).toEqual(['waiting', ...END.cancelled]);
    expect(b.told.slice(2)).toEqual(END.cancelled);
  });

  it.each([false, true])('of a pending member cancels all; by force: %s', async (force) => {
    const rig = new TransactionRig();
    const members = ['a', 'b'].map((id) => rig.start(id, { autoFinalize: false }));
    for (const { end } of members) end.resolve();
    await settle();
    members[0]?.job.cancel({ force });
    expect(await ends(...members)).toEqual(['cancelled', 'cancelled']);
    for (const { told } of members) {
      expect(told.slice(2)).toEqual(['waiting', 'pending', 'BLOCK_JOB_PENDING', ...END.cancelled]);
    }
  });

  it('of one pending member, and a finalize of the other at once: none counts', async () => {
    const rig = new TransactionRig();
    const [a, b] = [
      rig.start('a', { autoFinalize: false }),
      rig.start('b', { autoFinalize: false }),
    ];
    for (const { end } of [a, b]) end.resolve();
    await settle();
    a.job.cancel({ force: true });
    b.job.finalize();
    expect(await ends(a, b)).toEqual(['cancelled', 'cancelled']);
  });

  it.each(['a:waiting', 'b:waiting', 'a:pending', 'b:pending'])(
    'in answer to %s never lets the other one count alone',
    async (moment) => {
      for (const victim of ['a', 'b']) {
        const rig = new TransactionRig();
        const members = new Map([
          ['a', rig.start('a')],
          ['b', rig.start('b')],
        ]);
        rig.onTold = (word) => {
          if (word === moment) members.get(victim)?.job.cancel({ force: true });
        };
        for (const { end } of members.values()) end.resolve();
        expect(await ends(...members.values())).toEqual(['cancelled', 'cancelled']);
      }
    },
  );

  it('after the result counts changes nothing', async () => {
    const rig = new TransactionRig();
    const [a, b] = [
      rig.start('a', { autoFinalize: false }),
      rig.start('b', { autoFinalize: false }),
    ];
    for (const { end } of [a, b]) end.resolve();
    await settle();
    a.job.finalize();
    b.job.cancel({ force: true });
    expect(await ends(a, b)).toEqual(['completed', 'completed']);
  });
});
