import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { DirtyBitmap } from '../../src/bitmap/dirty-bitmap.ts';

const KiB = 1024;
const MiB = KiB ** 2;
const TiB = KiB ** 4;
const PiB = KiB ** 5;

/** A disk of four granules, the last of which has 8 KiB only. */
function oddDisk(): DirtyBitmap {
  return new DirtyBitmap(200 * KiB, 64 * KiB);
}

describe('DirtyBitmap()', () => {
  it('is clean at first', () => {
    const bitmap = oddDisk();
    expect(bitmap.isClean).toBe(true);
    expect([bitmap.dirtyBytes, bitmap.dirtyGranules]).toEqual([0, 0]);
    expect(bitmap.nextDirty(0)).toBeUndefined();
    expect(bitmap.nextClean(0)).toBe(0);
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])(
    'rejects a size of %d',
    (size) => {
      expect(() => new DirtyBitmap(size, 64 * KiB)).toThrow(RangeError);
    },
  );

  it.each([0, -512, 256, 513, 1000, 2 ** 32, 512.5, Number.NaN])(
    'rejects a granularity of %d',
    (granularity) => {
      expect(() => new DirtyBitmap(MiB, granularity)).toThrow(RangeError);
    },
  );

  it('takes the largest disk at the smallest and the largest granularity', () => {
    const size = Number.MAX_SAFE_INTEGER;
    for (const granularity of [512, 2 ** 31]) {
      const bitmap = new DirtyBitmap(size, granularity);
      bitmap.mark(size - 1, 1);
      const offset = 2 ** 53 - granularity;
      expect(bitmap.nextDirty(0)).toEqual({ offset, length: size - offset });
      expect(bitmap.dirtyBytes).toBe(granularity - 1);
      bitmap.markAll();
      expect(bitmap.dirtyBytes).toBe(size);
      bitmap.clear(offset, size - offset);
      expect(bitmap.dirtyBytes).toBe(offset);
    }
  });

  it('takes a disk of no bytes', () => {
    const bitmap = new DirtyBitmap(0, 512);
    bitmap.mark(0, 0);
    bitmap.markAll();
    bitmap.clear(0, 0);
    expect(bitmap.isClean).toBe(true);
    expect([bitmap.nextDirty(0), bitmap.nextClean(0)]).toEqual([undefined, undefined]);
    expect([...bitmap.ranges()]).toEqual([]);
    expect(() => bitmap.test(0)).toThrow(RangeError);
  });
});

describe('mark()', () => {
  it('rounds outward to whole granules', () => {
    const bitmap = oddDisk();
    bitmap.mark(70_000, 1);
    expect(bitmap.nextDirty(0)).toEqual({ offset: 64 * KiB, length: 64 * KiB });
    bitmap.mark(64 * KiB - 1, 64 * KiB + 2);
    expect(bitmap.nextDirty(0)).toEqual({ offset: 0, length: 192 * KiB });
  });

  it('does not touch the neighbours of whole granules', () => {
    const bitmap = oddDisk();
    bitmap.mark(64 * KiB, 64 * KiB);
    expect([...bitmap.ranges()]).toEqual([{ offset: 64 * KiB, length: 64 * KiB }]);
  });

  it('marks nothing when the length is zero, wherever that is', () => {
    const bitmap = oddDisk();
    bitmap.mark(0, 0);
    bitmap.mark(70_000, 0);
    bitmap.mark(200 * KiB, 0);
    expect(bitmap.isClean).toBe(true);
  });

  it('counts a granule once that is marked twice', () => {
    const bitmap = oddDisk();
    bitmap.mark(0, 1);
    bitmap.mark(100, 64 * KiB);
    expect(bitmap.dirtyGranules).toBe(2);
    expect(bitmap.dirtyBytes).toBe(128 * KiB);
  });

  it('counts of a granule that the disk ends in only its real bytes', () => {
    const bitmap = oddDisk();
    bitmap.mark(200 * KiB - 1, 1);
    expect([bitmap.dirtyGranules, bitmap.dirtyBytes]).toEqual([1, 8 * KiB]);
    bitmap.markAll();
    expect([bitmap.dirtyGranules, bitmap.dirtyBytes]).toEqual([4, 200 * KiB]);
    bitmap.clear(0, 64 * KiB);
    expect(bitmap.dirtyBytes).toBe(136 * KiB);
  });

  it.each([
    [-1, 1],
    [0, -1],
    [0, 200 * KiB + 1],
    [200 * KiB, 1],
    [200 * KiB + 1, 0],
    [0.5, 1],
    [0, Number.NaN],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])('rejects %d and %d, which do not lie inside the disk', (offset, length) => {
    const bitmap = oddDisk();
    expect(() => bitmap.mark(offset, length)).toThrow(RangeError);
    expect(() => bitmap.clear(offset, length)).toThrow(RangeError);
    expect(() => bitmap.countDirty(offset, length)).toThrow(RangeError);
    expect(bitmap.isClean).toBe(true);
  });

  it('says in the error what was asked and of which disk', () => {
    expect(() => oddDisk().mark(204_800, 1)).toThrow(
      'Cannot mark: the range must lie inside the disk of 204800 bytes: 1 bytes at 204800',
    );
  });
});

