/**
 * Arithmetic on byte ranges.
 *
 * Offsets go up to 2^53, so nothing here uses the 32-bit operators.
 */

/** `length` bytes from `offset`. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** The largest multiple of `alignment` that is not above `value`. */
export function alignDown(value: number, alignment: number): number {
  return value - (value % alignment);
}

/** The smallest multiple of `alignment` that is not below `value`. */
export function alignUp(value: number, alignment: number): number {
  const over = value % alignment;
  return over === 0 ? value : value + (alignment - over);
}

/** Whether `value` is a power of two, 1 included. */
export function isPowerOfTwo(value: number): boolean {
  // Above 2^47 the logarithm of a neighbour rounds to a whole number too: so back again.
  return Number.isSafeInteger(value) && value > 0 && 2 ** Math.round(Math.log2(value)) === value;
}

/** Whether two ranges share a byte; an empty one shares none. */
export function overlaps(a: ByteRange, b: ByteRange): boolean {
  const start = Math.max(a.offset, b.offset);
  return start < a.offset + a.length && start < b.offset + b.length;
}
