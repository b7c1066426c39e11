/**
 * What a dirty bitmap costs: time for each operation and disk size, memory for the two extremes.
 *
 * Random marks are measured twice, since they do different work: on a clean bitmap most of them
 * make nodes, on one that has those granules already they only look.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assert } from '../src/base/assert.ts';
import { seededRandom } from '../src/base/random.ts';
import { formatSize } from '../src/base/units.ts';
import { DirtyBitmap } from '../src/bitmap/dirty-bitmap.ts';

const KiB = 1024;
const GiB = KiB ** 3;
const TiB = KiB ** 4;
const PiB = KiB ** 5;
const GRANULARITY = 64 * KiB;
const SIZES = [GiB, 16 * TiB, PiB];

/** How many operations one measurement takes. */
const OPERATIONS = 1_000_000;
const OPERATIONS_SLOW = 10_000;
/** How often each is repeated; the fastest counts, the first ones also warm the compiler up. */
const REPEATS = 3;
/** How many bitmaps share one measurement of memory. */
const BITMAPS = 1000;

export const bench = {
  name: 'bitmap',
  summary: 'Dirty bitmap: ns per operation on small and huge disks, and memory',

  async run(report: (line: string) => void): Promise<void> {
    for (const granularity of [512, GRANULARITY]) {
      for (const [state, create] of EXTREMES) {
        const bytes = await heapBytes(() => create(granularity));
        const { memoryBytes } = create(granularity);
        const name = `${state} 1 PiB bitmap at ${formatSize(granularity)}`;
        report(`${name}: ${bytes} bytes of heap, ${memoryBytes} of them nodes`);
      }
    }
    const { dirtyGranules, memoryBytes } = scatteredBitmap(16 * TiB).bitmap;
    report(`16 TiB with ${dirtyGranules} granules scattered: ${formatSize(memoryBytes)} of nodes`);
    report('');
    report(`${'ns per operation'.padEnd(44)}${SIZES.map(column).join('')}`);
    for (const [name, measure] of Object.entries(MEASURES)) {
      const times = SIZES.map((size) => {
        return Math.min(...Array.from({ length: REPEATS }, () => measure(size)));
      });
      report(name.padEnd(44) + times.map((time) => time.toFixed(1).padStart(10)).join(''));
    }
  },
};

const EXTREMES: readonly (readonly [string, (granularity: number) => DirtyBitmap])[] = [
  ['all-clean', (granularity) => new DirtyBitmap(PiB, granularity)],
  [
    'all-dirty',
    (granularity) => {
      const bitmap = new DirtyBitmap(PiB, granularity);
      bitmap.markAll();
      return bitmap;
    },
  ],
];

/** Runs one kind of operation on a disk of a size. @returns Nanoseconds an operation took. */
type Measure = (size: number) => number;

