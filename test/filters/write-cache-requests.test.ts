import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { CachedRequests, covers, layOver } from '../../src/filters/write-cache-requests.ts';
import { pattern } from '../support/drivers.ts';

const KEEP = { mayUnmap: false };

describe('cached requests', () => {
  it('keep a copy of what was written', () => {
    const cache = new CachedRequests();
    const bytes = pattern(10);
    cache.addWrite(5, bytes);
    bytes.fill(0);
    const into = new Uint8Array(10);
    layOver(cache.all, 5, into);
    expect(into).toEqual(pattern(10));
  });

  it('lie over what is on the disk in the order in which they came', () => {
    const cache = new CachedRequests();
    cache.addWrite(2, new Uint8Array(6).fill(1));
    cache.addZeroes({ offset: 4, length: 2 }, KEEP);
    cache.addWrite(5, Uint8Array.of(3, 3, 3, 3));
    cache.addDiscard({ offset: 8, length: 10 });
    const into = new Uint8Array(10).fill(9);
    layOver(cache.all, 0, into);
    expect([...into]).toEqual([9, 9, 1, 1, 0, 3, 3, 3, 0, 0]);
    const part = new Uint8Array(3).fill(9);
    layOver(cache.over({ offset: 6, length: 3 }), 6, part);
    expect([...part]).toEqual([3, 3, 0]);
  });

  it('count what they take up, and no more once they are gone', () => {
    const cache = new CachedRequests();
    const first = cache.addWrite(0, pattern(1000));
    cache.addZeroes({ offset: 0, length: 1e12 }, KEEP);
    expect(cache.cost).toBe(1000 + 2 * 128);
    cache.delete(first);
    cache.delete(first);
    expect(cache.cost).toBe(128);
    cache.clear();
    expect([cache.cost, cache.count]).toEqual([0, 0]);
  });

  it('are written after those they overlap, and what those overlap', () => {
    const cache = new CachedRequests();
    const a = cache.addWrite(0, pattern(10));
    const apart = cache.addWrite(100, pattern(10));
    const b = cache.addWrite(9, pattern(10));
    const c = cache.addWrite(18, pattern(10));
    expect(cache.firstBefore(c)).toBe(a);
    expect(cache.firstBefore(apart)).toBe(apart);
    cache.delete(a);
    expect(cache.firstBefore(c)).toBe(b);
    expect(cache.firstBefore(b)).toBe(b);
  });

  it('know when they cover a range between them', () => {
    const cache = new CachedRequests();
    cache.addWrite(10, pattern(10));
    cache.addWrite(0, pattern(10));
    cache.addWrite(25, pattern(10));
    const isCovered = (offset: number, length: number) =>
      covers(cache.over({ offset, length }), { offset, length });
    expect(isCovered(0, 20)).toBe(true);
    expect(isCovered(5, 10)).toBe(true);
    expect(isCovered(5, 16)).toBe(false);
    expect(isCovered(19, 7)).toBe(false);
    expect(isCovered(20, 0)).toBe(true);
  });

  it('say what they know of a range, and how far it holds', () => {
    const cache = new CachedRequests();
    cache.addWrite(10, pattern(10));
    cache.addZeroes({ offset: 15, length: 10 }, KEEP);
    const at = (offset: number) => cache.extentAt({ offset, length: 100 - offset });
    expect(at(0)).toEqual({ length: 10 });
    expect(at(10)).toMatchObject({ length: 5, extent: { length: 5, data: true, zero: false } });
    expect(at(15)).toMatchObject({ length: 5, extent: { zero: true, data: false } });
    expect(at(20)).toMatchObject({ length: 5, extent: { zero: true, allocated: true } });
    expect(at(25)).toEqual({ length: 75 });
  });

  it('end where a disk ends that has become smaller', () => {
    const cache = new CachedRequests();
    cache.addWrite(0, pattern(10));
    cache.addWrite(5, pattern(10));
    cache.addZeroes({ offset: 10, length: 5 }, KEEP);
    cache.truncate(8);
    expect(cache.all.map(({ offset, length }) => [offset, length])).toEqual([
      [0, 8],
      [5, 3],
    ]);
    expect(cache.cost).toBe(8 + 3 + 2 * 128);
  });

  it('agree with an array, whatever they are', () => {
    const random = seededRandom(3);
    const cache = new CachedRequests();
    const model = new Uint8Array(300).fill(7);
    for (let step = 0; step < 200; step += 1) {
      const offset = random.below(290);
      const length = 1 + random.below(300 - offset);
      if (random.below(3) > 0) {
        cache.addWrite(offset, new Uint8Array(length).fill(step));
        model.fill(step, offset, offset + length);
      } else {
        cache.addZeroes({ offset, length }, KEEP);
        model.fill(0, offset, offset + length);
      }
    }
    const range = { offset: 40, length: 200 };
    const into = new Uint8Array(200).fill(7);
    layOver(cache.over(range), 40, into);
    expect(into).toEqual(model.subarray(40, 240));
  });
});
