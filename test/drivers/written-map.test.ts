import { describe, expect, it } from 'vitest';
import { WrittenMap } from '../../src/drivers/written-map.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

describe('WrittenMap', () => {
  it('begins with nothing written, and calls written what was marked, in parts of 64 KiB', () => {
    const map = new WrittenMap(MiB + 1);
    expect(map.firstWritten({ offset: 0, length: MiB + 1 })).toBeUndefined();
    map.mark(100 * KiB, 1);
    expect(map.firstWritten({ offset: 0, length: MiB })).toEqual({
      offset: 64 * KiB,
      length: 64 * KiB,
    });
  });

  it('answers for the range it is asked about, and nothing around it', () => {
    const map = new WrittenMap(MiB);
    map.mark(64 * KiB, 64 * KiB);
    expect(map.firstWritten({ offset: 0, length: 64 * KiB })).toBeUndefined();
    expect(map.firstWritten({ offset: 128 * KiB, length: 64 * KiB })).toBeUndefined();
    expect(map.firstWritten({ offset: 70 * KiB, length: 10 })).toEqual({
      offset: 70 * KiB,
      length: 10,
    });
    expect(map.firstWritten({ offset: 0, length: 0 })).toBeUndefined();
    expect(map.firstWritten({ offset: 70 * KiB, length: 0 })).toBeUndefined();
    expect(map.firstWritten({ offset: MiB, length: 0 })).toBeUndefined();
  });

  it('clears to the end, but not the part in which that begins', () => {
    const map = new WrittenMap(MiB + 513);
    map.mark(0, MiB + 513);
    map.clearFrom(100 * KiB);
    expect(map.firstWritten({ offset: 0, length: MiB + 513 })).toEqual({
      offset: 0,
      length: 128 * KiB,
    });
    map.clearFrom(0);
    expect(map.firstWritten({ offset: 0, length: MiB + 513 })).toBeUndefined();
    map.clearFrom(MiB + 513);
  });

  it('keeps what is written across another size', () => {
    const map = new WrittenMap(MiB);
    map.mark(0, 1);
    map.mark(MiB - 1, 1);
    map.resize(MiB - 10);
    map.resize(4 * MiB);
    expect(map.firstWritten({ offset: 1, length: MiB })).toMatchObject({ offset: 1 });
    expect(map.firstWritten({ offset: 64 * KiB, length: 3 * MiB })).toEqual({
      offset: MiB - 64 * KiB,
      length: 64 * KiB,
    });
    map.resize(10);
    map.resize(0);
    map.resize(MiB);
    expect(map.firstWritten({ offset: 0, length: MiB })).toBeUndefined();
  });
});
