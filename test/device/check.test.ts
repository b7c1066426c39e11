import { describe, expect, it } from 'vitest';
import {
  checkSegments,
  isOnDisk,
  SEGMENT_SECTORS_MAX,
  SEGMENTS_MAX,
} from '../../src/device/check.ts';
import { type Segment, STATUS } from '../../src/device/request.ts';

const size = 100 * 512;
const writable = { size, readOnly: false };

function segment(changes: Partial<Segment> = {}): Segment {
  return { sector: 0, sectors: 1, unmap: false, ...changes };
}

describe('isOnDisk()', () => {
  const read = (sector: number, length: number, disk = size) =>
    isOnDisk({ type: 'in', sector, data: new Uint8Array(length) }, disk);

  it('accepts whole sectors up to the last one', () => {
    expect(read(0, 512)).toBe(true);
    expect(read(99, 512)).toBe(true);
    expect(read(0, size)).toBe(true);
  });

  it('refuses what goes past the last sector', () => {
    expect(read(100, 512)).toBe(false);
    expect(read(99, 1024)).toBe(false);
  });

  it('refuses a length that is no multiple of 512 bytes', () => {
    expect(read(0, 511)).toBe(false);
    expect(read(0, 4095)).toBe(false);
  });

  it('refuses a sector that is no whole number from 0 on', () => {
    expect(read(-1, 512)).toBe(false);
    expect(read(0.5, 512)).toBe(false);
    expect(read(Number.NaN, 512)).toBe(false);
  });

  it('keeps out of the last sector when that is not whole', () => {
    expect(read(99, 512, size - 1)).toBe(false);
    expect(read(98, 512, size - 1)).toBe(true);
  });
});

describe('checkSegments()', () => {
  const zeroes = (...segments: Segment[]) =>
    checkSegments({ type: 'writeZeroes', segments }, writable);
  const discard = (...segments: Segment[]) =>
    checkSegments({ type: 'discard', segments }, writable);

  it('accepts segments on the disk', () => {
    expect(zeroes(segment(), segment({ sector: 90, sectors: 10, unmap: true }))).toBe(STATUS.OK);
    expect(discard(segment({ sectors: 100 }))).toBe(STATUS.OK);
  });

  it('does not support a discard with the unmap flag', () => {
    expect(discard(segment(), segment({ unmap: true }))).toBe(STATUS.UNSUPP);
  });

  it('does not support unknown flags', () => {
    expect(zeroes(segment({ reserved: 2 }))).toBe(STATUS.UNSUPP);
    expect(discard(segment({ reserved: 2 }))).toBe(STATUS.UNSUPP);
    expect(discard(segment({ reserved: 0 }))).toBe(STATUS.OK);
  });

  it('does not support more segments than the configuration says', () => {
    const segments = Array.from({ length: SEGMENTS_MAX }, () => segment());
    expect(zeroes(...segments)).toBe(STATUS.OK);
    expect(zeroes(...segments, segment())).toBe(STATUS.UNSUPP);
  });

  it('fails a segment longer than the configuration says', () => {
    const large = { size: 2 ** 45, readOnly: false };
    const check = (sectors: number) =>
      checkSegments({ type: 'discard', segments: [segment({ sectors })] }, large);
    expect(check(SEGMENT_SECTORS_MAX)).toBe(STATUS.OK);
    expect(check(SEGMENT_SECTORS_MAX + 1)).toBe(STATUS.IOERR);
  });

  it('fails a segment that is not on the disk', () => {
    expect(zeroes(segment({ sector: 99, sectors: 2 }))).toBe(STATUS.IOERR);
    expect(zeroes(segment(), segment({ sector: -1 }))).toBe(STATUS.IOERR);
    expect(zeroes(segment({ sectors: -1 }))).toBe(STATUS.IOERR);
    expect(zeroes(segment({ sectors: 1.5 }))).toBe(STATUS.IOERR);
  });

  it('fails on a read-only disk, where the flags are known', () => {
    const readOnly = { size, readOnly: true };
    const check = (one: Segment) =>
      checkSegments({ type: 'writeZeroes', segments: [one] }, readOnly);
    expect(check(segment())).toBe(STATUS.IOERR);
    expect(check(segment({ reserved: 1 }))).toBe(STATUS.UNSUPP);
  });
});
