import { describe, expect, it } from 'vitest';
import { optional, string } from '../../src/block/options.ts';
import { errno, listOf, milliseconds, positive, range } from '../../src/filters/fault-values.ts';

describe('values of faults', () => {
  it('are errors by name or by number of Linux', () => {
    expect([5, 28, 95, 125, 'EROFS'].map((value) => errno(value, 'errno'))).toEqual([
      'EIO',
      'ENOSPC',
      'ENOTSUP',
      'ECANCELED',
      'EROFS',
    ]);
    expect(() => errno('28', 'errno')).toThrow(/does not accept value '28'/);
  });

  it('are times with fractions, as long as a timer can wait', () => {
    expect(milliseconds(0.5, 'delay-ms')).toBe(0.5);
    expect(milliseconds(2 ** 31 - 1, 'delay-ms')).toBe(2 ** 31 - 1);
    expect(() => milliseconds(2 ** 31, 'delay-ms')).toThrow(/expects a value from/);
    expect(() => milliseconds('5', 'delay-ms')).toThrow(/expected: number/);
  });

  it('are ranges that are not empty', () => {
    expect(range({ offset: 0, length: 1 }, 'range')).toEqual({ offset: 0, length: 1 });
    expect(() => range({ offset: 0, length: 0 }, 'range')).toThrow(/'range.length' expects/);
    expect(() => positive(1.5, 'count')).toThrow(/expected: integer/);
  });

  it('are lists of a bounded length, whose elements are named by their place', () => {
    const words = listOf(optional(string), 2);
    expect(words(['a', 'b'], 'words')).toEqual(['a', 'b']);
    expect(() => words(['a', 'b', 'c'], 'words')).toThrow(/'words' takes at most 2 elements/);
    expect(() => words(['a', 5], 'words')).toThrow(/'words.1', expected: string/);
    expect(() => words('a', 'words')).toThrow(/'words', expected: array/);
  });
});
