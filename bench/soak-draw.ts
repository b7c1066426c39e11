/** Drawing by chance: what the plans of the soak are made with. */

import { type Random, seededRandom } from '../src/base/random.ts';

/** The chances of one round: those of no other round of this or another seed. */
export function roundRandom(seed: number, round: number): Random {
  const random = seededRandom(seed);
  const mixed = random.uint32() * 2 ** 20 + round;
  return seededRandom(mixed % Number.MAX_SAFE_INTEGER);
}

/** One of some, each as likely as any other. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const chosen = list[random.below(list.length)];
  if (chosen === undefined) throw new RangeError('Cannot pick one of none');
  return chosen;
}

/** A whole number from `least` to `most`. */
export function between(random: Random, least: number, most: number): number {
  return least + random.below(most - least + 1);
}

/** Whether something of that probability happens. */
export function chance(random: Random, probability: number): boolean {
  return random.fraction() < probability;
}

/** Some times from 0 to `lengthMs`, in order. */
export function drawTimes(random: Random, count: number, lengthMs: number): readonly number[] {
  return Array.from({ length: count }, () => between(random, 0, lengthMs)).sort((a, b) => a - b);
}
