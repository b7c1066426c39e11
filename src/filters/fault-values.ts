/** Types of the values that the options of faults have beyond those of all nodes. */

import { type BlockErrorCode, isBlockErrorCode } from '../base/errors.ts';
import type { ByteRange } from '../base/ranges.ts';
import { refuse, unsigned } from '../block/options.ts';
import { converted, list, struct } from '../wire/qapi/composites.ts';
import { int, number } from '../wire/qapi/scalars.ts';
import type { Place, Type } from '../wire/qapi/type.ts';

/** The longest that a timer of Node waits. */
export const DELAY_MS_MAX = 2 ** 31 - 1;

/** The codes by Linux's numbers, as QEMU's `errno` gives them. */
const CODES: ReadonlyMap<unknown, BlockErrorCode> = new Map([
  [1, 'EPERM'],
  [2, 'ENOENT'],
  [5, 'EIO'],
  [12, 'ENOMEM'],
  [13, 'EACCES'],
  [16, 'EBUSY'],
  [17, 'EEXIST'],
  [19, 'ENODEV'],
  [21, 'EISDIR'],
  [22, 'EINVAL'],
  [27, 'EFBIG'],
  [28, 'ENOSPC'],
  [30, 'EROFS'],
  [95, 'ENOTSUP'],
  [108, 'ESHUTDOWN'],
  [125, 'ECANCELED'],
]);

/** An error by its name, such as `ENOSPC`, or by Linux's number, such as 28, as QEMU has it. */
export const errno: Type<BlockErrorCode> = {
  shape: int.shape,
  read(given, place) {
    if (isBlockErrorCode(given)) return given;
    const value = int.read(given, place);
    const code = CODES.get(value);
    if (code) return code;
    throw refuse(`Parameter '${place.path}' does not accept value '${value}'`);
  },
};

/** A number within bounds. */
export function numberFrom(min: number, max: number): Type<number> {
  return converted(number, (value, { path }) => {
    if (value >= min && value <= max) return value;
    throw refuse(`Parameter '${path}' expects a value from ${min} to ${max}`);
  });
}

/** A time from 0 to 2^31 - 1 ms, with fractions. */
export const milliseconds: Type<number> = numberFrom(0, DELAY_MS_MAX);

/** Above 0, up to 1. */
export const probability: Type<number> = converted(numberFrom(0, 1), demandPositive);

/** A whole number from 1. */
export const positive: Type<number> = converted(unsigned, demandPositive);

function demandPositive(value: number, { path }: Place): number {
  if (value > 0) return value;
  throw refuse(`Parameter '${path}' expects a value above 0`);
}

/** Bytes: `{ offset, length }`, the length above 0. */
export const range: Type<ByteRange> = struct('ByteRange', { offset: unsigned, length: positive });

/** @param lengthMax How many there may be. */
export function listOf<Value>(element: Type<Value>, lengthMax: number): Type<readonly Value[]> {
  return converted(list(element), (values, { path }) => {
    if (values.length <= lengthMax) return values;
    throw refuse(`Parameter '${path}' takes at most ${lengthMax} elements`);
  });
}
