/**
 * Bits in one 32-bit word.
 *
 * A word is a signed integer, as JavaScript's bit operators give it; -1 is all bits set.
 */

/** How many bits are set. */
export function countBits(word: number): number {
  // Sums of neighbours: first of bits in pairs, then of pairs in fours, then of fours in bytes; the
  // product adds the four bytes up in its topmost one.
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  const bytes = (fours + (fours >>> 4)) & 0x0f0f0f0f;
  return Math.imul(bytes, 0x01010101) >>> 24;
}

/** The index of the lowest bit that is set; the word is not 0. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** The bits from `start` up to and without `end`, where 0 <= `start` < `end` <= 32. */
export function bitsBetween(start: number, end: number): number {
  // A shift by 32 would be a shift by 0, hence from the top down instead of up to the top.
  return (-1 << start) & (-1 >>> (32 - end));
}
