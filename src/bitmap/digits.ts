/**
 * Indices as numbers with digits to the base 32, as the tree is addressed.
 *
 * Digit 0 is the bit in a word, digit 1 the word in a leaf, digit `level` the slot in a node of
 * that level. Indices may exceed 2^32; no other file uses a 32-bit operator on a whole one.
 */

/** How many digits an index has at most: it is below 2^45. */
const DIGITS_MAX = 9;

/** The digits that lie whole in the lower 32 bits of an index. */
const LOW_DIGITS = 6;
const LOW_UNIT = 32 ** LOW_DIGITS;

const UNITS = Array.from({ length: DIGITS_MAX + 1 }, (_, level) => 32 ** level);

/** @returns What one step of a digit adds to the index: 32 to the power of `level`, 0 to 9. */
export function unitOf(level: number): number {
  return UNITS[level] ?? 0;
}

/** @returns One digit of an index: the slot in a node at `level`, or the bit in a word at 0. */
export function digitOf(index: number, level: number): number {
  // `>>>` takes its left side modulo 2^32, which leaves the lower digits as they are.
  if (level < LOW_DIGITS) return (index >>> (5 * level)) & 31;
  return (Math.floor(index / LOW_UNIT) >>> (5 * (level - LOW_DIGITS))) & 31;
}

/** @returns The level of the root node that a number of indices needs, at least that of a leaf. */
export function levelFor(length: number): number {
  return Math.max(UNITS.findIndex((unit) => unit >= length) - 1, 1);
}
