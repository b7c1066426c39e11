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
});