describe('clear()', () => {
  it('makes whole granules clean and leaves the others', () => {
    const bitmap = oddDisk();
    bitmap.markAll();
    bitmap.clear(64 * KiB, 64 * KiB);
    expect([...bitmap.ranges()]).toEqual([
      { offset: 0, length: 64 * KiB },
      { offset: 128 * KiB, length: 72 * KiB },
    ]);
  });

  it('may end with the disk inside the last granule', () => {
    const bitmap = oddDisk();
    bitmap.markAll();
    bitmap.clear(192 * KiB, 8 * KiB);
    expect(bitmap.dirtyBytes).toBe(192 * KiB);
    bitmap.clear(0, 192 * KiB);
    expect(bitmap.isClean).toBe(true);
  });

  it.each([
    [1, 64 * KiB],
    [0, 64 * KiB - 1],
    [0, 64 * KiB + 1],
    [64 * KiB - 1, 1],
    [192 * KiB, 8 * KiB - 1],
    [196 * KiB, 4 * KiB],
    [100, 200 * KiB - 100],
  ])('rejects part of a granule, since that would forget a change: %d, %d', (offset, length) => {
    const bitmap = oddDisk();
    bitmap.markAll();
    expect(() => bitmap.clear(offset, length)).toThrow(RangeError);
    expect(bitmap.dirtyBytes).toBe(200 * KiB);
  });

  it('clears nothing when the length is zero', () => {
    const bitmap = oddDisk();
    bitmap.markAll();
    bitmap.clear(64 * KiB, 0);
    bitmap.clear(200 * KiB, 0);
    expect(bitmap.dirtyBytes).toBe(200 * KiB);
  });

  it('is undone by a mark that comes later', () => {
    const bitmap = oddDisk();
    bitmap.mark(0, 1);
    bitmap.clear(0, 64 * KiB);
    bitmap.mark(0, 1);
    expect(bitmap.test(0)).toBe(true);
  });
});

describe('test()', () => {
  it('answers for the granule that a byte lies in', () => {
    const bitmap = oddDisk();
    bitmap.mark(70_000, 1);
    bitmap.mark(200 * KiB - 1, 1);
    const offsets = [64 * KiB - 1, 64 * KiB, 128 * KiB - 1, 128 * KiB, 192 * KiB];
    expect(offsets.map((offset) => bitmap.test(offset))).toEqual([false, true, true, false, true]);
  });

  it.each([-1, 200 * KiB, 1.5])('rejects %d, where the disk has no byte', (offset) => {
    expect(() => oddDisk().test(offset)).toThrow(RangeError);
  });
});

