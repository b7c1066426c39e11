/** E10 to E17: sizes, counts and flushes. */

import { scenario } from '../scenario.ts';
import type { Exhibit } from './exhibit.ts';
import { AT_ONCE, BLOCKING, FINE, SIMPLE, TARGET_FAILS, write } from './parts.ts';

export const WRONG_NUMBERS: readonly Exhibit[] = [
  {
    name: 'E10-size-mismatch',
    id: 'E10',
    wing: 'wrong status',
    title: 'a target of another size is taken',
    story: `Nobody compared the sizes. With a target that was too small the job failed in the
      end, at the first write that had no place; with one that was too large it completed, and the
      guest found itself on a disk that had grown, with whatever the target had held there. Images
      whose size was rounded up when they were made are all it took.`,
    fix: { subject: 'mirror: Make sure that source and target size match', year: 2020 },
    argued: 'jobs/mirror/checks.ts',
    mutation: [
      {
        file: 'jobs/mirror/mirror.js',
        find: 'if (source.size !== target.size) throw sizesDiffer(this.#context);',
        replace: '',
      },
    ],
    world: scenario({
      name: 'a target that is too large',
      source: AT_ONCE,
      target: { stages: 1, sectors: 3 },
    }),
    finds: ['I9 completed is equal'],
    swarmMedian: 39,
  },
  {
    name: 'E11-empty-image',
    id: 'E11',
    wing: 'wrong status',
    title: 'an empty disk never becomes ready',
    story: `A disk of no bytes has nothing to copy, and ready came behind the first copy. So the
      job of an empty disk never got there, or divided by its length to tell how far it was. It
      sounds like nothing, but images are made empty and grown later, and a machine with one of
      them could not be moved.`,
    fix: { subject: 'mirror: fix zero-length images', year: 2014 },
    argued: 'jobs/mirror/copier.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: 'return this.#pair.remaining === 0 && this.#inFlight === 0;',
        replace: `return this.#pair.remaining === 0 && this.#inFlight === 0
            && this.#pair.copied > 0;`,
      },
    ],
    world: scenario({ ...SIMPLE, name: 'a disk of no bytes', sectors: 0, guest: { requests: [] } }),
    finds: ['I17 everything ends'],
    swarmMedian: 5,
  },
  {
    name: 'E12-buffer-limits',
    id: 'E12',
    wing: 'wrong status',
    title: 'the buffers are smaller than one operation needs',
    story: `The user asked for buffers of less than what is copied at once: a cluster of the
      target, or a request of more pieces than the system takes. Nothing raised the former or cut
      the latter. The job failed with "invalid argument", or its first copy waited for buffers
      that did not exist and never would.`,
    fix: { subject: 'mirror: correct buf_size; limit qiov to IOV_MAX elements', year: 2015 },
    argued: 'jobs/mirror/copier.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: 'const count = Math.min(COPIES_MAX, Math.floor(bufSize / length));',
        replace: 'const count = Math.min(COPIES_MAX, Math.floor(bufSize / TRANSFER_MAX));',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'buffers of one granule',
      sectors: 1,
      mirror: { granularity: 512, bufSize: 512 },
      guest: { requests: [] },
    }),
    finds: ['I17 everything ends'],
    swarmMedian: 2,
  },
  {
    name: 'E13-filter-without-job',
    id: 'E13',
    wing: 'wrong status',
    title: 'a write comes to the filter before the job is there',
    story: `The filter stood over the source and the guest's writes went through it, but the job
      that it belongs to was still being made, or was gone already. In write-blocking mode it
      asked the job whether to mirror the write, by a pointer to nothing. QEMU crashed, twice in
      two places: at the start with I/O under way, and at the end.`,
    fix: {
      commit: 'da93d5c84e',
      subject: 'block/mirror: fix NULL dereference of the job of the filter',
      year: 2022,
    },
    argued: 'jobs/mirror/pair.ts',
    mutation: [
      {
        file: 'jobs/mirror/pair.js',
        find: 'const { isCancelled = false, isStopped = false } = this.#control ?? {};',
        replace: 'const { isCancelled = false, isStopped = false } = this.#control;',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'writes while the mirror starts',
      sectors: 1,
      start: 'any',
      mirror: { ...FINE, ...BLOCKING },
      guest: { requests: [write(0), write(0)], depth: 2, overlap: true },
    }),
    finds: ['errors have a cause', 'the program is right about itself'],
    swarmMedian: 185,
  },
  {
    name: 'E15-progress-beyond-the-end',
    id: 'E15',
    wing: 'wrong status',
    title: 'bytes are taken off what remains twice',
    story: `How far a job is was counted in several places: by copies, by the zeroing at first,
      by writes of the guest. Some bytes were counted twice, so a job was past 100 %, or became
      ready with its two numbers unlike; some were in no count while they were in flight, so it
      went backwards. Management that takes "offset equals len" for done then switched too early.`,
    fix: { subject: 'mirror: count active writes; do not count the initial zeroing' },
    argued: 'jobs/mirror/pair.ts',
    mutation: [
      {
        file: 'jobs/mirror/pair.js',
        find: 'this.#copying -= end - at;',
        replace: 'this.#copying -= range.length;',
      },
    ],
    world: scenario({ ...SIMPLE, name: 'two copies', guest: { requests: [] } }),
    finds: ['I11 progress adds up'],
    swarmMedian: 2,
  },
  {
    name: 'E16-no-flush',
    id: 'E16',
    wing: 'wrong status',
    title: 'the target is not flushed before the job says that it is done',
    story: `Nobody has had this, and a test of nothing but content would never find it.
      Everything was copied, the job said READY and COMPLETED, the guest went over to the target;
      but the copies were in the cache of the target, and the guest had been told long ago that
      they were flushed, on the source. The power failed, and what had been safe for hours was
      gone.`,
    argued: 'jobs/mirror/mirror.ts',
    mutation: [
      {
        file: 'jobs/mirror/mirror.js',
        find: 'if (!(await copier.flush())) continue;',
        replace: '',
      },
      {
        file: 'jobs/mirror/mirror.js',
        find: '(pair.copied > copied && !(await copier.flush(endMs)))',
        replace: 'false',
      },
    ],
    world: scenario({ ...SIMPLE, name: 'a target with a cache', sectors: 1 }),
    finds: ['I7 ready is true', 'I8 the end is under a drain', 'flushed writes are durable'],
    swarmMedian: 2,
  },
  {
    name: 'E17-flush-error-of-the-source',
    id: 'E17',
    wing: 'wrong status',
    title: 'a failed flush of the target is taken for an error of the source',
    story: `Nobody has had this either. There are two policies, for errors of the source and for
      errors of the target. The flush of the target failed, and went by the wrong one: a user who
      had said "stop" for the target and "report" for the source lost the job, and read in the
      event that the source could not be read.`,
    argued: 'jobs/mirror/copier.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: "await this.#pair.attempt('write', () => this.#pair.target.flush());",
        replace: "await this.#pair.attempt('read', () => this.#pair.target.flush());",
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a flush that fails',
      sectors: 1,
      mirror: { ...FINE, onTargetError: 'stop' },
      guest: { requests: [] },
      faults: [{ ...TARGET_FAILS, operations: ['flush'] }],
    }),
    finds: ['errors have a cause'],
    swarmMedian: 29,
  },
];
