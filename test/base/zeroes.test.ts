import { describe, expect, it } from 'vitest';
import { isZero, ZEROES } from '../../src/base/zeroes.ts';

const MiB = 1024 * 1024;

describe('isZero()', () => {
  it('holds for zeroes of every length, none included', () => {
    for (const length of [0, 1, 2, 511, 4096, MiB, MiB + 1, 3 * MiB - 1]) {
      expect(isZero(new Uint8Array(length)), `${length} bytes`).toBe(true);
    }
  });

  it('finds a single byte that is not zero, wherever it stands', () => {
    const bytes = new Uint8Array(2 * MiB + 3);
    for (const at of [0, 1, 1000, MiB - 1, MiB, MiB + 1, 2 * MiB, 2 * MiB + 1, 2 * MiB + 2]) {
      bytes[at] = 1;
      expect(isZero(bytes), `a 1 at ${at}`).toBe(false);
      bytes[at] = 0;
    }
    expect(isZero(bytes)).toBe(true);
  });

  it('looks at the part of a buffer that it is given, and no further', () => {
    const bytes = new Uint8Array([7, 0, 0, 0, 7]);
    expect(isZero(bytes.subarray(1, 4))).toBe(true);
    expect(isZero(bytes.subarray(1))).toBe(false);
  });
});

describe('ZEROES', () => {
  it('is a mebibyte of zeroes', () => {
    expect(ZEROES.length).toBe(MiB);
    expect(ZEROES.every((byte) => byte === 0)).toBe(true);
  });
});
