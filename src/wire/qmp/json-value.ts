/**
 * The values of QMP's JSON.
 *
 * An integer of up to 64 bits, signed or unsigned, is a `number` where that is exact and a `bigint`
 * where it is not. Everything else is a double, as it is in QEMU. What is lost is how a whole
 * number was written: `1.0` is taken where an integer is expected, which QEMU refuses.
 */

/** A value as it is read and written. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | JsonObject;

/** An object; `__proto__` and its like are members as any other. */
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** Whether a value is an object: no array, not null. */
export function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;

/** An integer of 64 bits as it is represented here; `undefined` for one that has more. */
export function integerOf(value: bigint): number | bigint | undefined {
  if (value < INTEGER_MIN || value > INTEGER_MAX) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
