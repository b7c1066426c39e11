/** H1 to H11: somebody waits for what never comes. */

import { scenario } from '../scenario.ts';
import type { Exhibit } from './exhibit.ts';
import { AT_ONCE, BLOCKING, FINE, SIMPLE, TARGET_FAILS, write } from './parts.ts';

export const HANGS: readonly Exhibit[] = [
  {
    name: 'H1-wait-for-self',
    id: 'H1',
    wing: 'hangs',
    title: 'an operation that needs room waits for itself',
    story: `All buffers were in use when a copy came that needed more of them. It was to wait
      for some other operation to end, and took the first in the list of those that have begun.
      That was the copy itself, which stood in the list already and had not got as far as its
      first request. It waited for ever, and the job with it. A first repair was taken back; the
      good one has operations wait only for those that are really in flight.`,
    fix: {
      commit: 'ce8cabbd17',
      subject: 'mirror: Wait only for in-flight operations',
      year: 2020,
    },
    argued: 'jobs/mirror/copier.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: 'const sent = await pair.copyClaimed(range, buffer, goOn);',
        replace: `if (this.#buffers.isEmpty) {
                const [first] = pair.claims.ranges;
                await pair.claims.holding(first, () => {});
            }
            const sent = await pair.copyClaimed(range, buffer, goOn);`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'room for one copy only',
      mirror: { granularity: 512, bufSize: 512 },
      guest: { requests: [] },
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 3,
  },
  {
    name: 'H2-active-active-cycle',
    id: 'H2',
    wing: 'hangs',
    title: 'two writes of the guest wait for each other',
    story: `A guest write that goes to both disks stands in the list of operations before it
      begins, and then waits until none in the list overlaps it. One was in flight; two others
      overlapped it and each other, and waited. When the first was done, each of the two found the
      other one in the list, and waited for that. Neither had begun, so neither ended: the guest's
      requests hung. It takes three overlapping writes at a time.`,
    fix: {
      commit: 'd44dae1a7c',
      subject: 'block/mirror: fix active mirror dead-lock in mirror_wait_on_conflicts',
      year: 2021,
    },
    argued: 'sync/range-lock.ts',
    mutation: [
      {
        file: 'sync/range-lock.js',
        find: 'earlier.blocked.push(claim); claim.blockers += 1;',
        replace: `earlier.blocked.push(claim);
            claim.blockers += 1;
            if (earlier.blockers > 0) {
                claim.blocked.push(earlier);
                earlier.blockers += 1;
            }`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'three writes to one place at a time',
      sectors: 1,
      mirror: { ...FINE, ...BLOCKING },
      guest: { requests: [write(0), write(0), write(0)], depth: 3, overlap: true },
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 44,
  },
  {
    name: 'H3-slot-waits-on-active-write',
    id: 'H3',
    wing: 'hangs',
    title: 'a copy waits for a guest write that waits for the copy',
    story: `A copy that had to wait for a free slot waited for any operation in the list,
      whatever its kind. It had claimed its range already. A guest write to the same range stood
      in the list, waiting for that claim: the copy waited for the write and the write for the
      copy. In another form the copy latched on to guest writes that kept coming, one after the
      other, under a slow target, and never went on.`,
    fix: {
      commit: 'd69a879bdf',
      subject: 'block/mirror: Do not wait for active writes',
      year: 2022,
    },
    argued: 'sync/range-lock.ts',
    mutation: [
      {
        file: 'jobs/mirror/pair.js',
        find: "await this.attempt('write', () => this.put(this.target, offset, bytes));",
        replace: `const last = [...this.claims.ranges].at(-1);
        if (last.blockers > 0)
            await this.claims.holding(last, () => {});
        await this.attempt('write', () => this.put(this.target, offset, bytes));`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a write to both disks where a copy is under way',
      sectors: 1,
      mirror: { ...FINE, ...BLOCKING },
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 21,
  },
  {
    name: 'H4-drain-waits-for-job',
    id: 'H4',
    wing: 'hangs',
    title: 'a drain waits for a job to pause that has come to its end',
    story: `A drain asks the jobs on its disks to rest, and looks again and again whether they
      do. The job was in its own last drain, on the way out, and passed no pause point any more:
      it had no requests in flight, yet never said that it rested. The drain waited for the job,
      for ever. Since then a job that is leaving counts as quiet.`,
    fix: {
      subject: 'mirror: Confirm we are quiesced only if the job is paused or cancelled',
      year: 2019,
    },
    argued: 'jobs/job.ts',
    mutation: [
      {
        file: 'jobs/job.js',
        find: 'if (this.#isOver) return true; if (this.#work',
        replace: 'if (this.#work',
      },
      {
        file: 'jobs/job.js',
        find: "return this.#atPausePoint || !isAtWork || this.#verdict !== 'open';",
        replace: "return this.#atPausePoint || (!isAtWork && this.#status === 'created');",
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a drain while the job ends',
      verbs: [{ verb: 'complete' }, { verb: 'drain', from: 'pending' }, { verb: 'finalize' }],
      mirror: { ...FINE, autoFinalize: false },
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 2,
  },
  {
    name: 'H5-quit-with-dead-target',
    id: 'H5',
    wing: 'hangs',
    title: 'to quit waits for a target that does not answer',
    story: `When the program was told to quit, it cancelled its jobs in the gentle way. A mirror
      that was ready took that as a request to end well: it had to bring source and target
      together once more, over a target that was slow or dead. QEMU did not exit, and its users
      killed it. Since 2021 the end of the program cancels by force.`,
    fix: {
      commit: 'mirror: Handle errors after READY cancel',
      subject: 'job: Force-cancel jobs on shutdown',
      year: 2021,
    },
    argued: 'machine/machine.ts',
    mutation: [
      {
        file: 'machine/machine.js',
        find: 'job.cancel({ force: true });',
        replace: 'job.cancel({ force: false });',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'to quit while the target does not answer',
      sectors: 1,
      verbs: [{ verb: 'quit', from: 'guest done' }],
      faults: [{ type: 'stall', disk: 'target', operations: ['write'], times: 1, until: 'never' }],
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 363,
  },
  {
    name: 'H6-endless-error-loop',
    id: 'H6',
    wing: 'hangs',
    title: 'a cancelled job that meets an error neither pauses nor ends',
    story: `A ready job was cancelled in the gentle way, and was to bring both disks together
      once more. Then the target failed, and the policy said to stop. But a pause point let a job
      pass that was cancelled, since such a job was about to end; and this one did not end, since
      it was not yet done. It tried again at once, failed again, and told of thousands of errors a
      second. It could even become ready a second time.`,
    fix: {
      commit: 'mirror: Handle errors after READY cancel',
      subject: 'job: Add job_cancel_requested()',
      year: 2021,
    },
    argued: 'jobs/job.ts',
    mutation: [
      {
        file: 'jobs/job.js',
        find: 'return this.#userPause !== undefined || this.#drains > 0;',
        replace: `const isLeaving = this.#ending === 'cancel';
        return (this.#userPause !== undefined && !isLeaving) || this.#drains > 0;`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'an error behind a cancel',
      sectors: 1,
      mirror: { ...FINE, onTargetError: 'stop' },
      guest: { requests: [write(0, 'ready')] },
      verbs: [{ verb: 'cancel', from: 'ready' }],
      faults: [TARGET_FAILS],
    }),
    finds: ['I13 paused is at rest', 'I17 everything ends'],
    swarmMedian: 698,
  },
  {
    name: 'H7-cancel-leaves-active-writes',
    id: 'H7',
    wing: 'hangs',
    title: "a forced cancel does not free the guest's writes from the target",
    story: `The target hung, and with it every write of the guest, which completes when both
      disks have it. The operator did what there is for that: cancelled the job by force. The job
      stopped its own copies, but the guest's writes still went to the target, and those in flight
      still waited for it. So did the guest, until the storage came back or somebody pulled the
      plug.`,
    fix: {
      commit: 'mirror: Handle errors after READY cancel',
      subject: 'mirror: Stop active mirroring after force-cancel',
      year: 2021,
    },
    argued: 'jobs/mirror/guest-writes.ts',
    mutation: [
      {
        file: 'jobs/mirror/mirror.js',
        find: 'pair.giveUp(); guestWrites.giveUp();',
        replace: 'pair.giveUp();',
      },
      {
        file: 'jobs/mirror/pair.js',
        find: 'if (!this.#isActive || !this.#isOpen || isCancelled || isStopped)',
        replace: 'if (!this.#isActive || !this.#isOpen || isStopped)',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a target that never answers, and a forced cancel',
      sectors: 1,
      target: { stages: 1, cancels: false },
      mirror: { ...FINE, ...BLOCKING },
      verbs: [{ verb: 'cancel-force' }],
      faults: [{ type: 'stall', disk: 'target', operations: ['write'], times: 1, until: 'never' }],
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 557,
  },
  {
    name: 'H8-resume-does-not-kick',
    id: 'H8',
    wing: 'hangs',
    title: 'a job that is resumed is not woken',
    story: `Whether to wake a job that is resumed was a matter of taste: if it sleeps for its
      speed limit, it must not be woken early, or the limit is lost; so it was only woken when no
      timer was pending. A job that had paused out of a sleep without a timer then slept on.
      Nothing had asked it to wake up, and it went on being "running" and doing nothing.`,
    fix: { subject: 'job: when to enter a job that is resumed or no longer drained' },
    argued: 'jobs/job.ts',
    mutation: [
      {
        file: 'jobs/job.js',
        find: `this.#ioStatus = 'ok';
        this.#userPause = undefined;
        this.wake();
    }`,
        replace: `this.#ioStatus = 'ok';
        this.#userPause = undefined;
    }`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a pause and a resume',
      sectors: 1,
      guest: { requests: [] },
      verbs: [{ verb: 'pause' }, { verb: 'resume' }, { verb: 'complete' }],
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 5,
  },
  {
    name: 'H9-complete-enters-paused-job',
    id: 'H9',
    wing: 'hangs',
    title: 'a complete makes a paused job go on',
    story: `A ready job was paused by its user and told to complete, which is allowed: it is to
      do so once it is resumed. The command woke the job as it wakes any other one; the job came
      out of its sleep in the pause point, went on, copied and switched the guest while it still
      counted as paused. Assertions about its state failed, or it worked behind the back of the
      user, who had reasons to stop it.`,
    fix: { subject: 'mirror: Do not enter a paused job on completion', year: 2021 },
    argued: 'jobs/job.ts',
    mutation: [
      {
        file: 'jobs/job.js',
        find: 'return this.#userPause !== undefined || this.#drains > 0;',
        replace: `const isLeaving = this.#ending === 'complete';
        return (this.#userPause !== undefined && !isLeaving) || this.#drains > 0;`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a complete during a pause',
      sectors: 1,
      verbs: [{ verb: 'pause', from: 'ready' }, { verb: 'complete' }, { verb: 'resume' }],
    }),
    finds: ['I13 paused is at rest'],
    swarmMedian: 14,
  },
  {
    name: 'H10-wake-before-wait',
    id: 'H10',
    wing: 'hangs',
    title: 'the wake-up comes before anybody waits for it',
    story: `The loop looked whether there was anything to do, found nothing, did something else
      that took a moment, and then went to sleep. What it waited for happened in that moment: the
      wake-up went to nobody, and was lost. Between two threads that moment is a missing lock or
      barrier; here it is a timer between the look and the sleep. The last copy ends within it,
      and the job sleeps for ever.`,
    fix: {
      commit: '302823854b',
      subject: 'lock and wake-up order between iothread and main loop',
      year: 2023,
    },
    argued: 'sync/alarm.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: `if (!this.#startNext())
            return this.#control.sleep();`,
        replace: `if (!this.#startNext()) {
            await new Promise((resolve) => this.#env.clock.after(1, resolve));
            return this.#control.sleep();
        }`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a copy that ends at a bad moment',
      guest: { requests: [] },
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 6,
  },
  {
    name: 'H11-wake-before-release',
    id: 'H11',
    wing: 'hangs',
    title: 'waiters are woken before what they wait for is free',
    story: `Nobody has had this, but everybody could: the end of a copy first wakes those who
      wait and then gives back its claim, its buffer and its slot. Who was woken looks, finds all
      of it taken, and goes back to sleep; and that was the last wake-up. In QEMU's words: release
      precedes wake, and who waits looks again in a loop.`,
    argued: 'jobs/mirror/copier.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: `pair.claims.release(claim);
        this.#buffers.give(buffer);
        this.#inFlight -= 1;`,
        replace: `this.#control.wake();
        await this.#env.clock.turn();
        pair.claims.release(claim);
        this.#buffers.give(buffer);
        this.#inFlight -= 1;`,
      },
      {
        file: 'jobs/mirror/copier.js',
        find: `void this.#tryFlush();
        this.#control.wake();`,
        replace: 'void this.#tryFlush();',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'copies that wait for a buffer',
      source: AT_ONCE,
      mirror: { granularity: 512, bufSize: 512 },
      guest: { requests: [] },
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 2,
  },
];
