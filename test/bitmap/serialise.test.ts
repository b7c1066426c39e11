import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { DirtyBitmap } from '../../src/bitmap/dirty-bitmap.ts';

const KiB = 1024;
const MiB = KiB ** 2;
const PiB = KiB ** 5;

/** The header of a disk of 200 granules of 64 KiB. */
const HEADER = '4d444249544d4150 01000000 00000100 0000c80000000000';
/** Seven words: one mixed, one dirty, four clean, one mixed with the last eight granules. */
const RUNS = [
  '010000000000 0200 fe000000',
  '010000000000 0100',
  '040000000000 0000',
  '010000000000 0200 80000000',
];

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The error of this file, not one of the engine's own about the bounds of an array. */
const refusal = /^Cannot (restore|create) a dirty bitmap: /;

/** Puts the right CRC behind bytes, so that only what they say can be wrong. */
function sealed(...hex: string[]): Uint8Array {
  const content = bytesOf(hex.join(''));
  const bytes = new Uint8Array(content.length + 4);
  bytes.set(content);
  new DataView(bytes.buffer).setUint32(content.length, crc32(content), true);
  return bytes;
}

function sample(): DirtyBitmap {
  const bitmap = new DirtyBitmap(200 * 64 * KiB, 64 * KiB);
  bitmap.mark(64 * KiB, 7 * 64 * KiB);
  bitmap.mark(32 * 64 * KiB, 32 * 64 * KiB);
  bitmap.mark(199 * 64 * KiB, 1);
  return bitmap;
}

describe('serialise()', () => {
  it('writes the format as it is drawn', () => {
    const bytes = sample().serialise();
    expect(hexOf(bytes)).toBe(hexOf(sealed(HEADER, ...RUNS)));
    expect(hexOf(bytes.subarray(-4))).toBe('c0d6f620');
  });

  it('gives equal bytes for equal bitmaps, however they came about', () => {
    const other = new DirtyBitmap(200 * 64 * KiB, 64 * KiB);
    other.markAll();
    for (const { offset, length } of [...sample().ranges()]) other.clear(offset, length);
    const inverse = [...other.ranges()];
    other.markAll();
    for (const { offset, length } of inverse) other.clear(offset, length);
    expect(hexOf(other.serialise())).toBe(hexOf(sample().serialise()));
  });

  it('takes a handful of bytes for a huge disk that is nearly uniform', () => {
    const bitmap = new DirtyBitmap(PiB, 512);
    expect(bitmap.serialise()).toHaveLength(24 + 8 + 4);
    bitmap.markAll();
    bitmap.clear(PiB / 2, 512);
    expect(bitmap.serialise().length).toBeLessThan(100);
  });
});

