import { describe, expect, it } from 'vitest';
import { errno, listOf, milliseconds, positive, range } from '../../src/filters/fault-values.ts';
import { str } from '../../src/wire/qapi/scalars.ts';
import { readAs } from '../support/qapi.ts';

describe('values of faults', () => {
  it('are errors by name or by number of Linux', () => {
    expect([5, 28, 95, 125, 'EROFS'].map((value) => readAs(errno, value, 'errno'))).toEqual([
      'EIO',
      'ENOSPC',
      'ENOTSUP',
      'ECANCELED',
      'EROFS',
    ]);
    expect(() => readAs(errno, '28', 'errno')).toThrow(/'errno', expected: integer/);
    expect(() => readAs(errno, 0, 'errno')).toThrow(/does not accept value '0'/);
  });

  it('are times with fractions, as long as a timer can wait', () => {
    expect(readAs(milliseconds, 0.5, 'delay-ms')).toBe(0.5);
    expect(readAs(milliseconds, 2 ** 31 - 1, 'delay-ms')).toBe(2 ** 31 - 1);
    expect(() => readAs(milliseconds, 2 ** 31, 'delay-ms')).toThrow(/expects a value from/);
    expect(() => readAs(milliseconds, '5', 'delay-ms')).toThrow(/expected: number/);
  });

  it('are ranges that are not empty', () => {
    expect(readAs(range, { offset: 0, length: 1 }, 'range')).toEqual({ offset: 0, length: 1 });
    expect(() => readAs(range, { offset: 0, length: 0 }, 'range')).toThrow(
      /'range.length' expects/,
    );
    expect(() => readAs(positive, 1.5, 'count')).toThrow(/expected: integer/);
  });

  it('are lists of a bounded length, whose elements are named by their place', () => {
    const words = listOf(str, 2);
    expect(readAs(words, ['a', 'b'], 'words')).toEqual(['a', 'b']);
    expect(() => readAs(words, ['a', 'b', 'c'], 'words')).toThrow(
      /'words' takes at most 2 elements/,
    );
    expect(() => readAs(words, ['a', 5], 'words')).toThrow(/'words\[1\]', expected: string/);
    expect(() => readAs(words, 'a', 'words')).toThrow(/'words', expected: array/);
  });
});
