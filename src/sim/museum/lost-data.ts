/** B1 to B8: the bitmap, the copy and the guest's write come in the wrong order. */

import { scenario } from '../scenario.ts';
import type { Exhibit } from './exhibit.ts';
import { AT_ONCE, BLOCKING, COARSE, FINE, ONE_COPY, SIMPLE, write, zeroes } from './parts.ts';

export const LOST_DATA: readonly Exhibit[] = [
  {
    name: 'B1-startup-window',
    id: 'B1',
    wing: 'lost data',
    title: 'writes while the job starts are neither marked nor mirrored',
    story: `The bitmap was made at once, but only published to the filter at the end of the
      start-up, when it was known what had to be copied. The walk through the source asked for a
      hole and got the answer "nothing to copy"; then the guest wrote into that hole, and nobody
      was there to mark it. The job became ready and completed, and that write was on the source
      alone. What it takes is one write to a place that the walk has already passed.`,
    fix: {
      commit: '0f51f9c342',
      subject: 'mirror: Fix missed dirty bitmap writes during startup',
      year: 2026,
    },
    argued: 'jobs/mirror/plan.ts',
    mutation: [
      { file: 'jobs/mirror/hold.js', find: 'source.track(dirty);', replace: '' },
      {
        file: 'jobs/mirror/mirror.js',
        find: 'await plan({ pair, settings: this.#settings, control, clock, resumed });',
        replace: `await plan({ pair, settings: this.#settings, control, clock, resumed });
          source.track(this.#parts.dirty);`,
      },
    ],
    world: scenario({
      name: 'a write to a hole while the mirror starts',
      source: { stages: 1, operations: ['blockStatus'], zeroSectors: [0] },
      target: { stages: 1, fill: 'zeroes' },
      mirror: { ...FINE, targetIsZero: true },
      guest: { requests: [write(0)] },
    }),
    finds: ['I1 clean ranges are equal', 'I7 ready is true'],
    swarmMedian: 14,
  },
  {
    name: 'B2-zero-bitmap-range',
    id: 'B2',
    wing: 'lost data',
    title: 'a small write of zeroes makes a whole granule count as zero',
    story: `The mirror remembered which granules of the target read as zeroes, to spare itself
      zeroing them again. A write of zeroes that was shorter than a granule has no whole granule
      inside; the range that was noted down all the same was wrong: empty and backwards, which
      aborted QEMU, or outward, as here, so that a granule counted as zero of which only a part
      was. The next write of zeroes to its other part was then skipped, and the target kept what
      it had. It came with the zero bitmap and was seen on production machines soon after.`,
    fix: {
      commit: '4a7b1bd18d',
      subject: 'block/mirror: check range when setting zero bitmap for sync write',
      year: 2026,
    },
    argued: 'jobs/mirror/pair.ts',
    mutation: [
      {
        file: 'jobs/mirror/pair.js',
        find: `const { offset, length } = this.inside(range);
          if (length > 0)
            this.knownZero.mark(offset, length);`,
        replace: `const { offset, length } = this.around(range);
          if (length > 0)
            this.knownZero.mark(offset, length);`,
      },
    ],
    world: scenario({
      name: 'a granule that is zeroed half by half',
      source: AT_ONCE,
      target: { stages: 1, operations: ['writeZeroes'] },
      mirror: { ...COARSE, ...BLOCKING },
      guest: { requests: [zeroes(0, 'ready'), zeroes(1, 'ready')], depth: 1 },
    }),
    finds: ['I1 clean ranges are equal', 'I9 completed is equal'],
    swarmMedian: 139,
  },
  {
    name: 'B3-unaligned-active-clears-all',
    id: 'B3',
    wing: 'lost data',
    title: 'a short write to both disks clears the whole granule',
    story: `In write-blocking mode a guest write went to both disks and cleared the dirty bits
      of what it wrote. The range was rounded outward to granules. A granule was still waiting to
      be copied; the guest wrote 512 bytes of it to both disks; the bit was cleared, and the rest
      of the granule was never copied. QEMU first demanded that requests be aligned, and later
      learned to clear inward and to leave parts of dirty granules to the background.`,
    fix: {
      commit: '9adc1cb49a',
      subject: 'mirror: Only mirror granularity-aligned chunks',
      year: 2019,
    },
    argued: 'jobs/mirror/guest-writes.ts',
    mutation: [
      {
        file: 'jobs/mirror/guest-writes.js',
        find: 'const covered = pair.inside(write);',
        replace: 'const covered = pair.around(write);',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a write to a part of a dirty granule',
      sectors: 4,
      mirror: { ...ONE_COPY, ...BLOCKING },
      guest: { requests: [write(2)] },
    }),
    finds: ['I1 clean ranges are equal', 'I7 ready is true'],
    swarmMedian: 313,
  },
  {
    name: 'B4-discard-resets',
    id: 'B4',
    wing: 'lost data',
    title: 'a discard clears dirty bits instead of setting them',
    story: `Who discards does not need the bytes any more, so there is nothing to copy: by that
      thought a discard cleared the dirty bits of its range. But a range has to read the same on
      both disks afterwards, and a discard of a part of a granule says nothing of the rest. A
      granule was dirty, the guest discarded some of it before the copy came by, and the target
      kept what it had held before: after the switch the guest read bytes of an older owner of the
      disk.`,
    fix: { subject: 'block: Fix dirty bitmap in bdrv_co_discard', year: 2015 },
    argued: 'block/node.ts',
    mutation: [
      {
        file: 'block/node.js',
        find: 'return this.#change(to, { offset, length }, PLAIN_WRITE, discard);',
        replace: `return this.#run(async () => {
            await discard();
            for (const bitmap of this.#bitmaps) {
              const start = offset - (offset % bitmap.granularity);
              bitmap.clear(start, Math.min(bitmap.granularity, bitmap.size - start));
            }
          });`,
      },
    ],
    world: scenario({
      name: 'a discard of what is still to be copied',
      sectors: 4,
      source: { stages: 1, operations: ['discard'] },
      target: AT_ONCE,
      mirror: ONE_COPY,
      guest: { requests: [{ type: 'discard', sector: 2, sectors: 1 }] },
    }),
    finds: ['I1 clean ranges are equal', 'I7 ready is true'],
    swarmMedian: 435,
  },
  {
    name: 'B5-copy-decision-twice',
    id: 'B5',
    wing: 'lost data',
    title: 'whether a write is mirrored is decided twice',
    story: `Whether a guest write goes to both disks was looked at when it came and again when
      its turn to write was there. In between, the copy mode was changed (or the job cancelled).
      The first answer was "both", so nothing marked the range; the second one was "not any more",
      so nothing went to the target. The write was on the source alone, and its granule clean. The
      other order crashed, for the bounce buffer had never been made.`,
    fix: {
      commit: '7b32ad2242',
      subject: 'block/mirror: determine copy_to_target only once',
      year: 2023,
    },
    argued: 'jobs/mirror/guest-writes.ts',
    mutation: [
      {
        file: 'jobs/mirror/guest-writes.js',
        find: `if (isActive && (await this.#unlessGivenUp(write.toTarget(part))))
                return part.length;
            dirty.mark(write.offset, write.length);`,
        replace: `if (!isActive)
                return 0;
            if (await this.#unlessGivenUp(write.toTarget(part)))
                return part.length;
            dirty.mark(write.offset, write.length);`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a change of the copy mode while a write waits for its turn',
      sectors: 1,
      mirror: { ...FINE, ...BLOCKING },
      verbs: [{ verb: 'background' }, { verb: 'complete' }],
    }),
    finds: [
      'I1 clean ranges are equal',
      'I3 acknowledged changes are dirty or copied',
      'I7 ready is true',
    ],
    swarmMedian: 114,
  },
  {
    name: 'B6-status-before-clear',
    id: 'B6',
    wing: 'lost data',
    title: 'the status of a range is asked for before its bits are cleared',
    story: `The copy asked the source whether a range was a hole, and then cleared its dirty
      bits. The answer was "a hole"; before the copy went on, the guest wrote data there and the
      write marked the granule; then the copy cleared that mark, zeroed the target and was done.
      The write was never copied. Clearing first makes the guest's mark come after, where it
      survives; QEMU says so in a comment that was written after the fact.`,
    fix: { subject: 'a comment in mirror_iteration guards the order' },
    argued: 'jobs/mirror/pair.ts',
    mutation: [
      {
        file: 'jobs/mirror/pair.js',
        find: `this.dirty.clear(range.offset, range.length);
          this.#copying += range.length;`,
        replace: 'this.#copying += range.length;',
      },
      {
        file: 'jobs/mirror/pair.js',
        find: 'const extent = status instanceof Promise ? await status : status;',
        replace: `const extent = status instanceof Promise ? await status : status;
          this.dirty.clear(range.offset, range.length);`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a write to a hole that is about to be copied',
      sectors: 1,
      source: { stages: 2, operations: ['blockStatus'], zeroSectors: [0] },
    }),
    finds: [
      'I1 clean ranges are equal',
      'I3 acknowledged changes are dirty or copied',
      'I7 ready is true',
    ],
    swarmMedian: 2,
  },
  {
    name: 'B7-two-copies-one-granule',
    id: 'B7',
    wing: 'lost data',
    title: 'two copies of one granule are in flight',
    story: `A copy had read a granule and its write to the target was on the way when the guest
      wrote to the granule and made it dirty again. Nothing kept a second copy from starting: it
      read the new bytes, and its write overtook the first one. When that one landed at last, the
      target had the old bytes, with a clean bit. Block migration had the same bug; the mirror's
      answer was a bitmap of what is in flight.`,
    fix: {
      commit: '402a47411b',
      subject: 'mirror: add support for more than one in-flight AIO',
      year: 2013,
    },
    argued: 'jobs/mirror/pair.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: 'if (!claimed) return range;',
        replace: 'if (!claimed || claimed) return range;',
      },
      {
        file: 'sync/range-lock.js',
        find: 'return this.isBusy(range) ? undefined : this.#add(range);',
        replace: 'return this.#add(range);',
      },
    ],
    world: scenario({
      name: 'a write to what is being copied',
      source: AT_ONCE,
      guest: { requests: [write(0)] },
    }),
    finds: ['I1 clean ranges are equal', 'I7 ready is true'],
    swarmMedian: 88,
  },
  {
    name: 'B8-exit-window',
    id: 'B8',
    wing: 'lost data',
    title: 'the guest goes on writing while it is handed over',
    story: `The job found that nothing was dirty, and returned; the switch of the guest to the
      target was left to the main loop, a moment later. In that moment the guest was not held: a
      write went to the source, and its mark to a bitmap that nobody looked at any more. Then the
      guest was moved to a target that lacked what it had just been told was written. Since then
      QEMU drains the source before it looks for the last time, and until the switch is made.`,
    fix: { commit: '176c36997f', subject: 'mirror: Quiesce source during mirror_exit', year: 2016 },
    argued: 'jobs/mirror/mirror.ts',
    mutation: [
      {
        file: 'jobs/mirror/mirror.js',
        find: 'met = await drained(source.node, meetNow, source);',
        replace: 'met = await meetNow();',
      },
    ],
    world: scenario({ ...SIMPLE, name: 'a write around the switch' }),
    finds: ['I8 the end is under a drain', 'I9 completed is equal', 'acknowledged writes are kept'],
    swarmMedian: 19,
  },
];
