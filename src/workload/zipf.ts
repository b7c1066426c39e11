/**
 * Zipf-distributed numbers in constant memory.
 *
 * Rank r (from 0) comes with a probability in proportion to 1 / (r + 1)^theta. The generator is
 * that of Gray et al., "Quickly Generating Billion-Record Synthetic Databases" (SIGMOD 1994), which
 * YCSB uses too: exact for ranks 0 and 1, a close fit for the rest. It needs zeta(n), the sum of
 * all 1 / r^theta, which for many ranks is the sum of the first ones and the Euler-Maclaurin
 * formula for the others.
 */

import type { Random } from '../base/random.ts';

/** How skewed: YCSB's constant. The formulas hold for values from above 0 to below 1. */
export const ZIPF_THETA = 0.99;

/** How many terms of zeta are added one by one. The error of the formula is then below 1e-12. */
const EXACT_TERMS = 1000;

/** @param count How many ranks there are, at least 1. @returns A function that draws a rank. */
export function zipf(count: number, random: Random): () => number {
  const theta = ZIPF_THETA;
  const zetaCount = zeta(count, theta);
  const firstTwo = 1 + 0.5 ** theta;
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - firstTwo / zetaCount);
  return () => {
    const fraction = random.fraction();
    const scaled = fraction * zetaCount;
    if (scaled < 1) return 0;
    if (scaled < firstTwo) return 1;
    return Math.min(Math.floor(count * (eta * fraction - eta + 1) ** alpha), count - 1);
  };
}

/** The sum of 1 / r^theta for r from 1 to `count`. */
export function zeta(count: number, theta: number): number {
  const exact = Math.min(count, EXACT_TERMS);
  let sum = 0;
  for (let rank = 1; rank <= exact; rank += 1) sum += rank ** -theta;
  if (count === exact) return sum;
  const integral = (count ** (1 - theta) - exact ** (1 - theta)) / (1 - theta);
  const ends = (count ** -theta - exact ** -theta) / 2;
  const slopes = (theta * (exact ** (-theta - 1) - count ** (-theta - 1))) / 12;
  return sum + integral + ends + slopes;
}
