import { describe, expect, it } from 'vitest';
import { DirtyBitmap } from '../../src/bitmap/dirty-bitmap.ts';
import { DirtyCursor } from '../../src/bitmap/dirty-cursor.ts';

const KiB = 1024;
const GRANULARITY = 64 * KiB;

function disk(granules: number): DirtyBitmap {
  return new DirtyBitmap(granules * GRANULARITY, GRANULARITY);
}

/** The number of the granule the cursor finds next, cleared as a job would. */
function take(bitmap: DirtyBitmap, cursor: DirtyCursor): number | undefined {
  const range = cursor.next(GRANULARITY);
  if (range === undefined) return undefined;
  bitmap.clear(range.offset, range.length);
  return range.offset / GRANULARITY;
}

describe('DirtyCursor', () => {
  it('goes on where it stood', () => {
    const bitmap = disk(8);
    bitmap.markAll();
    const cursor = new DirtyCursor(bitmap);
    expect([take(bitmap, cursor), take(bitmap, cursor)]).toEqual([0, 1]);
    expect(cursor.offset).toBe(2 * GRANULARITY);
  });

  it('comes back to a granule that is always hot only after all the others', () => {
    const bitmap = disk(4);
    bitmap.markAll();
    const cursor = new DirtyCursor(bitmap);
    const taken: (number | undefined)[] = [];
    for (let step = 0; step < 7; step += 1) {
      taken.push(take(bitmap, cursor));
      bitmap.mark(0, 1);
    }
    expect(taken).toEqual([0, 1, 2, 3, 0, 0, 0]);
  });

  it('starts over at the end and finds what lies before it', () => {
    const bitmap = disk(8);
    bitmap.mark(7 * GRANULARITY, 1);
    const cursor = new DirtyCursor(bitmap);
    expect(take(bitmap, cursor)).toBe(7);
    bitmap.mark(3 * GRANULARITY, 1);
    bitmap.mark(7 * GRANULARITY, 1);
    expect([take(bitmap, cursor), take(bitmap, cursor)]).toEqual([3, 7]);
  });

  it('starts over from behind a granule that the disk ends in', () => {
    const bitmap = new DirtyBitmap(200 * KiB, GRANULARITY);
    bitmap.mark(199 * KiB, 1);
    const cursor = new DirtyCursor(bitmap);
    expect(cursor.next()).toEqual({ offset: 192 * KiB, length: 8 * KiB });
    bitmap.mark(0, 1);
    expect(cursor.next()).toEqual({ offset: 0, length: GRANULARITY });
  });

  it('finds nothing in a clean bitmap and stays where it is', () => {
    const bitmap = disk(8);
    bitmap.mark(GRANULARITY, 1);
    const cursor = new DirtyCursor(bitmap);
    expect(take(bitmap, cursor)).toBe(1);
    expect(cursor.next()).toBeUndefined();
    expect(cursor.offset).toBe(2 * GRANULARITY);
    bitmap.mark(0, 3 * GRANULARITY);
    expect(take(bitmap, cursor)).toBe(2);
  });

  it('finds a range again that nobody has cleared', () => {
    const bitmap = disk(8);
    bitmap.mark(GRANULARITY, 1);
    const cursor = new DirtyCursor(bitmap);
    expect(cursor.next()).toEqual(cursor.next());
  });
});
