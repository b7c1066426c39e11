/** L1 to L10: weaknesses that can be read in QEMU's mirror today, and that this one has not. */

import { scenario } from '../scenario.ts';
import type { Exhibit } from './exhibit.ts';
import { BLOCKING, FINE, ONE_COPY, SIMPLE, TARGET_FAILS, write } from './parts.ts';

export const LATENT: readonly Exhibit[] = [
  {
    name: 'L1-failed-mirrored-write',
    id: 'L1',
    wing: 'latent',
    title: 'a write to both disks that fails on the source marks nothing',
    story: `In write-blocking mode a guest's write fails on the source. What the source holds
      now is unknown, and what the target holds depends on who was first: here both are written at
      a time, and the target has the new bytes. QEMU leaves the range clean, as if nothing had
      happened; so the two disks may differ for good. The write must be marked whatever became of
      it.`,
    argued: 'jobs/mirror/guest-writes.ts',
    mutation: [
      {
        file: 'block/node.js',
        find: `}, (error) => {
                this.#end(offset, changed);
                throw error;`,
        replace: `}, (error) => {
                this.#end(offset, changed, unmarked);
                throw error;`,
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a write to both disks that fails on the source',
      sectors: 1,
      mirror: { ...FINE, ...BLOCKING },
      guest: { requests: [write(0, 'ready')] },
      faults: [{ ...TARGET_FAILS, disk: 'source' }],
    }),
    finds: ['I1 clean ranges are equal'],
    swarmMedian: 125,
  },
  {
    name: 'L2-flush-storm',
    id: 'L2',
    wing: 'latent',
    title: 'a flush that fails and is ignored is tried again at once',
    story: `The target cannot be flushed, and the policy is to ignore errors. The loop goes
      round without sleeping: it flushes, fails, tells of it, and flushes again, as often as the
      machine can. Management that logs events fills its disk.`,
    argued: 'jobs/mirror/backoff.ts',
    mutation: [{ file: 'jobs/mirror/mirror.js', find: 'await copier.backOff();', replace: '' }],
    world: scenario({
      ...SIMPLE,
      name: 'a flush that fails and is ignored',
      sectors: 1,
      mirror: { ...FINE, onTargetError: 'ignore' },
      guest: { requests: [] },
      faults: [{ ...TARGET_FAILS, operations: ['flush'] }],
    }),
    finds: ['failures are tried again later'],
    swarmMedian: 223,
  },
  {
    name: 'L3-retry-storm',
    id: 'L3',
    wing: 'latent',
    title: 'a copy that fails and is ignored is made again at once',
    story: `The target is broken for good, and the policy is to ignore errors. Each copy fails,
      is marked dirty and copied again, with an event for each. QEMU waits between two attempts
      for as long as its loop takes. Here it waits longer each time, up to a second, until
      something succeeds.`,
    argued: 'jobs/mirror/backoff.ts',
    mutation: [
      {
        file: 'jobs/mirror/copier.js',
        find: 'const delayMs = Math.max(paceMs, this.#backoff.delayMs(nowMs));',
        replace: 'const delayMs = paceMs;',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a copy that fails and is ignored',
      sectors: 1,
      mirror: { ...FINE, onTargetError: 'ignore' },
      guest: { requests: [] },
      faults: [TARGET_FAILS],
    }),
    finds: ['failures are tried again later'],
    swarmMedian: 203,
  },
  {
    name: 'L4-writes-past-the-limit',
    id: 'L4',
    wing: 'latent',
    title: 'no limit of speed holds for the writes of the guest',
    story: `The limit is for the copies of the background, until the job is ready. In
      write-blocking mode each write of the guest goes to the target as well, at whatever rate the
      guest likes: a link that was to be spared is full all the same. That is so in QEMU, and here
      too unless one asks for a limit of everything. Under that one such a write waits for its
      turn, as if it were a copy.`,
    argued: 'jobs/mirror/guest-writes.ts',
    mutation: [
      {
        file: 'jobs/mirror/guest-writes.js',
        find: 'const delayMs = this.#delayOf?.(length) ?? 0;',
        replace: 'const delayMs = 0;',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'writes to both disks under a limit of everything',
      sectors: 4,
      mirror: { ...FINE, ...BLOCKING, speed: 512, limits: 'everything' },
      guest: { requests: [write(0, 'ready', 4), write(0, 'ready', 4), write(0, 'ready', 4)] },
    }),
    finds: ['the speed is kept'],
    swarmMedian: 457,
  },
  {
    name: 'L5-len-beyond-the-disk',
    id: 'L5',
    wing: 'latent',
    title: 'a partial last granule counts as a whole one',
    story: `What remains is counted in granules, and the last one of the disk need not be whole.
      So the length that the job tells is above that of the disk, until the last granule has been
      copied; a progress bar that divides by the size of the disk is past its end, and goes back.
      Nothing is lost by it but the trust in numbers.`,
    argued: 'bitmap/dirty-bitmap.ts',
    mutation: [
      {
        file: 'bitmap/dirty-bitmap.js',
        find: 'return tailIsDirty ? bytes - this.#tailLack : bytes;',
        replace: 'return bytes;',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'a disk of a granule and a half',
      sectors: 3,
      mirror: ONE_COPY,
      guest: { requests: [] },
    }),
    finds: ['I11 progress adds up'],
    swarmMedian: 3,
  },
  {
    name: 'L10-errors-while-stopped',
    id: 'L10',
    wing: 'latent',
    title: 'each write of the guest meets the error that has stopped the job already',
    story: `The target ran out of space, and the job is stopped until somebody makes room. In
      write-blocking mode the guest's writes still go to the target, fail, and tell of it, each of
      them, for as long as nobody comes. While a job is stopped there is nothing to be gained by
      that: what the guest writes is marked, and copied when the job goes on.`,
    argued: 'jobs/mirror/pair.ts',
    mutation: [
      {
        file: 'jobs/mirror/pair.js',
        find: 'if (!this.#isActive || !this.#isOpen || isCancelled || isStopped)',
        replace: 'if (!this.#isActive || !this.#isOpen || isCancelled)',
      },
    ],
    world: scenario({
      ...SIMPLE,
      name: 'writes to both disks while the job is stopped',
      mirror: { ...FINE, ...BLOCKING, onTargetError: 'stop' },
      guest: { requests: [write(0, 'ready'), write(1, 'ready')], depth: 1 },
      faults: [TARGET_FAILS],
    }),
    finds: ['I13 paused is at rest'],
    swarmMedian: 488,
  },
];
