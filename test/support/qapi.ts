/** Reading values as types of QAPI. */

import { BlockError } from '../../src/base/errors.ts';
import { memberOf, type Notation, type Type, wholeOf } from '../../src/wire/qapi/type.ts';
import type { JsonValue } from '../../src/wire/qmp/json-value.ts';

/** Reads what a program or a client gave for the option of that name; it may be no JSON. */
export function readAs<Value>(type: Type<Value>, given: unknown, name = 'x'): Value {
  return type.read(given as JsonValue, memberOf(wholeOf('json'), name));
}

/** @returns Why the value is refused. @throws {Error} When it is not. */
export function refusalOf(
  type: Type<unknown>,
  given: JsonValue | undefined,
  notation: Notation = 'json',
): string {
  let value: unknown;
  try {
    value = type.read(given, wholeOf(notation));
  } catch (error) {
    if (error instanceof BlockError && error.code === 'EINVAL') return error.reason;
    throw error;
  }
  throw new Error(`${JSON.stringify(given)} was taken as ${JSON.stringify(value)}`);
}
