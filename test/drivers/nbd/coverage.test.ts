import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { Coverage } from '../../../src/drivers/nbd/coverage.ts';

describe('coverage of a read', () => {
  it('is whole when every byte has come once, in whatever order', () => {
    const random = seededRandom(1);
    for (let round = 0; round < 200; round += 1) {
      const length = 1 + random.below(40);
      const coverage = new Coverage(length);
      const come = new Array<boolean>(length).fill(false);
      let tries = 0;
      for (; !come.every(Boolean) && tries < 100_000; tries += 1) {
        const start = random.below(length);
        const end = start + 1 + random.below(Math.min(8, length - start));
        const isNew = come.slice(start, end).every((has) => !has);
        // One that overlaps ends the read in earnest, so that it is tried on another one.
        const mistake = (isNew ? coverage : rebuilt(come)).add(start, end);
        if ((mistake === undefined) !== isNew) throw new Error(`Wrong of ${start} to ${end}`);
        if (isNew) come.fill(true, start, end);
      }
      expect(tries).toBeLessThan(100_000);
      expect(coverage.isWhole).toBe(true);
    }
  });

  it('is not whole before the last byte has come', () => {
    for (let last = 0; last < 9; last += 1) {
      const coverage = new Coverage(9);
      for (let at = 0; at < 9; at += 1) if (at !== last) coverage.add(at, at + 1);
      expect(coverage.isWhole).toBe(false);
      coverage.add(last, last + 1);
      expect(coverage.isWhole).toBe(true);
    }
  });

  it('bounds the number of pieces that lie apart', () => {
    const coverage = new Coverage(10_000);
    const mistakes = Array.from({ length: 1025 }, (_, index) =>
      coverage.add(2 * index, 2 * index + 1),
    );
    expect(mistakes.slice(0, 1024).every((mistake) => mistake === undefined)).toBe(true);
    expect(mistakes[1024]).toBe('its pieces are too many and too scattered');
  });
});

/** A coverage of which the same has come, byte by byte and from the end. */
function rebuilt(come: readonly boolean[]): Coverage {
  const coverage = new Coverage(come.length);
  for (let at = come.length - 1; at >= 0; at -= 1) if (come[at]) coverage.add(at, at + 1);
  return coverage;
}
