import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  anything,
  bool,
  int,
  int32,
  nothing,
  number,
  size,
  str,
  uint8,
  uint16,
  uint32,
  uint64,
} from '../../../src/wire/qapi/scalars.ts';
import { memberOf, type Notation, type Type, wholeOf } from '../../../src/wire/qapi/type.ts';
import type { JsonValue } from '../../../src/wire/qmp/json-value.ts';

const read = (type: Type<unknown>, given: JsonValue | undefined, notation: Notation) =>
  type.read(given, memberOf(memberOf(wholeOf(notation), 'file'), 'x'));

/** Values, each with what it is read as; what begins in a capital is why it is not. */
type Cases = readonly (readonly [Type<unknown>, JsonValue | undefined, unknown])[];

const mistyped = (kind: string) => `Invalid parameter type for 'file.x', expected: ${kind}`;
const expects = (what: string) => `Parameter 'file.x' expects ${what}`;
const isMissing = "Parameter 'file.x' is missing";
const isObject = "Parameters 'file.x.*' are unexpected";

const inJson: Cases = [
  [str, 'a', 'a'],
  [str, 5, mistyped('string')],
  [str, null, mistyped('string')],
  [str, undefined, isMissing],
  [bool, true, true],
  [bool, 'on', mistyped('boolean')],
  [int, -5, -5],
  [int, 2n ** 62n, 2 ** 62],
  [int, 2n ** 63n, mistyped('integer')],
  [int, 1.5, mistyped('integer')],
  [int, 1e30, mistyped('integer')],
  [int, '5', mistyped('integer')],
  [int, true, mistyped('integer')],
  [int32, -(2 ** 31), -(2 ** 31)],
  [int32, 2 ** 31, "Parameter 'x' expects int32_t"],
  [uint8, 255, 255],
  [uint8, 256, "Parameter 'x' expects uint8_t"],
  [uint16, 65_536, "Parameter 'x' expects uint16_t"],
  [uint16, -1, "Parameter 'x' expects uint16_t"],
  [uint32, 2 ** 32 - 1, 2 ** 32 - 1],
  [uint32, 2 ** 32, "Parameter 'x' expects uint32_t"],
  [uint64, 2n ** 64n - 1n, 2 ** 64],
  [uint64, -1, 2 ** 64],
  [size, 4096, 4096],
  [size, '4k', expects('uint64')],
  [uint32, 1.5, expects('uint64')],
  [uint64, true, expects('uint64')],
  [number, 1.5, 1.5],
  [number, 2n ** 62n, 2 ** 62],
  [number, '1', mistyped('number')],
  [nothing, null, null],
  [nothing, '', mistyped('null')],
  [anything, [{ a: null }], [{ a: null }]],
  [anything, undefined, isMissing],
];

const onCommandLines: Cases = [
  [str, '', ''],
  [str, {}, isObject],
  [str, undefined, isMissing],
  [bool, 'yes', true],
  [bool, 'off', false],
  [bool, '1', expects("'on' or 'off'")],
  [bool, ['on'], isObject],
  [int, '-0x10', -16],
  [int, '1k', expects('integer')],
  [int, '99999999999999999999', expects('integer')],
  [int32, '2147483648', "Parameter 'x' expects int32_t"],
  [uint16, '70000', "Parameter 'x' expects uint16_t"],
  [uint16, 'x', expects('integer')],
  [uint32, '-1', "Parameter 'x' expects uint32_t"],
  [uint64, '-1', 2 ** 64],
  [size, '1.5k', 1536],
  [size, 'x', expects('size')],
  [size, '-1', expects('size')],
  [number, '1.5', 1.5],
  [number, 'x', mistyped('number')],
  [nothing, '', null],
  [nothing, 'x', mistyped('null')],
];

describe.each([
  ['json', inJson],
  ['keyval', onCommandLines],
] as const)('scalars in the notation %s', (notation, cases) => {
  it.each(
    cases.map(
      ([type, given, wanted]) => [type.shape, inspect(given), wanted, type, given] as const,
    ),
  )('%j: %s is %j', (_shape, _text, wanted, type, given) => {
    if (typeof wanted === 'string' && /^[A-Z]/.test(wanted)) {
      const refusal = expect.objectContaining({ code: 'EINVAL', reason: wanted });
      expect(() => read(type, given, notation)).toThrow(refusal);
    } else {
      expect(read(type, given, notation)).toEqual(wanted);
    }
  });
});
