import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { PAGE_LENGTH, PagePool } from '../../src/drivers/page-pool.ts';

describe('PagePool', () => {
  it('drops a slab when its last page comes back, and only then', () => {
    const pool = new PagePool();
    const pages = Array.from({ length: 40 }, () => pool.take());
    expect(pool.slabs).toBe(3);
    for (const page of pages.slice(1)) pool.giveBack(page);
    expect(pool.slabs).toBe(1);
    for (const page of pages.slice(0, 1)) pool.giveBack(page);
    expect(pool.slabs).toBe(0);
  });

  it('uses pages again before it makes new ones, and gives no page twice', () => {
    const pool = new PagePool();
    const random = seededRandom(1);
    const used = new Set<Uint8Array>();
    const addresses = new Set<string>();
    const numbers = new Map<ArrayBufferLike, number>();
    const addressOf = ({ buffer, byteOffset }: Uint8Array) => {
      if (!numbers.has(buffer)) numbers.set(buffer, numbers.size);
      return `${numbers.get(buffer)}:${byteOffset}`;
    };
    for (let step = 0; step < 5000; step += 1) {
      const [some] = used;
      if (some && (used.size >= 200 || random.below(5) < 2)) {
        used.delete(some);
        addresses.delete(addressOf(some));
        pool.giveBack(some);
      } else {
        const page = pool.take();
        expect(page.length).toBe(PAGE_LENGTH);
        expect(addresses.has(addressOf(page))).toBe(false);
        used.add(page);
        addresses.add(addressOf(page));
      }
      expect(pool.slabs).toBeLessThanOrEqual(200);
    }
    for (const page of used) pool.giveBack(page);
    expect(pool.slabs).toBe(0);
  });

  it('takes a slab into use again that came back whole, from its first page on', () => {
    const pool = new PagePool();
    const pages = Array.from({ length: 16 }, () => pool.take());
    expect(pages.map(({ byteOffset }) => byteOffset / PAGE_LENGTH)).toEqual([...pages.keys()]);
    for (const page of pages) pool.giveBack(page);
    for (const page of pages) expect(pool.take()).toBe(page);
    expect(pool.take().buffer).not.toBe(pages[0]?.buffer);
  });
});

/** Puts memory of `count` pages into use. */
function adopt(pool: PagePool, count: number): readonly Uint8Array[] {
  const memory = pool.place(count);
  const pages = memory && pool.adopt(memory);
  if (!pages) throw new Error('there was no memory, or it was not adopted');
  return pages;
}

function giveBackAll(pool: PagePool, pages: readonly Uint8Array[]): void {
  for (const page of pages) pool.giveBack(page);
}

describe('memory that is placed', () => {
  it('becomes pages, which lie in it one behind the other', () => {
    const pool = new PagePool();
    const memory = pool.place(40);
    expect([memory?.length, pool.slabs]).toEqual([40 * PAGE_LENGTH, 0]);
    if (!memory) return;
    const pages = pool.adopt(memory) ?? [];
    expect([pages.length, pool.slabs]).toEqual([40, 1]);
    for (const [index, page] of pages.entries()) {
      expect([page.buffer === memory.buffer, page.byteOffset, page.length]).toEqual([
        true,
        index * PAGE_LENGTH,
        PAGE_LENGTH,
      ]);
    }
    giveBackAll(pool, pages);
    expect(pool.slabs).toBe(0);
  });

  it('is adopted whole and once, and only where it was placed', () => {
    const [pool, other] = [new PagePool(), new PagePool()];
    const memory = pool.place(40);
    if (!memory) throw new Error('there was no memory');
    expect(pool.adopt(memory.subarray(PAGE_LENGTH))).toBeUndefined();
    expect(other.adopt(memory)).toBeUndefined();
    expect(pool.adopt(new Uint8Array(memory.length))).toBeUndefined();
    expect(pool.adopt(memory)).toHaveLength(40);
    expect(pool.adopt(memory)).toBeUndefined();
  });

  it('is used again as a whole, 8 MiB of it, and forgotten when longest idle', () => {
    const pool = new PagePool();
    const used = Array.from({ length: 40 }, () => adopt(pool, 64));
    for (const pages of used) giveBackAll(pool, pages);
    const again = Array.from({ length: 33 }, () => pool.place(64)?.buffer);
    const recent = used.slice(-32).map(([page]) => page?.buffer);
    expect(again.slice(0, 32).every((buffer, index) => buffer === recent[31 - index])).toBe(true);
    expect(used.some(([page]) => page?.buffer === again[32])).toBe(false);
  });

  it('is one and the same for one write after the other', () => {
    const pool = new PagePool();
    const buffers = new Set<unknown>();
    for (let count = 0; count < 300; count += 1) {
      const pages = adopt(pool, 64);
      buffers.add(pages[0]?.buffer);
      giveBackAll(pool, pages);
    }
    expect(buffers.size).toBe(1);
  });

  it('is not kept, nor makes others go, when it is more than that', () => {
    const pool = new PagePool();
    const [small, large] = [adopt(pool, 64), adopt(pool, 2049)];
    giveBackAll(pool, small);
    giveBackAll(pool, large);
    expect(pool.place(64)?.buffer).toBe(small[0]?.buffer);
    expect(pool.place(2049)?.buffer).not.toBe(large[0]?.buffer);
  });

  it('is not to be had while 32 MiB lie free between pages in use', () => {
    const pool = new PagePool();
    // Neither what is in use nor what is wholly free counts.
    for (let count = 0; count < 1024; count += 1) pool.take();
    giveBackAll(pool, adopt(pool, 10_000));
    const free = 32 * 256;
    expect(pool.place(64)).toBeDefined();
    for (let left = free; left > 0; left -= 511) giveBackAll(pool, adopt(pool, 512).slice(1));
    expect(pool.place(64)).toBeUndefined();
    const slabs = pool.slabs;
    for (let count = 0; count < 512; count += 1) pool.take();
    expect(pool.slabs).toBe(slabs);
    expect(pool.place(64)).toBeDefined();
  });
});

describe('a loan', () => {
  it('keeps pages as they are that were given back, until the last one of the slab ends', () => {
    const pool = new PagePool();
    const pages = Array.from({ length: 16 }, () => pool.take());
    const [first, second] = pages as [Uint8Array, Uint8Array];
    const loans = [pool.lend([first.subarray(100)]), pool.lend([second, first])];
    for (const page of pages) expect(pool.isLent(page)).toBe(true);
    giveBackAll(pool, pages);
    const other = pool.take();
    expect([other.buffer === first.buffer, pool.isLent(other), pool.slabs]).toEqual([
      false,
      false,
      2,
    ]);
    loans[1]?.end();
    expect(pool.slabs).toBe(2);
    loans[0]?.end();
    expect(pool.slabs).toBe(1);
  });

  it('ends once', () => {
    const pool = new PagePool();
    const page = pool.take();
    const [ended, other] = [pool.lend([page]), pool.lend([page])];
    ended.end();
    ended.end();
    expect(pool.isLent(page)).toBe(true);
    other.end();
    expect(pool.isLent(page)).toBe(false);
  });

  it('leaves alone what is given back later', () => {
    const pool = new PagePool();
    const page = pool.take();
    pool.lend([page]).end();
    pool.giveBack(page);
    expect(pool.slabs).toBe(0);
  });
});
