import { describe, expect, it } from 'vitest';
import {
  formatAmount,
  readDelayMs,
  readLength,
  readLengths,
  readPattern,
  readSize,
} from '../../../../src/monitor/hmp/io/numbers.ts';

const noNumber = 'Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- ';

describe('numbers of qemu-io', () => {
  it.each([
    [readSize, '010', 10],
    [readSize, '0x200', 512],
    [readSize, '1.5k', 1536],
    [readSize, '7E', 7 * 2 ** 60],
    [readLength, '2147483136', 2147483136],
    [readPattern, '0xff', 255],
    [readPattern, '010', 8],
    [readDelayMs, '1000', 1000],
  ])('%o reads %j', (read, text, value) => {
    expect(read(text)).toBe(value);
  });

  it.each([
    [readSize, 'x', `${noNumber}x`],
    [readSize, '-1', `${noNumber}-1`],
    [readSize, '1kb', `${noNumber}1kb`],
    [readSize, '8E', 'Parsing error: argument too large -- 8E'],
    [readSize, '16E', 'Parsing error: argument too large -- 16E'],
    [readLength, '2G', 'length cannot exceed 2147483136, given 2G'],
    [readPattern, '256', '256 is not a valid pattern byte'],
    [readPattern, '-1', '-1 is not a valid pattern byte'],
    [readPattern, '08', '08 is not a valid pattern byte'],
    [readDelayMs, '-1', '-1 is not a valid number'],
    [readDelayMs, '1s', '1s is not a valid number'],
  ])('%o refuses %j', (read, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('adds up the lengths of several buffers', () => {
    expect(readLengths(['512', '1k'])).toBe(1536);
    expect(() => readLengths(['1', '2G'])).toThrow("Argument '2G' exceeds maximum size 2147483136");
    expect(() => readLengths(['1G', '1G'])).toThrow(
      'The total number of bytes exceed the maximum size 2147483136',
    );
  });
});

describe('formatAmount()', () => {
  it.each([
    [0, '0 bytes'],
    [512, '512 bytes'],
    [949.535601, '949.535601 bytes'],
    [1024, '1 KiB'],
    [1536, '1.500 KiB'],
    [1_000_448, '977 KiB'],
    [2 ** 63, '8 EiB'],
    [2 ** 74, '16384 EiB'],
  ])('writes %d', (bytes, text) => {
    expect(formatAmount(bytes)).toBe(text);
  });
});
