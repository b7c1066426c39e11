/**
 * Scalars as QEMU's command line writes them: `on`, `64K`, `0x200`.
 *
 * What QEMU says of a text that is none depends on who asks, so that here are only its error codes.
 */

import { integerOf } from '../qmp/json-value.ts';

/** `EINVAL` for a text that is no number, `ERANGE` for one that is too large. */
export type ScalarError = 'EINVAL' | 'ERANGE';

/** A `number` where that is exact, else a `bigint`. */
export type Integer = number | bigint;

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['yes', true],
  ['true', true],
  ['y', true],
  ['off', false],
  ['no', false],
  ['false', false],
  ['n', false],
]);

/** @returns What the text says, `undefined` if it says neither. */
export function parseBoolean(text: string): boolean | undefined {
  return BOOLEANS.get(text);
}

const UNSIGNED_MAX = 2n ** 64n - 1n;
const SIGNED_MAX = 2n ** 63n - 1n;

/** Decimal, hexadecimal or, after a zero, octal. */
const INTEGER = /^[ \t-\r]*([+-]?)(?:0x([\da-f]+)|0([0-7]*)|([1-9]\d*))$/i;

/** Reads 64 bits with a sign. */
export function parseSigned(text: string): Integer | ScalarError {
  const value = parseInteger(text);
  if (value === undefined) return 'EINVAL';
  return value > SIGNED_MAX || value < -SIGNED_MAX - 1n ? 'ERANGE' : exact(value);
}

/** Reads 64 bits without a sign; as in C, -1 is the largest there is. */
export function parseUnsigned(text: string): Integer | ScalarError {
  const value = parseInteger(text);
  if (value === undefined) return 'EINVAL';
  const isTooLarge = value > UNSIGNED_MAX || value < -UNSIGNED_MAX;
  return isTooLarge ? 'ERANGE' : exact(BigInt.asUintN(64, value));
}

function parseInteger(text: string): bigint | undefined {
  const [, sign, hexadecimal, octal, decimal] = INTEGER.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const size = hexadecimal ? `0x${hexadecimal}` : (decimal ?? `0o${octal || '0'}`);
  return sign === '-' ? -BigInt(size) : BigInt(size);
}

const SUFFIXES = 'BKMGTPE';
const SIZE = /^[ \t-\r]*\+?(?:(0x[\da-f]+)|(\d+)(?:\.(\d*))?)([BKMGTPE]?)$/i;
/** Fractions count in parts of this. */
const ONE = 2n ** 64n;

/**
 * Reads a size: bytes, or with a suffix the power of 1024, perhaps with a fraction of it, which is
 * rounded to whole bytes. Hexadecimal has no fraction, and `b` and `e` are digits of it.
 */
export function parseSize(text: string): Integer | ScalarError {
  const [, hexadecimal, whole, fraction = '', suffix] = SIZE.exec(text) ?? [];
  if (suffix === undefined) return 'EINVAL';
  const parts = BigInt(Math.floor(Number(`0.${fraction}`) * Number(ONE)));
  const power = SUFFIXES.indexOf(suffix.toUpperCase());
  if (power === 0 && parts > 0n) return 'EINVAL';
  const scaled = (BigInt(hexadecimal ?? whole ?? 0) * ONE + parts) * 1024n ** BigInt(power);
  const value = (scaled + ONE / 2n) / ONE;
  return value > UNSIGNED_MAX ? 'ERANGE' : exact(value);
}

function exact(value: bigint): Integer {
  return integerOf(value) ?? value;
}