describe('restore()', () => {
  it.each([
    [0, 512],
    [1, 512],
    [MiB, 512],
    [MiB - 1, 512],
    [32 * 512, 512],
    [31 * 512 + 1, 512],
    [1024 * 64 * KiB, 64 * KiB],
    [PiB, 64 * KiB],
    [Number.MAX_SAFE_INTEGER, 512],
    [Number.MAX_SAFE_INTEGER, 64 * MiB],
  ])('gives back any bitmap of %d bytes at %d', (size, granularity) => {
    const random = seededRandom(granularity);
    const bitmap = new DirtyBitmap(size, granularity);
    for (let round = 0; round < 50; round += 1) {
      const copy = DirtyBitmap.restore(bitmap.serialise());
      expect([copy.size, copy.granularity]).toEqual([size, granularity]);
      expect(copy.dirtyBytes).toBe(bitmap.dirtyBytes);
      expect([...copy.ranges()]).toEqual([...bitmap.ranges()]);
      if (round === 25) bitmap.markAll();
      if (size === 0) continue;
      const offset = random.below(size);
      const lengthMax = random.below(3) === 0 ? size - offset : 50 * granularity;
      bitmap.mark(offset, Math.min(1 + random.below(lengthMax), size - offset));
      const granule = Math.floor(random.below(size) / granularity) * granularity;
      bitmap.clear(granule, Math.min(granularity, size - granule));
    }
  });

  it('gives a bitmap that can be written to', () => {
    const copy = DirtyBitmap.restore(sample().serialise());
    copy.mark(0, 64 * KiB);
    copy.clear(199 * 64 * KiB, 64 * KiB);
    expect([...copy.ranges()].map(({ length }) => length)).toEqual([8 * 64 * KiB, 32 * 64 * KiB]);
  });

  it('reads bytes that stand inside a larger array', () => {
    const bytes = sample().serialise();
    const larger = new Uint8Array(bytes.length + 20).fill(0xa5);
    larger.set(bytes, 7);
    const copy = DirtyBitmap.restore(larger.subarray(7, 7 + bytes.length));
    expect(copy.dirtyGranules).toBe(40);
  });

  it('rejects any single byte that has changed', () => {
    const bytes = sample().serialise();
    for (let at = 0; at < bytes.length; at += 1) {
      for (const change of [0x01, 0x80, 0xff]) {
        const corrupt = bytes.slice();
        corrupt[at] = (corrupt[at] ?? 0) ^ change;
        expect(() => DirtyBitmap.restore(corrupt), `byte ${at} ^ ${change}`).toThrow(refusal);
      }
    }
  });

  it('rejects bytes that are cut anywhere or go on behind the end', () => {
    const bytes = sample().serialise();
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => DirtyBitmap.restore(bytes.subarray(0, length)), `${length}`).toThrow(refusal);
    }
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expect(() => DirtyBitmap.restore(longer)).toThrow(refusal);
  });

  it('rejects content cut anywhere even when its CRC matches', () => {
    const content = bytesOf([HEADER, ...RUNS].join(''));
    for (let length = 0; length < content.length; length += 1) {
      const cut = sealed(hexOf(content.subarray(0, length)));
      expect(() => DirtyBitmap.restore(cut), `${length}`).toThrow(refusal);
    }
  });

  const magic = '4d444249544d4150';
  const geometry = '00000100 0000c80000000000';
  const clean = '060000000000 0000';
  it.each<[string, ...string[]]>([
    ['must begin with MDBITMAP', '514649fb00000003', '01000000', geometry, ...RUNS],
    ['version must be 1: 2', magic, '02000000', geometry, ...RUNS],
    ['granularity must be', magic, '01000000 00010000 0000c80000000000', ...RUNS],
    ['size must be', magic, '01000000 00000100 0000000000002000', ...RUNS],
    ['kind of a run must be 0, 1 or 2: 3', HEADER, '070000000000 0300'],
    ['runs must be of different kinds', HEADER, '010000000000 0000', clean],
    ['a run must not be empty', HEADER, '000000000000 0100', clean],
    ['must not go past the end', HEADER, '080000000000 0000'],
    ['must go to the end', HEADER, '060000000000 0000'],
    ['must not be cut short', HEADER, '070000000000 0200', '01000000'],
    ['must not be cut short', HEADER, '070000000000 0000', '0100'],
    ['must have both kinds of bit', HEADER, '010000000000 0200 00000000', clean],
    ['must have both kinds of bit', HEADER, '010000000000 0200 ffffffff', clean],
    ['padding behind the last granule', HEADER, clean, '010000000000 0200 00010000'],
    ['padding behind the last granule', HEADER, clean, '010000000000 0100'],
  ])('rejects what no bitmap says: %s', (message, ...hex) => {
    const restore = () => DirtyBitmap.restore(sealed(...hex));
    expect(restore).toThrow(RangeError);
    expect(restore).toThrow(message);
  });

  it('reserves nothing for a length that is only announced', () => {
    // 2^44 granules, and a mixed run that claims 2^39 words but brings one.
    const header = `${magic} 01000000 00020000 ffffffffffff1f00`;
    const bytes = sealed(header, '000000008000 0200', '01000000');
    expect(() => DirtyBitmap.restore(bytes)).toThrow('cut short');
  });
});
