import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { PAGE_LENGTH } from '../../src/drivers/page-pool.ts';
import { PageTable } from '../../src/drivers/page-table.ts';

describe('PageTable', () => {
  it('keeps account of pages as a plain map does', () => {
    const count = 500;
    const size = count * PAGE_LENGTH - 100;
    const table = new PageTable(size);
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
    }
  });
});