describe('nextDirty()', () => {
  it('joins adjacent granules and ends with the disk', () => {
    const bitmap = oddDisk();
    bitmap.mark(128 * KiB, 72 * KiB);
    expect(bitmap.nextDirty(0)).toEqual({ offset: 128 * KiB, length: 72 * KiB });
  });

  it('rounds the start down, so that it finds a granule it starts inside', () => {
    const bitmap = oddDisk();
    bitmap.mark(64 * KiB, 64 * KiB);
    expect(bitmap.nextDirty(128 * KiB - 1)).toEqual({ offset: 64 * KiB, length: 64 * KiB });
    expect(bitmap.nextDirty(128 * KiB)).toBeUndefined();
  });

  it('finds nothing at the end of the disk, though that may be inside a granule', () => {
    const bitmap = oddDisk();
    bitmap.markAll();
    expect(bitmap.nextDirty(200 * KiB - 1)).toEqual({ offset: 192 * KiB, length: 8 * KiB });
    expect(bitmap.nextDirty(200 * KiB)).toBeUndefined();
    expect(bitmap.nextClean(200 * KiB)).toBeUndefined();
  });

  it.each([
    [1, 64],
    [64 * KiB - 1, 64],
    [64 * KiB, 64],
    [128 * KiB - 1, 64],
    [128 * KiB, 128],
    [MiB, 192],
    [Number.POSITIVE_INFINITY, 192],
  ])('gives for a maximum of %d bytes whole granules: %d KiB', (lengthMax, expectedKiB) => {
    const bitmap = oddDisk();
    bitmap.mark(0, 192 * KiB);
    expect(bitmap.nextDirty(0, lengthMax)).toEqual({ offset: 0, length: expectedKiB * KiB });
  });

  it('starts the maximum where the range starts, not where the search does', () => {
    const bitmap = oddDisk();
    bitmap.mark(64 * KiB, 136 * KiB);
    expect(bitmap.nextDirty(0, 128 * KiB)).toEqual({ offset: 64 * KiB, length: 128 * KiB });
  });

  it('rejects a start outside the disk and a maximum below one byte', () => {
    const bitmap = oddDisk();
    for (const from of [-1, 200 * KiB + 1, 0.5]) {
      expect(() => bitmap.nextDirty(from)).toThrow(RangeError);
      expect(() => bitmap.nextClean(from)).toThrow(RangeError);
    }
    for (const lengthMax of [0, -1, Number.NaN]) {
      expect(() => bitmap.nextDirty(0, lengthMax)).toThrow(RangeError);
    }
  });
});

describe('nextClean()', () => {
  it('finds the first clean granule from where it starts, rounded down', () => {
    const bitmap = oddDisk();
    bitmap.mark(0, 64 * KiB);
    bitmap.mark(128 * KiB, 64 * KiB);
    expect([0, 64 * KiB, 127 * KiB, 128 * KiB].map((from) => bitmap.nextClean(from))).toEqual([
      64 * KiB,
      64 * KiB,
      64 * KiB,
      192 * KiB,
    ]);
  });

  it('never takes what lies behind the disk for clean', () => {
    const bitmap = oddDisk();
    bitmap.markAll();
    expect(bitmap.nextClean(0)).toBeUndefined();
  });
});

describe('countDirty()', () => {
  it('counts single bytes at both ends of the range', () => {
    const bitmap = oddDisk();
    bitmap.mark(64 * KiB, 64 * KiB);
    expect(bitmap.countDirty(64 * KiB + 10, 5)).toBe(5);
    expect(bitmap.countDirty(64 * KiB - 10, 20)).toBe(10);
    expect(bitmap.countDirty(128 * KiB - 10, 20)).toBe(10);
    expect(bitmap.countDirty(0, 200 * KiB)).toBe(64 * KiB);
    expect(bitmap.countDirty(70_000, 0)).toBe(0);
  });

  it('counts of the last granule only bytes the disk has', () => {
    const bitmap = oddDisk();
    bitmap.markAll();
    expect(bitmap.countDirty(0, 200 * KiB)).toBe(200 * KiB);
    expect(bitmap.countDirty(199 * KiB, KiB)).toBe(KiB);
  });
});

