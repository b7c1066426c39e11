/** B9 to B16: wrong ranges, wrong assumptions, and what becomes of a request that fails. */

import { scenario } from '../scenario.ts';
import type { Exhibit } from './exhibit.ts';
import { AT_ONCE, BLOCKING, COARSE, ONE_COPY, SIMPLE, TARGET_FAILS, write } from './parts.ts';

export const STALE_DATA: readonly Exhibit[] = [
  {
    name: 'B9-stale-existing-target',
    id: 'B9',
    wing: 'lost data',
    title: 'holes of the source are not copied to a target that has old content',
    story: `For a full copy only what the source has allocated was marked; what it has not reads
      as zeroes, and so does a new image. But the target may exist already, full of what it was
      used for before. The holes of the source kept that content on the target, and after the
      switch the guest found garbage where it had zeroes. It was mended twice: once for existing
      images, and again for new ones of formats that preallocate.`,
    fix: {
      commit: '5279efebcf',
      subject: 'block: mirror - fix full sync mode when target does not support zero init',
      year: 2015,
    },
    argued: 'jobs/mirror/plan.ts',
    mutation: [
      {
        file: 'jobs/mirror/plan.js',
        find: 'settings.targetIsZero || (await readsAsZero(options)) || (await zeroFast(options))',
        replace: 'true',
      },
    ],
    world: scenario({
      name: 'a hole, and a target that was used before',
      source: { stages: 1, operations: ['blockStatus'], zeroSectors: [1] },
      target: AT_ONCE,
    }),
    finds: ['I1 clean ranges are equal', 'I7 ready is true'],
    swarmMedian: 8,
  },
  {
    name: 'B10-bitmap-range-queries',
    id: 'B10',
    wing: 'lost data',
    title: 'a search of the bitmap passes over what is dirty',
    story: `Asked for the state of a range that began dirty, the bitmap answered "clean"
      whenever a clean granule followed within the range. Whoever goes by such answers skips what
      is dirty; a filtered backup did. The mirror itself walks with an iterator; here the same
      slip is put into the search for the next dirty range, which does not find the last granule
      of the disk. The mirror then waits for ever for the dirty count to become 0.`,
    fix: {
      commit: 'a4d5224c2c',
      subject: 'hbitmap: fix hbitmap_status() return value for first dirty bit case',
      year: 2023,
    },
    argued: 'bitmap/dirty-bitmap.ts',
    mutation: [
      {
        file: 'bitmap/dirty-bitmap.js',
        find: `if (first === this.#bits.length)
            return undefined;
        const endMax`,
        replace: `if (first >= this.#bits.length - 1)
            return undefined;
        const endMax`,
      },
    ],
    world: scenario({ ...SIMPLE, name: 'a last granule that is dirty', guest: { requests: [] } }),
    finds: ['I17 everything ends'],
    swarmMedian: 2,
  },
  {
    name: 'B11-rounding-inward-on-failure',
    id: 'B11',
    wing: 'lost data',
    title: 'a failed write to the target marks whole granules only',
    story: `This is B3 turned round, and nobody has had it yet. In write-blocking mode a write
      that covers a part of a clean granule goes to both disks. On the target it fails, so what it
      touched has to be marked for the background; rounded inward, as the clear is, that is
      nothing. The error policy says to go on, the granule is clean, and the two disks differ in
      it.`,
    argued: 'jobs/mirror/guest-writes.ts',
    mutation: [
      {
        file: 'jobs/mirror/guest-writes.js',
        find: `catch (error) {
            dirty.mark(write.offset, write.length);
            if (!(error`,
        replace: `catch (error) {
            const whole = this.#pair.inside(write);
            dirty.mark(whole.offset, whole.length);
            if (!(error`,
      },
    ],
    world: scenario({
      name: 'a write to a part of a granule that fails on the target',
      source: AT_ONCE,
      target: AT_ONCE,
      mirror: { ...COARSE, ...BLOCKING, onTargetError: 'ignore' },
      guest: { requests: [write(0, 'ready')] },
      faults: [TARGET_FAILS],
    }),
    finds: ['I1 clean ranges are equal', 'I3 acknowledged changes are dirty or copied'],
    swarmMedian: 365,
  },
  {
    name: 'B12-dirty-at-submit',
    id: 'B12',
    wing: 'lost data',
    title: 'a write marks its range when it begins, and not when it ends',
    story: `The classic. The guest's write marked its granule and went to the disk; while it was
      on its way the copy came by, cleared the mark and read the old bytes. Then the write took
      effect. Nothing told the mirror to come again: the granule was clean and the target old. A
      mark has to come after the effect and before the guest is told, so that whoever clears it
      reads what it stands for.`,
    argued: 'jobs/mirror/pair.ts',
    mutation: [
      {
        file: 'block/node.js',
        find: 'this.#inFlight += 1; let result;',
        replace: `this.#inFlight += 1;
        if (changed > 0) {
            for (const bitmap of this.#bitmaps)
                if (bitmap !== unmarked)
                    bitmap.mark(offset, changed);
        }
        let result;`,
      },
      {
        file: 'block/node.js',
        find: `if (changed > 0) {
            for (const bitmap of this.#bitmaps)
                if (bitmap !== unmarked)
                    bitmap.mark(offset, changed);
        }
        this.#inFlight -= 1;`,
        replace: 'this.#inFlight -= 1;',
      },
    ],
    world: scenario({ ...SIMPLE, name: 'a write and a copy of one granule', sectors: 1 }),
    finds: [
      'I1 clean ranges are equal',
      'I3 acknowledged changes are dirty or copied',
      'I7 ready is true',
    ],
    swarmMedian: 17,
  },
  {
    name: 'B13-failed-write-not-dirtied',
    id: 'B13',
    wing: 'lost data',
    title: 'a write that failed marks nothing',
    story: `A write of the guest failed on the source, having taken effect in whole or in part:
      the guest is told of an error, and knows that the range may hold the old bytes or the new
      ones. Nothing marked it, for nothing was written. So the source may hold the new bytes and
      the target the old: the guest reads the new ones, is switched, and reads the old ones again,
      as no disk does that has decided once. QEMU marks regardless of the result in background
      mode; in write-blocking mode it still does not.`,
    argued: 'jobs/mirror/guest-writes.ts',
    mutation: [
      {
        file: 'block/node.js',
        find: `}, (error) => {
                this.#end(offset, changed);
                throw error;`,
        replace: `}, (error) => {
                this.#end(offset, 0);
                throw error;`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a write that fails, having been made',
      sectors: 1,
      guest: { requests: [write(0, 'ready')] },
      faults: [
        {
          type: 'error',
          disk: 'source',
          operations: ['write'],
          code: 'EIO',
          times: 1,
          applied: ['all'],
        },
      ],
    }),
    finds: ['I1 clean ranges are equal'],
    swarmMedian: 121,
  },
  {
    name: 'B15-pause-then-no-recheck',
    id: 'B15',
    wing: 'lost data',
    title: 'a copy is chosen, the job pauses, and the copy is made unseen',
    story: `The background waits until nobody has claimed the granule that it wants to copy
      next, and then comes to a pause point; after the pause it does not look again. The user
      pauses the job just while it waits. During the pause the guest writes to the granule, and
      the write goes to both disks. The job is resumed while that is under way: it reads the old
      bytes from the source and is the last to write to the target. QEMU has this order of things
      to this day; it takes a pause, write-blocking mode and writes that meet.`,
    argued: 'jobs/mirror/copier.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: `if (!this.#startNext())
            return this.#control.sleep();`,
        replace: `if (!this.#startNext()) {
            const range = this.#pair.dirty.nextDirty(0, this.#bufferLength);
            if (!range || this.#inFlight > 0)
                return this.#control.sleep();
            await this.#pair.claims.holding(range, () => {});
            await this.#control.pausePoint();
            void this.#copy(range, this.#buffers.take(range.length), false);
            return;
        }`,
      },
      {
        file: 'sync/range-lock.js',
        find: 'return this.isBusy(range) ? undefined : this.#add(range);',
        replace: 'return this.#add(range);',
      },
    ],
    world: scenario({
      name: 'a pause while the copy waits for a write of the guest',
      source: AT_ONCE,
      target: AT_ONCE,
      sectors: 4,
      mirror: { ...ONE_COPY, ...BLOCKING },
      guest: { requests: [write(2), write(2, 'any', 2)], depth: 1 },
      verbs: [{ verb: 'pause' }, { verb: 'resume' }, { verb: 'complete' }],
    }),
    finds: ['I1 clean ranges are equal', 'I3 acknowledged changes are dirty or copied'],
  },
  {
    name: 'B16-tail',
    id: 'B16',
    wing: 'lost data',
    title: 'the last granule is copied as if it were whole',
    story: `A disk need not end where a granule does. The last copy was as long as a granule,
      beyond the end of both disks: it failed with an I/O error, or the buffers given for it were
      longer than the request, or, where the count of granules was rounded down, the end was never
      copied at all. All it takes is a disk of one granule and a half. (Here the bitmap is the
      first to refuse such a range.)`,
    fix: { subject: 'mirror: Fix qiov size for short requests', year: 2014 },
    argued: 'jobs/mirror/pair.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: 'const range = this.#pair.around(found);',
        replace: `const { granularity } = dirty;
            const length = alignDown(found.length + granularity - 1, granularity);
            const range = { offset: found.offset, length };`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a disk of a granule and a half',
      sectors: 3,
      mirror: COARSE,
      guest: { requests: [] },
    }),
    finds: ['the program is right about itself', 'errors have a cause', 'I15 within the disk'],
    swarmMedian: 2,
  },
];
