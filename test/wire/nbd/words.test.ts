import { describe, expect, it } from 'vitest';
import { getUint64, hasMagic, setMagic, setUint64, viewOf } from '../../../src/wire/nbd/words.ts';
import { hex, toHex } from '../../support/hex.ts';

describe('64-bit words', () => {
  it.each([
    ['00 00 00 00 00 00 00 00', 0],
    ['00 00 00 00 00 00 00 01', 1],
    ['00 00 00 00 ff ff ff ff', 2 ** 32 - 1],
    ['00 00 00 01 00 00 00 00', 2 ** 32],
    ['00 00 00 00 80 00 00 00', 2 ** 31],
    ['00 00 01 23 45 67 89 ab', 0x0123_4567_89ab],
    ['00 1f ff ff ff ff ff ff', Number.MAX_SAFE_INTEGER],
    ['80 00 00 00 00 00 00 00', 2 ** 63],
    ['ff ff ff ff ff ff ff ff', 2 ** 64],
  ])('are numbers both ways: %s is %d', (text, value) => {
    const bytes = hex(`aa ${text} bb`);
    expect(getUint64(viewOf(bytes), 1)).toBe(value);
    const written = hex(`aa ${'00'.repeat(8)} bb`);
    setUint64(viewOf(written), 1, value);
    expect(toHex(written)).toBe(toHex(bytes));
  });

  it('are from 2^53 on what is nearest, and never less than that', () => {
    expect(getUint64(viewOf(hex('00 20 00 00 00 00 00 01')), 0)).toBe(2 ** 53);
    expect(getUint64(viewOf(hex('ff ff ff ff ff ff fc 00')), 0)).toBe(2 ** 64);
  });
});

describe('viewOf()', () => {
  it('is of the bytes alone, wherever in memory they lie', () => {
    const view = viewOf(hex('00 11 22 33').subarray(1, 3));
    expect(view.byteLength).toBe(2);
    expect(view.getUint16(0)).toBe(0x1122);
  });
});

describe('magic numbers', () => {
  const magic = { high: 0x0003_e889, low: 0x0455_65a9 };

  it('are written and known again', () => {
    const bytes = new Uint8Array(9);
    setMagic(viewOf(bytes), 1, magic);
    expect(toHex(bytes)).toBe('000003e889045565a9');
    expect(hasMagic(viewOf(bytes), 1, magic)).toBe(true);
  });

  it('are others when one half is another', () => {
    expect(hasMagic(viewOf(hex('0003e888 045565a9')), 0, magic)).toBe(false);
    expect(hasMagic(viewOf(hex('0003e889 045565a8')), 0, magic)).toBe(false);
  });
});
