import { describe, expect, it } from 'vitest';
import { DirtyBitmap } from '../../../src/bitmap/dirty-bitmap.ts';
import { JournalScan } from '../../../src/jobs/mirror/journal-scan.ts';

const GRANULARITY = 512;
/** The bytes of disk that a block of bits stands for. */
const SPAN = 4096 * 8 * GRANULARITY;

/** A bitmap in which some runs of granules are dirty. */
function bitmap(size: number, ...runs: readonly (readonly [first: number, count: number])[]) {
  const made = new DirtyBitmap(size, GRANULARITY);
  for (const [first, count] of runs) made.mark(first * GRANULARITY, count * GRANULARITY);
  return made;
}

/** A bitmap in which every other granule is dirty, from the first one on. */
function alternating(size: number): DirtyBitmap {
  const made = new DirtyBitmap(size, GRANULARITY);
  for (let at = 0; at < size; at += 2 * GRANULARITY) made.mark(at, GRANULARITY);
  return made;
}

function range(first: number, count: number) {
  return { offset: first * GRANULARITY, length: count * GRANULARITY };
}

describe('a search', () => {
  const size = 16 * GRANULARITY;

  it('finds what is recorded and not dirty, within its range', () => {
    const scan = new JournalScan(bitmap(size, [0, 6], [8, 4]), bitmap(size, [2, 2], [9, 1]));
    expect(scan.search(range(1, 10))).toBe(11 * GRANULARITY);
    expect([...scan.found.ranges()]).toEqual([range(1, 1), range(4, 2), range(8, 1), range(10, 1)]);
  });

  it('gathers what several ranges bring', () => {
    const scan = new JournalScan(bitmap(size, [0, 16]), bitmap(size));
    scan.search(range(0, 2));
    scan.search(range(4, 2));
    expect([...scan.found.ranges()]).toEqual([range(0, 2), range(4, 2)]);
  });

  it('goes to its end where nothing is to be found', () => {
    const scan = new JournalScan(bitmap(size, [3, 2], [12, 1]), bitmap(size, [0, 16]));
    expect(scan.search(range(0, 10))).toBe(10 * GRANULARITY);
    expect(scan.found.isClean).toBe(true);
  });
});

describe('a search is bounded', () => {
  it('by 256 blocks of bits, where it ends at a block', () => {
    const size = 300 * SPAN;
    const recorded = new DirtyBitmap(size, GRANULARITY);
    recorded.markAll();
    const scan = new JournalScan(recorded, new DirtyBitmap(size, GRANULARITY));
    const first = { offset: GRANULARITY, length: size - GRANULARITY };
    expect(scan.search(first)).toBe(256 * SPAN);
    // What lies in the last of them costs no other block; what lies behind it is for another time.
    expect(scan.search({ offset: 255 * SPAN, length: 2 * SPAN })).toBe(256 * SPAN);
    expect(scan.search({ offset: 256 * SPAN, length: SPAN })).toBe(256 * SPAN);
    expect(scan.found.dirtyBytes).toBe(256 * SPAN - GRANULARITY);
  });

  it('by blocks, of which neighbouring runs share one', () => {
    const size = 300 * SPAN;
    const recorded = new DirtyBitmap(size, GRANULARITY);
    const granules = SPAN / GRANULARITY;
    for (let block = 0; block < 300; block += 1) {
      recorded.mark((block * granules + 1) * GRANULARITY, GRANULARITY);
      recorded.mark((block * granules + 3) * GRANULARITY, GRANULARITY);
    }
    const scan = new JournalScan(recorded, new DirtyBitmap(size, GRANULARITY));
    expect(scan.search({ offset: 0, length: size })).toBe(256 * SPAN + GRANULARITY);
    expect(scan.found.dirtyGranules).toBe(2 * 256);
  });

  it('by 16384 runs', () => {
    const size = 40_000 * GRANULARITY;
    const scan = new JournalScan(alternating(size), new DirtyBitmap(size, GRANULARITY));
    expect(scan.search({ offset: 0, length: size })).toBe(2 * 16_384 * GRANULARITY);
    expect(scan.found.dirtyGranules).toBe(16_384);
  });

  it('by no run that is dirty as a whole, however many there are', () => {
    const size = 40_000 * GRANULARITY;
    const dirty = alternating(size);
    dirty.clear(39_998 * GRANULARITY, GRANULARITY);
    const scan = new JournalScan(alternating(size), dirty);
    expect(scan.search({ offset: 0, length: size })).toBe(size);
    expect([...scan.found.ranges()]).toEqual([range(39_998, 1)]);
  });
});
