/** Chance that a seed repeats. */

import { seededRandom } from '../../src/base/random.ts';

/** @returns So many of the items, or all, in their order; every choice is equally likely. */
export function sampleOf<T>(items: readonly T[], count: number, seed: number): readonly T[] {
  const random = seededRandom(seed);
  let wanted = Math.min(count, items.length);
  return items.filter((_, index) => {
    if (random.below(items.length - index) >= wanted) return false;
    wanted -= 1;
    return true;
  });
}

/** @returns The items in any order; the first so many of them are a sample as well. */
export function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const random = seededRandom(seed);
  const keyed = items.map((item) => ({ item, key: random.uint32() }));
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
}
