import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { PAGE_LENGTH, PagePool } from '../../src/drivers/page-pool.ts';
import { PageTable } from '../../src/drivers/page-table.ts';

/** How many pages from `index` on lie one behind the other in memory. */
function adjacent(model: ReadonlyMap<number, Uint8Array>, index: number, countMax: number): number {
  const first = model.get(index);
  for (let count = 1; count < countMax; count += 1) {
    const next = model.get(index + count);
    const isBehind = next?.byteOffset === (first?.byteOffset ?? 0) + count * PAGE_LENGTH;
    if (next?.buffer !== first?.buffer || !isBehind) return count;
  }
  return countMax;
}

describe('PageTable', () => {
  it('keeps account of pages as a plain map does', () => {
    const count = 500;
    const size = count * PAGE_LENGTH - 100;
    const table = new PageTable(size, new PagePool());
    const model = new Map<number, Uint8Array>();
    const random = seededRandom(2);
    for (let step = 0; step < 3000; step += 1) {
      const index = random.below(count);
      if (random.below(4) > 0) {
        if (!model.has(index)) model.set(index, table.add(index));
      } else {
        const end = Math.min(index + random.below(20), count);
        for (let at = index; at < end; at += 1) model.delete(at);
        const offset = index * PAGE_LENGTH;
        table.drop({ offset, length: Math.max(Math.min(end * PAGE_LENGTH, size) - offset, 0) });
      }
      const asked = random.below(count);
      expect(table.find(asked)).toBe(model.get(asked));
      expect(table.has(asked * PAGE_LENGTH)).toBe(model.has(asked));
      const next = [...model.keys()].filter((at) => at >= asked).sort((a, b) => a - b)[0];
      const nextOffset = next === undefined ? size : next * PAGE_LENGTH;
      expect(table.nextPresent(asked * PAGE_LENGTH)).toBe(nextOffset);
      let missing = asked;
      while (model.has(missing)) missing += 1;
      expect(table.nextMissing(asked * PAGE_LENGTH)).toBe(Math.min(missing * PAGE_LENGTH, size));
      expect(table.bytes).toBe(model.size * PAGE_LENGTH);
      const first = model.get(asked);
      if (first) expect(table.countAdjacent(asked, first, 20)).toBe(adjacent(model, asked, 20));
    }
  });

  it('gives back a page when another takes its place', () => {
    const pool = new PagePool();
    const table = new PageTable(100 * PAGE_LENGTH, pool);
    for (let count = 0; count < 100; count += 1) table.add(50);
    expect([pool.slabs, table.bytes]).toEqual([1, PAGE_LENGTH]);
    const memory = pool.place(20) ?? new Uint8Array(0);
    const pages = pool.adopt(memory) ?? [];
    table.addAll(40, pages);
    expect([pool.slabs, table.bytes]).toEqual([1, 20 * PAGE_LENGTH]);
    expect([table.find(39), table.find(40), table.find(59), table.find(60)]).toEqual([
      undefined,
      pages[0],
      pages[19],
      undefined,
    ]);
    table.drop({ offset: 0, length: 100 * PAGE_LENGTH });
    expect([pool.slabs, table.bytes]).toEqual([0, 0]);
  });
});
