import { describe, expect, it } from 'vitest';
import {
  type Integer,
  parseBoolean,
  parseSigned,
  parseSize,
  parseUnsigned,
  type ScalarError,
} from '../../../src/wire/options/scalars.ts';

type Case = [text: string, value: Integer | ScalarError];

describe('parseBoolean()', () => {
  it.each([
    [true, ['on', 'yes', 'true', 'y']],
    [false, ['off', 'no', 'false', 'n']],
    [undefined, ['', 'ON', '1', '0', 'maybe']],
  ])('knows four words for each: %s', (value, texts) => {
    expect(texts.map(parseBoolean)).toEqual(texts.map(() => value));
  });
});

describe('parseSigned()', () => {
  it.each<Case>([
    ['0', 0],
    [' \t+12', 12],
    ['-12', -12],
    ['0x1F', 31],
    ['017', 15],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9223372036854775808', 'ERANGE'],
    ['-9223372036854775809', 'ERANGE'],
    ['', 'EINVAL'],
    ['-', 'EINVAL'],
    ['08', 'EINVAL'],
    ['0x', 'EINVAL'],
    ['1 ', 'EINVAL'],
    ['1.5', 'EINVAL'],
    ['1K', 'EINVAL'],
  ])('reads %j as %s', (text, value) => {
    expect(parseSigned(text)).toBe(value);
  });
});

describe('parseUnsigned()', () => {
  it.each<Case>([
    ['18446744073709551615', 18446744073709551615n],
    ['-1', 18446744073709551615n],
    ['-18446744073709551615', 1],
    ['18446744073709551616', 'ERANGE'],
    ['-18446744073709551616', 'ERANGE'],
    ['x', 'EINVAL'],
  ])('reads %j as %s, as C does', (text, value) => {
    expect(parseUnsigned(text)).toBe(value);
  });
});

describe('parseSize()', () => {
  it.each<Case>([
    ['0', 0],
    ['08', 8],
    ['512b', 512],
    ['1k', 1024],
    ['1.5G', 1610612736],
    ['1.K', 1024],
    ['12.345M', 12944671],
    ['0x200', 512],
    ['0x1b', 27],
    ['0x1e', 30],
    ['0x10k', 16384],
    [' +3T', 3 * 2 ** 40],
    ['1P', 2 ** 50],
    ['8P', 2n ** 53n],
    ['1e', 2n ** 60n],
    ['15.5E', 31n * 2n ** 59n],
    ['1.0', 1],
    ['18446744073709551615', 18446744073709551615n],
    ['18446744073709551616', 'ERANGE'],
    ['16E', 'ERANGE'],
    ['', 'EINVAL'],
    ['-1', 'EINVAL'],
    ['1.5', 'EINVAL'],
    ['1.5B', 'EINVAL'],
    ['.5K', 'EINVAL'],
    ['1e5', 'EINVAL'],
    ['0x1.8', 'EINVAL'],
    ['0x', 'EINVAL'],
    ['0xK', 'EINVAL'],
    ['1KiB', 'EINVAL'],
    ['1 K', 'EINVAL'],
  ])('reads %j as %s', (text, value) => {
    expect(parseSize(text)).toBe(value);
  });
});
