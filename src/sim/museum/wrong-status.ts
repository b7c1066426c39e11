/** E1 to E9: what the job says of itself, and what it does when it is told something. */

import { scenario } from '../scenario.ts';
import type { Exhibit } from './exhibit.ts';
import { BLOCKING, FINE, SIMPLE, TARGET_FAILS, write } from './parts.ts';

/** Nothing to do but to keep to a limit. */
const A_GRANULE_A_SECOND = scenario({
  ...SIMPLE,
  name: 'a granule a second',
  sectors: 6,
  mirror: { ...FINE, speed: 512 },
  guest: { requests: [] },
});

export const WRONG_STATUS: readonly Exhibit[] = [
  {
    name: 'E1-late-cancel-flips-success',
    id: 'E1',
    wing: 'wrong status',
    title: 'a cancel that comes too late makes CANCELLED of a success',
    story: `The work of the job was done and the switch to the target decided; only the last
      formalities were left. A gentle cancel that came then still set the flag "cancelled": the
      job told BLOCK_JOB_CANCELLED, which means that the guest is where it was, and the guest was
      on the target. Whoever managed the machine went on with the wrong disk. Since 2021 a job
      that is done ignores such a cancel; here the verdict falls first, and the switch follows it.`,
    fix: {
      commit: 'mirror: Handle errors after READY cancel',
      subject: 'job: Do not soft-cancel after a job is done',
      year: 2021,
    },
    argued: 'jobs/mirror/mirror.ts',
    mutation: [
      {
        file: 'jobs/mirror/mirror.js',
        find: 'await control.settle();',
        replace: `if (control.ending === 'complete') {
            this.#parts.target.close();
            for (const edge of [...this.#parts.filter.parents])
                edge.redirect(target);
        }
        await control.settle();`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a cancel of a job that is pending',
      sectors: 1,
      mirror: { ...FINE, autoFinalize: false },
      verbs: [{ verb: 'complete' }, { verb: 'cancel', from: 'pending' }],
    }),
    finds: ['the guest is where it should be'],
    swarmMedian: 31,
  },
  {
    name: 'E2-ready-twice',
    id: 'E2',
    wing: 'wrong status',
    title: 'a job becomes ready that is ready already',
    story: `That both disks were in step was a flag that an error reset. When they were in step
      again the job became ready again; but its state table knows no way from ready to ready, so
      QEMU aborted. Whoever listened had heard BLOCK_JOB_READY twice, or thought that the first
      one had been a mistake. Since then the flag is gone: ready is a status, and is reached once.`,
    fix: {
      commit: 'mirror: Handle errors after READY cancel',
      subject: 'mirror: Drop s->synced',
      year: 2021,
    },
    argued: 'jobs/mirror/mirror.ts',
    mutation: [
      {
        file: 'jobs/mirror/mirror.js',
        find: 'await this.#meet(control, copier, () => this.#conclude(control));',
        replace: `await this.#meet(control, copier, async () => {
                control.ready();
                await this.#conclude(control);
            });`,
      },
    ],
    world: scenario({ ...SIMPLE, name: 'a complete', sectors: 1, guest: { requests: [] } }),
    finds: ['the program is right about itself', 'I7 ready is true', 'events in order'],
    swarmMedian: 2,
  },
  {
    name: 'E3-actively-synced-once',
    id: 'E3',
    wing: 'wrong status',
    title: '"actively synced" is set at READY and never again looked at',
    story: `In write-blocking mode the job says of itself that both disks are the same but for
      the writes that are under way. The flag was set when the job became ready. After a write
      that failed on the target it was not true any more, or, where it was reset, never became
      true again; and where the mode was changed later it had never been set. Management that
      waited for it waited for ever, or went on too early.`,
    fix: {
      commit: 'c45d0e1af0',
      subject: 'mirror: set actively_synced even after the job is ready',
      year: 2023,
    },
    argued: 'jobs/mirror/mirror.ts',
    mutation: [
      {
        file: 'jobs/mirror/mirror.js',
        find: 'pair.isActive && this.#phase === 2 && remaining === pair.mirroring;',
        replace: 'pair.isActive && this.#phase === 2;',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a write that fails on the target when the job is ready',
      sectors: 1,
      mirror: { ...FINE, ...BLOCKING, onTargetError: 'ignore' },
      guest: { requests: [write(0, 'ready')] },
      faults: [TARGET_FAILS],
    }),
    finds: ['I16 actively synced is clean'],
    swarmMedian: 55,
  },
  {
    name: 'E5-paused-several-times',
    id: 'E5',
    wing: 'wrong status',
    title: 'each of several errors pauses the job once more',
    story: `Several copies were in flight when the target ran out of space. All of them failed,
      and each failure paused the job by adding one to a count. The user made room and resumed the
      job, which took one off. It stayed paused; a second resume was refused, for the user had not
      paused it twice. There was no way left but to cancel it.`,
    fix: { subject: 'blockjob: fix user pause in block_job_error_action', year: 2019 },
    argued: 'jobs/job.ts',
    mutation: [
      {
        file: 'jobs/job.js',
        find: 'this.#userPause ??=',
        replace: `if (this.#userPause !== undefined)
                this.#drains += 1;
            this.#userPause ??=`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'two copies that fail',
      mirror: { ...FINE, onTargetError: 'stop' },
      guest: { requests: [] },
      faults: [{ ...TARGET_FAILS, code: 'ENOSPC', times: 2 }],
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 512,
  },
  {
    name: 'E6-cancel-of-stopped-job',
    id: 'E6',
    wing: 'wrong status',
    title: 'a forced cancel of a job that an error has stopped does nothing',
    story: `An error had stopped the job, and the user cancelled it by force. The cancel took
      the pause away before it went through what a resume does, so the state of the error was
      never mended: an assertion about it failed, or the job found that it was still stopped and
      slept on. It could neither be resumed, for it was not paused, nor cancelled, for it was
      cancelled.`,
    fix: { subject: 'job: reset the I/O status when a paused job is cancelled', year: 2018 },
    argued: 'jobs/job.ts',
    mutation: [
      {
        file: 'jobs/job.js',
        find: 'while (this.pausing && !this.isCancelled)',
        replace: 'while (this.pausing || this.isStopped)',
      },
      {
        file: 'jobs/job.js',
        find: "this.#verdict = 'cancelled'; this.#ioStatus = 'ok';",
        replace: "this.#verdict = 'cancelled';",
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a forced cancel of a job that an error has stopped',
      sectors: 1,
      mirror: { ...FINE, onTargetError: 'stop' },
      guest: { requests: [] },
      verbs: [{ verb: 'cancel-force' }],
      faults: [TARGET_FAILS],
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 982,
  },
  {
    name: 'E8-rate-limit-bypass',
    id: 'E8',
    wing: 'wrong status',
    title: 'whatever wakes the job ends its wait for the speed limit',
    story: `A job that has used up its speed sleeps until it may go on. The sleep can be cut
      short by many things: a copy that ends, a query, a drain. The job took the end of its sleep
      for the end of its wait, and copied. So a limit of half a megabyte a second held as long as
      nobody looked; with a monitor that polled, the job went as fast as it could.`,
    fix: {
      commit: '018e5987b5',
      subject: 'blockjob: Adhere to rate limit even when reentered early',
      year: 2023,
    },
    argued: 'jobs/mirror/copier.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: 'if (delayMs > 0) return this.#control.sleep(delayMs);',
        replace: 'if (delayMs > 0) await this.#control.sleep(delayMs);',
      },
    ],
    world: A_GRANULE_A_SECOND,
    finds: ['the speed is kept'],
    swarmMedian: 7,
  },
  {
    name: 'E9-rate-floor',
    id: 'E9',
    wing: 'wrong status',
    title: 'what was copied too much in a slice of time is forgotten in the next',
    story: `The limit was counted in slices of 100 milliseconds: at least one granule went in
      each, and what that was too much was not held against the next one. At a limit below a
      granule a slice the job was as fast as one granule a slice all the same, many times what it
      was told. The other way round, waits that did not fall together with slices made it too
      slow.`,
    fix: { subject: 'ratelimit: do not align wait time with slices', year: 2018 },
    argued: 'base/token-bucket.ts',
    mutation: [
      {
        file: 'base/token-bucket.js',
        find: 'this.#level -= amount;',
        replace: 'this.#level = Math.max(this.#level - amount, -this.#capacity());',
      },
    ],
    world: A_GRANULE_A_SECOND,
    finds: ['the speed is kept'],
    swarmMedian: 17,
  },
];
