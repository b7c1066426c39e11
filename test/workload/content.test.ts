import { describe, expect, it } from 'vitest';
import { blockBuffer, GuestContent } from '../../src/workload/content.ts';

function written(
  { seed = 1, blockSize = 4096, offset = 0, sequence = 1 },
  content = new GuestContent({ seed, blockSize }),
): Uint8Array {
  const buffer = blockBuffer(blockSize);
  content.write(buffer, offset, sequence);
  return buffer.bytes;
}

/** The share of bytes in which two blocks agree. */
function likeness(a: Uint8Array, b: Uint8Array): number {
  return a.filter((byte, index) => byte === b[index]).length / a.length;
}

describe('GuestContent', () => {
  it('begins each sector with magic, guest, sector, sequence and length', () => {
    const bytes = written({ offset: 2 ** 41 + 512, sequence: 0x01020304, blockSize: 1024 });
    const hex = (at: number, length: number) =>
      Buffer.from(bytes.subarray(at, at + length)).toString('hex');
    for (const sector of [0, 1]) {
      const at = sector * 512;
      expect(hex(at, 4)).toBe('4d446777');
      expect(hex(at + 4, 4)).toBe(hex(4, 4));
      expect(hex(at + 8, 8)).toBe(`0${1 + sector}00000001000000`);
      expect(hex(at + 16, 8)).toBe('0403020102000000');
    }
  });

  it('reads its own stamps', () => {
    const content = new GuestContent({ seed: 1, blockSize: 4096 });
    const bytes = written({ offset: 2 ** 45, sequence: 2 ** 32 - 1 }, content);
    const view = new DataView(bytes.buffer);
    expect(content.readStamp(view, 7 * 512)).toEqual({
      kind: 'stamp',
      own: true,
      sector: 2 ** 36 + 7,
      sequence: 2 ** 32 - 1,
    });
  });

  it('knows the stamps of another guest, and what is none', () => {
    const content = new GuestContent({ seed: 2, blockSize: 4096 });
    const bytes = written({ seed: 1 });
    const view = new DataView(bytes.buffer);
    expect(content.readStamp(view, 0)).toMatchObject({ kind: 'stamp', own: false });
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    expect(content.readStamp(view, 0)).toEqual({ kind: 'corrupt' });
    bytes[0] = 0;
    expect(content.readStamp(view, 0)).toEqual({ kind: 'none' });
  });

  it('repeats with the same seed, place and sequence, and differs in each', () => {
    const bytes = written({});
    expect(written({})).toEqual(bytes);
    for (const change of [{ seed: 2 }, { offset: 4096 }, { sequence: 2 }]) {
      expect(likeness(written(change), bytes)).toBeLessThan(0.1);
    }
  });

  it('fills blocks of any length, no sector like another', () => {
    const bytes = written({ blockSize: 1024 * 1024 });
    const fillings = new Set<string>();
    for (let at = 0; at < bytes.length; at += 512) {
      fillings.add(Buffer.from(bytes.subarray(at + 32, at + 512)).toString('latin1'));
    }
    expect(fillings.size).toBe(2048);
  });
});
