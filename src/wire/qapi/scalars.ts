/** The types of QAPI that have no parts. */

import type { Integer, ScalarError } from '../options/scalars.ts';
import { parseBoolean, parseSigned, parseSize, parseUnsigned } from '../options/scalars.ts';
import type { JsonValue } from '../qmp/json-value.ts';
import {
  expects,
  type JsonKind,
  missing,
  mistyped,
  type Place,
  refuse,
  type Type,
} from './type.ts';

/** Any text. */
export const str: Type<string> = builtin('str', 'string', (given, place) => {
  if (place.notation === 'keyval') return textOf(given, place);
  if (typeof given !== 'string') throw mistyped(place, 'string');
  return given;
});

export const bool: Type<boolean> = builtin('bool', 'boolean', (given, place) => {
  if (place.notation === 'json') {
    if (typeof given !== 'boolean') throw mistyped(place, 'boolean');
    return given;
  }
  const value = parseBoolean(textOf(given, place));
  if (value === undefined) throw expects(place, "'on' or 'off'");
  return value;
});

/** A whole number of 64 bits with a sign; one beyond 2^53 is rounded. */
export const int: Type<number> = wholeNumber('int', { least: -(2n ** 63n), most: 2n ** 63n - 1n });

export const int32: Type<number> = wholeNumber('int32', {
  least: -(2n ** 31n),
  most: 0x7fff_ffffn,
});

export const uint8: Type<number> = wholeNumber('uint8', { least: 0n, most: 0xffn });
export const uint16: Type<number> = wholeNumber('uint16', { least: 0n, most: 0xffffn });
export const uint32: Type<number> = wholeNumber('uint32', { least: 0n, most: 0xffff_ffffn });
export const uint64: Type<number> = wholeNumber('uint64', { least: 0n, most: 2n ** 64n - 1n });

/** Bytes; on a command line with a suffix such as `64K`. */
export const size: Type<number> = builtin('size', 'int', (given, place) => {
  if (place.notation === 'json') return uint64.read(given, place);
  return Number(parsed(parseSize(textOf(given, place)), place, 'size'));
});

/** A number with or without a fraction. */
export const number: Type<number> = builtin('number', 'number', (given, place) => {
  const value = place.notation === 'json' ? given : Number(textOf(given, place));
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) throw mistyped(place, 'number');
  return value;
});

/** Expressly nothing. */
export const nothing: Type<null> = builtin('null', 'null', (given, place) => {
  // On a command line nothing is written as the empty text.
  if (place.notation === 'json' ? given !== null : given !== '') throw mistyped(place, 'null');
  return null;
});

/** A value of any kind, as it was given. */
export const anything: Type<JsonValue> = builtin('any', 'value', (given) => given);

function builtin<Value>(
  name: string,
  json: JsonKind,
  check: (given: JsonValue, place: Place) => Value,
): Type<Value> {
  return {
    shape: { kind: 'builtin', name, json },
    read(given, place) {
      if (given === undefined) throw missing(place);
      return check(given, place);
    },
  };
}

interface Bounds {
  readonly least: bigint;
  readonly most: bigint;
}

function wholeNumber(name: string, { least, most }: Bounds): Type<number> {
  const isSigned = least < 0n;
  const parse = isSigned ? parseSigned : parseUnsigned;
  return builtin(name, 'int', (given, place) => {
    const value =
      place.notation === 'json'
        ? integerAt(given)
        : parsed(parse(textOf(given, place)), place, 'integer');
    if (value === undefined) {
      throw isSigned ? mistyped(place, 'integer') : expects(place, 'uint64');
    }
    // What has no sign may be written with one, for the same 64 bits: so old clients did.
    const counted = !isSigned && value < 0 ? BigInt(value) + 2n ** 64n : value;
    if (counted >= least && counted <= most) return Number(counted);
    if (name === 'int') throw mistyped(place, 'integer');
    throw refuse(`Parameter '${place.name}' expects ${name}_t`);
  });
}

function integerAt(given: JsonValue): Integer | undefined {
  if (typeof given === 'bigint') return given;
  return typeof given === 'number' && Number.isInteger(given) ? given : undefined;
}

function parsed(found: Integer | ScalarError, place: Place, expected: string): Integer {
  if (typeof found === 'string') throw expects(place, expected);
  return found;
}

/** @returns The text that stands for a scalar on a command line. */
function textOf(given: JsonValue, { path }: Place): string {
  if (typeof given !== 'string') throw refuse(`Parameters '${path}.*' are unexpected`);
  return given;
}
