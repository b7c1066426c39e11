/**
 * Random operations on a bitmap and on a model so simple that it is right by inspection.
 *
 * A small disk is modelled by one boolean for each granule. A huge one cannot be; there, operations
 * begin and end only at some hundred chosen places, so that one boolean for what lies between two
 * neighbouring ones is enough.
 */

import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { DirtyBitmap } from '../../src/bitmap/dirty-bitmap.ts';

const KiB = 1024;
const MiB = KiB ** 2;
const TiB = KiB ** 4;
const PiB = KiB ** 5;

/** A huge disk: what lies between two neighbouring `cuts` is dirty or clean as a whole. */
class CutModel {
  readonly cuts: readonly number[];
  readonly #dirty: boolean[];

  constructor(cuts: readonly number[]) {
    this.cuts = [...new Set(cuts)].sort((a, b) => a - b);
    this.#dirty = this.cuts.map(() => false);
  }

  cut(index: number): number {
    return this.cuts[index] ?? Number.NaN;
  }

  set(start: number, end: number, isDirty: boolean): void {
    this.#dirty.fill(isDirty, start, end);
  }

  dirtyBetween(start: number, end: number): number {
    let bytes = 0;
    for (let index = start; index < end; index += 1) {
      if (this.#dirty[index]) bytes += this.cut(index + 1) - this.cut(index);
    }
    return bytes;
  }

  nextDirty(from: number): { offset: number; length: number } | undefined {
    const first = this.#dirty.indexOf(true, from);
    if (first < 0) return undefined;
    const end = this.#dirty.indexOf(false, first);
    return { offset: this.cut(first), length: this.cut(end) - this.cut(first) };
  }

  nextClean(from: number): number | undefined {
    const first = this.#dirty.indexOf(false, from);
    return first === this.cuts.length - 1 ? undefined : this.cut(first);
  }
}

/** Granules around every boundary of words, leaves and nodes, and some anywhere. */
function interestingCuts(random: Random, size: number, granularity: number): number[] {
  const granules = Math.ceil(size / granularity);
  const cuts = [0, size];
  for (let power = 0; 2 ** power < granules; power += 1) {
    for (const offset of [-33, -32, -1, 0, 1, 31, 1024]) cuts.push(2 ** power + offset);
  }
  for (let count = 0; count < 100; count += 1) cuts.push(random.below(granules));
  const [zero = 0, end = 0, ...rest] = cuts;
  const inside = rest.filter((granule) => granule > 0 && granule < granules);
  return [zero, end, ...inside.map((granule) => granule * granularity)];
}

describe('DirtyBitmap and a model', () => {
  it.each([
    [PiB, 64 * KiB],
    [PiB - 12_345, 512],
    [Number.MAX_SAFE_INTEGER, 4 * KiB],
    [16 * TiB + 1, 64 * MiB],
  ])('agree on a disk of %d bytes at %d after any operations', (size, granularity) => {
    const random = seededRandom(granularity);
    const bitmap = new DirtyBitmap(size, granularity);
    const model = new CutModel(interestingCuts(random, size, granularity));
    const last = model.cuts.length - 1;
    for (let step = 0; step < 4000; step += 1) {
      const reach = random.below(4) === 0 ? last : 4;
      const start = random.below(last);
      const end = Math.min(start + 1 + random.below(reach), last);
      const [offset, length] = [model.cut(start), model.cut(end) - model.cut(start)];
      const isMark = random.below(2) === 0;
      if (isMark) bitmap.mark(offset, length);
      else bitmap.clear(offset, length);
      model.set(start, end, isMark);

      const from = random.below(last + 1);
      expect(bitmap.nextDirty(model.cut(from))).toEqual(model.nextDirty(from));
      expect(bitmap.nextClean(model.cut(from))).toEqual(model.nextClean(from));
      expect(bitmap.countDirty(offset, length)).toBe(model.dirtyBetween(start, end));
      expect(bitmap.dirtyBytes).toBe(model.dirtyBetween(0, last));
      expect(bitmap.test(offset)).toBe(isMark);
    }
    const copy = DirtyBitmap.restore(bitmap.serialise());
    expect([...copy.ranges()]).toEqual([...bitmap.ranges()]);
    expect(copy.memoryBytes).toBeLessThanOrEqual(bitmap.memoryBytes);
  });

  it.each([
    [1, 512],
    [511, 512],
    [513, 512],
    [100_001, 512],
    [3 * MiB - 1, 1024],
    [700 * KiB, 64 * KiB],
  ])('agree on a disk of %d bytes at %d, byte by byte', (size, granularity) => {
    const random = seededRandom(size);
    const bitmap = new DirtyBitmap(size, granularity);
    const model = Array.from({ length: Math.ceil(size / granularity) }, () => false);
    const bytesOf = (granule: number) =>
      Math.min((granule + 1) * granularity, size) - granule * granularity;
    const dirtyBytes = () =>
      model.reduce((sum, isDirty, granule) => sum + (isDirty ? bytesOf(granule) : 0), 0);
    for (let step = 0; step < 3000; step += 1) {
      const offset = random.below(size);
      const lengthMax = random.below(4) === 0 ? size : 4 * granularity;
      const length = Math.min(1 + random.below(lengthMax), size - offset);
      const [first, last] = [offset, offset + length - 1].map((at) => Math.floor(at / granularity));
      if (first === undefined || last === undefined) continue;
      if (random.below(2) === 0) {
        bitmap.mark(offset, length);
        model.fill(true, first, last + 1);
      } else {
        const end = Math.min((last + 1) * granularity, size);
        bitmap.clear(first * granularity, end - first * granularity);
        model.fill(false, first, last + 1);
      }
      expect(bitmap.dirtyBytes).toBe(dirtyBytes());
      expect(bitmap.dirtyGranules).toBe(model.filter(Boolean).length);
      expect(bitmap.test(offset)).toBe(model[first]);
      const next = bitmap.nextDirty(offset);
      const found = model.indexOf(true, first);
      expect(next?.offset).toBe(found < 0 ? undefined : found * granularity);
      const behind = model.indexOf(false, found);
      const end = behind < 0 ? size : behind * granularity;
      if (next !== undefined) expect(next.offset + next.length).toBe(end);
    }
  });
});
