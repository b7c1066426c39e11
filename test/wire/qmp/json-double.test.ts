import { describe, expect, it } from 'vitest';
import { formatDouble } from '../../../src/wire/qmp/json-double.ts';

describe('formatDouble()', () => {
  it.each([
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-42, '-42'],
    [0.5, '0.5'],
    [-2.5, '-2.5'],
    [0.1, '0.10000000000000001'],
    [1e-4, '0.0001'],
    [1e-5, '1.0000000000000001e-05'],
    [2 ** 53, '9007199254740992'],
    [2 ** 56 + 16, '72057594037927952'],
    [-(2 ** 56), '-72057594037927936'],
    [1e17, '1e+17'],
    [1e21, '1e+21'],
    [2 ** 64, '1.8446744073709552e+19'],
    [5e-324, '4.9406564584124654e-324'],
    [Number.MAX_VALUE, '1.7976931348623157e+308'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
  ])('prints %d as C does: %s', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });

  it.each([
    [2 ** 50 + 0.25, '1125899906842624.2'],
    [2 ** 50 + 0.75, '1125899906842624.8'],
    [-(2 ** 50) - 1.25, '-1125899906842625.2'],
    [2 ** 50 - 0.125, '1125899906842623.9'],
  ])('rounds what lies halfway to the even digit: %d', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });
});
