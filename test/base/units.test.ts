import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseSize } from '../../src/base/units.ts';

describe('parseSize()', () => {
  it.each([
    ['0', 0],
    ['512', 512],
    ['512B', 512],
    ['64K', 65_536],
    ['64k', 65_536],
    ['64 KiB', 65_536],
    ['64kb', 65_536],
    [' 1.5G ', 1_610_612_736],
    ['10GiB', 10_737_418_240],
    ['2T', 2_199_023_255_552],
    ['4P', 4_503_599_627_370_496],
    ['0.001953125E', 2_251_799_813_685_248],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads "%s" as %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    '',
    'K',
    '-1',
    '+1',
    '.5K',
    '1.K',
    '1e3',
    '0x10',
    '1_000',
    '10 20',
    '5X',
    '10iB',
    '10BB',
    '10BiB',
    'NaN',
  ])('refuses "%s", which is no size', (text) => {
    expect(() => parseSize(text)).toThrow(RangeError);
  });

  it('refuses a part of a byte', () => {
    expect(() => parseSize('1.5')).toThrow(/whole number of bytes/);
    expect(() => parseSize('0.3K')).toThrow(/whole number of bytes/);
  });

  it.each(['8P', '9007199254740992', '1E', '99999999999999999999'])(
    'refuses "%s", from 2^53 on',
    (text) => {
      expect(() => parseSize(text)).toThrow(/below 2\^53/);
    },
  );
});

describe('formatSize()', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [1_073_741_824, '1 GiB'],
    [10_737_418_240, '10 GiB'],
    [Number.MAX_SAFE_INTEGER, '8 PiB'],
    [2 ** 80, '1048576 EiB'],
    [-1536, '-1.5 KiB'],
  ])('writes %d as "%s"', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  it('goes to the next unit where rounding would write 1024', () => {
    expect(formatSize(1024 ** 2 - 1)).toBe('1 MiB');
    expect(formatSize(1023.7)).toBe('1 KiB');
    expect(formatSize(1023.9 * 1024)).toBe('1023.9 KiB');
  });

  it('writes what parseSize() reads', () => {
    for (const text of ['512 B', '64 KiB', '1.5 GiB', '7.5 PiB']) {
      expect(formatSize(parseSize(text))).toBe(text);
    }
  });
});

describe('formatDuration()', () => {
  it.each([
    [0, '0 ms'],
    [850.4, '850 ms'],
    [1000, '1.0 s'],
    [12_440, '12.4 s'],
    [60_000, '1 min 0 s'],
    [200_000, '3 min 20 s'],
    [18_600_000, '5 h 10 min'],
    [360_000_000, '100 h 0 min'],
  ])('writes %d ms as "%s"', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('goes to the next unit where rounding would fill this one', () => {
    expect(formatDuration(999.6)).toBe('1.0 s');
    expect(formatDuration(59_960)).toBe('1 min 0 s');
    expect(formatDuration(119_700)).toBe('2 min 0 s');
    expect(formatDuration(3_599_600)).toBe('1 h 0 min');
  });
});
