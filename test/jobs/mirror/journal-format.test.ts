import { describe, expect, it } from 'vitest';
import type { ByteRange } from '../../../src/base/ranges.ts';
import { DirtyBitmap } from '../../../src/bitmap/dirty-bitmap.ts';
import {
  BLOCK_LENGTH,
  bitsLengthOf,
  bitsOf,
  chooseHeader,
  decodeBits,
  decodeHeader,
  encodeBits,
  encodeHeader,
  type JournalHeader,
} from '../../../src/jobs/mirror/journal-format.ts';

const HEADER: JournalHeader = {
  state: 'tracking',
  size: 0x0102_0304_0506,
  granularity: 65_536,
  sourceId: 'ab',
  targetId: 'ö',
  generation: 7,
};

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The bits of 40 granules as they are encoded, the first 16 and the others apart. */
function bitsFrom(bitmap: DirtyBitmap, differing: readonly ByteRange[]): readonly boolean[] {
  const pieces = [new Uint8Array(2), new Uint8Array(3)] as const;
  encodeBits(pieces[0], 0, bitmap, differing);
  encodeBits(pieces[1], 2, bitmap, differing);
  return pieces.flatMap((piece) =>
    [...piece].flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> bit) % 2 === 1)),
  );
}

describe('the header of a journal', () => {
  it('has these bytes', () => {
    const block = encodeHeader(HEADER);
    expect(hex(block.subarray(0, 44))).toBe(
      '4d444a4f55524e4c' + // MDJOURNL
        '01000000' + // version
        '01000000' + // tracking
        '00000100' + // granularity
        '02000200' + // lengths of the ids
        '0605040302010000' + // size
        '0700000000000000' + // generation
        '6162c3b6',
    );
    expect(block.subarray(44, BLOCK_LENGTH - 4).every((byte) => byte === 0)).toBe(true);
    expect(hex(block.subarray(BLOCK_LENGTH - 4))).toBe('0cfac271');
  });

  it.each(['ab', '', '\ufeffab'])('reads as it was written, with %j for an id', (sourceId) => {
    const header = { ...HEADER, sourceId };
    expect(decodeHeader(encodeHeader(header))).toEqual(header);
  });

  it('is not believed with any byte changed, or cut short', () => {
    const block = encodeHeader(HEADER);
    for (let at = 0; at < block.length; at += 1) {
      const changed = block.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      if (decodeHeader(changed).state !== 'unreadable') throw new Error(`at ${at}`);
    }
    for (const length of [0, 7, 8, 44, BLOCK_LENGTH - 1]) {
      expect(decodeHeader(block.subarray(0, length)).state).toBe('unreadable');
    }
  });

  it('refuses an id of more than 1024 bytes', () => {
    expect(() => encodeHeader({ ...HEADER, sourceId: 'ö'.repeat(513) })).toThrow(RangeError);
  });

  it('holds by the newer copy, or the only one, or the one that is not to be trusted', () => {
    const newer: JournalHeader = { ...HEADER, generation: 8 };
    const invalid: JournalHeader = { ...HEADER, state: 'invalid', generation: 6 };
    const unreadable = decodeHeader(new Uint8Array(BLOCK_LENGTH));
    expect(chooseHeader(HEADER, newer)).toBe(newer);
    expect(chooseHeader(newer, HEADER)).toBe(newer);
    expect(chooseHeader(unreadable, HEADER)).toBe(HEADER);
    expect(chooseHeader(HEADER, unreadable)).toBe(HEADER);
    expect(chooseHeader(HEADER, invalid)).toBe(invalid);
    expect(chooseHeader(invalid, HEADER)).toBe(invalid);
    expect(chooseHeader(unreadable, unreadable).state).toBe('unreadable');
  });
});

describe('the bits of a journal', () => {
  it('are 1 where nothing differs, lowest bit first, and 0 behind the end of the disk', () => {
    const bitmap = new DirtyBitmap(19 * 512 + 100, 512);
    bitmap.mark(512, 1);
    bitmap.mark(9 * 512, 512);
    const bytes = new Uint8Array(4);
    encodeBits(bytes, 0, bitmap, [{ offset: 17 * 512, length: 512 }]);
    expect(hex(bytes)).toBe('fdfd0d00');
    const again = new DirtyBitmap(bitmap.size, 512);
    decodeBits(bytes, 0, again);
    expect([...again.ranges()]).toEqual([
      { offset: 512, length: 512 },
      { offset: 9 * 512, length: 512 },
      { offset: 17 * 512, length: 512 },
    ]);
  });

  it('are those of each granule, wherever a run begins and ends, in any piece of them', () => {
    const granules = 40;
    for (let start = 0; start <= granules; start += 1) {
      for (let end = start; end <= granules; end += 1) {
        const run = { offset: start * 512, length: (end - start) * 512 };
        const same = new DirtyBitmap(granules * 512, 512);
        const differing = new DirtyBitmap(granules * 512, 512);
        differing.markAll();
        differing.clear(run.offset, run.length);
        const inside = Array.from({ length: granules }, (_, at) => at >= start && at < end);
        expect(bitsFrom(differing, [])).toEqual(inside);
        expect(bitsFrom(same, [run])).toEqual(inside.map((isInside) => !isInside));
      }
    }
  });

  it('are read piece by piece, each at its place', () => {
    const bitmap = new DirtyBitmap(40 * 512, 512);
    decodeBits(Uint8Array.of(0xff, 0xff), 0, bitmap);
    decodeBits(Uint8Array.of(0x7f, 0xfc, 0x00), 2, bitmap);
    expect([...bitmap.ranges()]).toEqual([
      { offset: 23 * 512, length: 3 * 512 },
      { offset: 32 * 512, length: 8 * 512 },
    ]);
  });

  it('are all differing where the file has only zeroes', () => {
    const bitmap = new DirtyBitmap(19 * 512 + 100, 512);
    decodeBits(new Uint8Array(BLOCK_LENGTH), 0, bitmap);
    expect(bitmap.dirtyBytes).toBe(bitmap.size);
  });

  it('fill whole blocks, and a range touches the bytes of its first and last granule', () => {
    const disk = { size: 32_768 * 512 + 1, granularity: 512 };
    expect(bitsLengthOf(disk)).toBe(2 * BLOCK_LENGTH);
    expect(bitsOf(disk, { offset: 7 * 512, length: 513 })).toEqual({ offset: 0, length: 2 });
    expect(bitsOf(disk, { offset: 8 * 512, length: 1 })).toEqual({ offset: 1, length: 1 });
  });
});
