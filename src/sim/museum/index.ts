/** All exhibits of the museum, and what is not shown. */

import { ABSENCES } from './absences.ts';
import type { Absent, Exhibit } from './exhibit.ts';
import { HANGS } from './hangs.ts';
import { LATENT } from './latent.ts';
import { LOST_DATA } from './lost-data.ts';
import { STALE_DATA } from './stale-data.ts';
import { WRONG_NUMBERS } from './wrong-numbers.ts';
import { WRONG_STATUS } from './wrong-status.ts';

/** Every exhibit, in the order of the catalogue. */
export const EXHIBITS: readonly Exhibit[] = [
  ...LOST_DATA,
  ...STALE_DATA,
  ...HANGS,
  ...WRONG_STATUS,
  ...WRONG_NUMBERS,
  ...LATENT,
];

/** The bugs of the catalogue that no small change puts back. */
export const ABSENT: readonly Absent[] = ABSENCES;

/** @param name The name or the identifier of an exhibit: `B7-two-copies-one-granule` or `B7`. */
export function find(name: string): Exhibit | undefined {
  const wanted = name.toLowerCase();
  return EXHIBITS.find((one) => [one.name, one.id].some((word) => word.toLowerCase() === wanted));
}
