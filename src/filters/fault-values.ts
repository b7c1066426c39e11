/** Readers for the values that the options of faults have beyond those of all nodes. */

import { BlockError, type BlockErrorCode, isBlockErrorCode } from '../base/errors.ts';
import type { ByteRange } from '../base/ranges.ts';
import { group, type OptionReader, required, unsigned } from '../block/options.ts';

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

type Parse<Value> = (value: unknown, name: string) => Value;

/** An error by its name, such as `ENOSPC`, or by Linux's number, such as 28. */
export const errno: Parse<BlockErrorCode> = (value, name) => {
  if (isBlockErrorCode(value)) return value;
  const code = CODES.get(value);
  if (code) return code;
  throw refuse(`Parameter '${name}' does not accept value '${String(value)}'`);
};

/** A time from 0 to 2^31 - 1 ms, with fractions. */
export const milliseconds: Parse<number> = (value, name) =>
  number(value, { name, min: 0, max: DELAY_MS_MAX });

/** Above 0, up to 1. */
export const probability: Parse<number> = (value, name) => {
  const found = number(value, { name, min: 0, max: 1 });
  if (found === 0) throw refuse(`Parameter '${name}' expects a value above 0`);
  return found;
};

/** A whole number from 1. */
export const positive: Parse<number> = (value, name) => {
  const found = unsigned(value, name);
  if (found === 0) throw refuse(`Parameter '${name}' expects a value above 0`);
  return found;
};

const readRange = group({ offset: required(unsigned), length: required(positive) });

/** Bytes: `{ offset, length }`, the length above 0. */
export const range: Parse<ByteRange> = (value, name) => readRange(value, name);

/** @param lengthMax How many there may be. */
export function listOf<Value>(
  read: OptionReader<Value>,
  lengthMax: number,
): Parse<readonly Value[]> {
  return (value, name) => {
    if (!Array.isArray(value)) {
      throw refuse(`Invalid parameter type for '${name}', expected: array`);
    }
    if (value.length > lengthMax) {
      throw refuse(`Parameter '${name}' takes at most ${lengthMax} elements`);
    }
    return value.map((element: unknown, index) => read(element, `${name}.${index}`));
  };
}

/** A number within bounds. */
export function number(
  value: unknown,
  bounds: { readonly name: string; readonly min: number; readonly max: number },
): number {
  const { name, min, max } = bounds;
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw refuse(`Invalid parameter type for '${name}', expected: number`);
  }
  if (value >= min && value <= max) return value;
  throw refuse(`Parameter '${name}' expects a value from ${min} to ${max}`);
}

/** An option that is wrong. */
export function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'open the node', reason);
}