const MEASURES: Readonly<Record<string, Measure>> = {
  'mark, the same granule'(size) {
    const bitmap = new DirtyBitmap(size, GRANULARITY);
    return nsPerOperation(OPERATIONS, () => {
      for (let step = 0; step < OPERATIONS; step += 1) bitmap.mark(4096, 4096);
    });
  },
  'mark and clear one granule in turns'(size) {
    const bitmap = new DirtyBitmap(size, GRANULARITY);
    return nsPerOperation(2 * OPERATIONS, () => {
      for (let step = 0; step < OPERATIONS; step += 1) {
        bitmap.mark(size / 2, 4096);
        bitmap.clear(size / 2, GRANULARITY);
      }
    });
  },
  'mark, sequential 4 KiB'(size) {
    const bitmap = new DirtyBitmap(size, GRANULARITY);
    return nsPerOperation(OPERATIONS, () => {
      for (let step = 0, offset = 0; step < OPERATIONS; step += 1, offset += 4096) {
        if (offset === size) offset = 0;
        bitmap.mark(offset, 4096);
      }
    });
  },
  'mark, sequential every other granule'(size) {
    const bitmap = new DirtyBitmap(size, GRANULARITY);
    return nsPerOperation(OPERATIONS, () => {
      for (let step = 0, offset = 0; step < OPERATIONS; step += 1, offset += 2 * GRANULARITY) {
        if (offset === size) offset = 0;
        bitmap.mark(offset, GRANULARITY);
      }
    });
  },
  'mark, random, clean before'(size) {
    const bitmap = new DirtyBitmap(size, GRANULARITY);
    const offsets = randomOffsets(size, OPERATIONS);
    return nsPerOperation(OPERATIONS, () => {
      for (const offset of offsets) bitmap.mark(offset, 4096);
    });
  },
  'mark, random, dirty before'(size) {
    const { bitmap, offsets } = scatteredBitmap(size);
    return nsPerOperation(OPERATIONS, () => {
      for (const offset of offsets) bitmap.mark(offset, 4096);
    });
  },
  'test, random'(size) {
    const { bitmap, offsets } = scatteredBitmap(size);
    let dirty = 0;
    const ns = nsPerOperation(OPERATIONS, () => {
      for (const offset of offsets) dirty += bitmap.test(offset) ? 1 : 0;
    });
    assert(dirty === OPERATIONS, 'every granule that was marked is dirty');
    return ns;
  },
  'nextDirty, every granule of a scattered one'(size) {
    const { bitmap } = scatteredBitmap(size);
    let found = 0;
    const ns = nsPerOperation(bitmap.dirtyGranules, () => {
      for (let range = bitmap.nextDirty(0, GRANULARITY); range; found += 1) {
        range = bitmap.nextDirty(range.offset + range.length, GRANULARITY);
      }
    });
    assert(found === bitmap.dirtyGranules, 'every dirty granule is found once');
    return ns;
  },
  'nextDirty, only the last granule is dirty'(size) {
    const bitmap = new DirtyBitmap(size, GRANULARITY);
    bitmap.mark(size - 1, 1);
    return nsPerOperation(OPERATIONS, () => {
      for (let step = 0; step < OPERATIONS; step += 1) bitmap.nextDirty(0, GRANULARITY);
    });
  },
  'nextDirty and clear, until all is clean'(size) {
    const { bitmap } = scatteredBitmap(size);
    return nsPerOperation(bitmap.dirtyGranules, () => {
      for (let range = bitmap.nextDirty(0, GRANULARITY); range; ) {
        bitmap.clear(range.offset, range.length);
        range = bitmap.nextDirty(range.offset, GRANULARITY);
      }
    });
  },
  'markAll and clearAll'(size) {
    const bitmap = new DirtyBitmap(size, GRANULARITY);
    return nsPerOperation(2 * OPERATIONS_SLOW, () => {
      for (let step = 0; step < OPERATIONS_SLOW; step += 1) {
        bitmap.markAll();
        bitmap.clearAll();
      }
    });
  },
};

function column(size: number): string {
  return formatSize(size).padStart(10);
}

function nsPerOperation(operations: number, run: () => void): number {
  const before = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - before) / operations;
}

function randomOffsets(size: number, count: number): Float64Array {
  const random = seededRandom(1);
  return Float64Array.from({ length: count }, () => random.below(size / 4096) * 4096);
}

/** @returns A bitmap with a million marks all over it, and where these went. */
function scatteredBitmap(size: number): { bitmap: DirtyBitmap; offsets: Float64Array } {
  const bitmap = new DirtyBitmap(size, GRANULARITY);
  const offsets = randomOffsets(size, OPERATIONS);
  for (const offset of offsets) bitmap.mark(offset, 4096);
  return { bitmap, offsets };
}

/** @returns What one of these keeps on the heap and beside it, all it refers to included. */
async function heapBytes(create: () => unknown): Promise<number> {
  const kept: unknown[] = Array.from({ length: BITMAPS }, create);
  await collectGarbage();
  const before = process.memoryUsage();
  for (let index = 0; index < BITMAPS; index += 1) kept[index] = undefined;
  await collectGarbage();
  const after = process.memoryUsage();
  const heap = before.heapUsed - after.heapUsed;
  return Math.round((heap + before.arrayBuffers - after.arrayBuffers) / kept.length);
}

/** Collects twice, since the memory of array buffers is given back in the background. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let round = 0; round < 2; round += 1) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
