/** Chooses by chance, and the same for the same seed. */

import { seededRandom } from '../../base/random.ts';
import type { Chooser } from '../chooser.ts';

/** @param seed A whole number from 0 to 2^53 - 1. */
export function seededChooser(seed: number): Chooser {
  const random = seededRandom(seed);
  return { choose: (count) => random.below(count) };
}