describe('ranges()', () => {
  it('goes through all dirty granules in pieces of the given length', () => {
    const bitmap = oddDisk();
    bitmap.markAll();
    expect([...bitmap.ranges(128 * KiB)]).toEqual([
      { offset: 0, length: 128 * KiB },
      { offset: 128 * KiB, length: 72 * KiB },
    ]);
  });

  it('meets what becomes dirty ahead, not what becomes clean ahead or dirty behind', () => {
    const bitmap = new DirtyBitmap(MiB, 64 * KiB);
    bitmap.mark(128 * KiB, 1);
    bitmap.mark(512 * KiB, 1);
    const ranges = bitmap.ranges();
    expect(ranges.next().value).toEqual({ offset: 128 * KiB, length: 64 * KiB });
    bitmap.mark(0, 1);
    bitmap.clear(512 * KiB, 64 * KiB);
    bitmap.mark(768 * KiB, 1);
    expect(ranges.next().value).toEqual({ offset: 768 * KiB, length: 64 * KiB });
    expect(ranges.next().done).toBe(true);
  });

  it('ends although every range it gives is marked again', () => {
    const bitmap = new DirtyBitmap(MiB, 64 * KiB);
    bitmap.markAll();
    let count = 0;
    for (const { offset, length } of bitmap.ranges(64 * KiB)) {
      bitmap.clear(offset, length);
      bitmap.mark(offset, length);
      count += 1;
    }
    expect(count).toBe(16);
  });
});

describe('merge()', () => {
  it('adds what is dirty in the other, which stays as it is', () => {
    const bitmap = oddDisk();
    const other = oddDisk();
    bitmap.mark(0, 1);
    other.mark(199 * KiB, 1);
    bitmap.merge(other);
    expect(bitmap.dirtyBytes).toBe(72 * KiB);
    expect(other.dirtyBytes).toBe(8 * KiB);
  });

  it('rounds outward when the other is finer', () => {
    const bitmap = oddDisk();
    const fine = new DirtyBitmap(200 * KiB, 512);
    for (const offset of [0, 1024, 65_000, 199 * KiB]) fine.mark(offset, 1);
    bitmap.merge(fine);
    expect([...bitmap.ranges()]).toEqual([
      { offset: 0, length: 64 * KiB },
      { offset: 192 * KiB, length: 8 * KiB },
    ]);
  });

  it('adds whole granules of a coarser one', () => {
    const fine = new DirtyBitmap(200 * KiB, 4 * KiB);
    const coarse = oddDisk();
    coarse.mark(70_000, 1);
    coarse.mark(199 * KiB, 1);
    fine.merge(coarse);
    expect([...fine.ranges()]).toEqual([...coarse.ranges()]);
  });

  it('rejects a bitmap of another size', () => {
    expect(() => oddDisk().merge(new DirtyBitmap(MiB, 64 * KiB))).toThrow(RangeError);
  });

  it('may be given the bitmap itself', () => {
    const bitmap = oddDisk();
    bitmap.mark(0, 1);
    bitmap.merge(bitmap);
    expect(bitmap.dirtyGranules).toBe(1);
  });
});

describe('a bitmap of 1 PiB', () => {
  it.each([512, 64 * KiB])('is as small as any while uniform, at %d bytes', (granularity) => {
    const bitmap = new DirtyBitmap(PiB, granularity);
    const { memoryBytes } = new DirtyBitmap(MiB, granularity);
    expect(memoryBytes).toBeLessThan(5000);
    expect(bitmap.memoryBytes).toBe(memoryBytes);
    bitmap.markAll();
    expect(bitmap.dirtyBytes).toBe(PiB);
    expect(bitmap.memoryBytes).toBe(memoryBytes);
    bitmap.clear(512 * TiB, TiB);
    expect(bitmap.memoryBytes).toBe(memoryBytes);
    expect(bitmap.nextClean(0)).toBe(512 * TiB);
    bitmap.clearAll();
    expect(bitmap.isClean).toBe(true);
    expect(bitmap.memoryBytes).toBe(memoryBytes);
  });

  it('gives back the memory of scattered granules that a job has copied', () => {
    const bitmap = new DirtyBitmap(PiB, 64 * KiB);
    const { memoryBytes } = bitmap;
    const random = seededRandom(1);
    for (let step = 0; step < 5000; step += 1) bitmap.mark(random.below(PiB), 1);
    expect(bitmap.memoryBytes).toBeGreaterThan(100 * memoryBytes);
    for (const { offset, length } of bitmap.ranges()) bitmap.clear(offset, length);
    expect(bitmap.isClean).toBe(true);
    expect(bitmap.memoryBytes).toBe(memoryBytes);
  });
});
