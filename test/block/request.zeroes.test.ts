import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { type DriverCall, nodeOf, pattern, TestDisk } from '../support/drivers.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

function refuseZeroes(): never {
  throw new BlockError('ENOTSUP', 'zero', 'not here');
}

function shape(calls: readonly DriverCall[]): readonly (readonly [string, number, number])[] {
  return calls.map(({ operation, offset, length }) => [operation, offset, length]);
}

describe('writeZeroes()', () => {
  it('is one request where the driver can do it, of whatever length', async () => {
    const disk = new TestDisk({ size: 4 * MiB, alignment: 512, transferMax: 64 * KiB });
    disk.bytes.fill(1);
    await nodeOf(disk).writeZeroes(512, 3 * MiB);
    expect(shape(disk.calls)).toEqual([['writeZeroes', 512, 3 * MiB]]);
    expect(disk.bytes.indexOf(0)).toBe(512);
    expect(disk.bytes.lastIndexOf(0)).toBe(512 + 3 * MiB - 1);
  });

  it.each([
    { alignment: 1, why: 'lacks it', operations: [] },
    { alignment: 8, why: 'lacks it', operations: [] },
    { alignment: 1, why: 'refuses it', operations: ['writeZeroes'] as const },
    { alignment: 8, why: 'refuses it', operations: ['writeZeroes'] as const },
  ])('writes zeroes where the driver $why, alignment $alignment', async (options) => {
    const disk = new TestDisk({ ...options, size: 29, transferMax: 16 });
    disk.beforeZeroes = refuseZeroes;
    const node = nodeOf(disk);
    for (let offset = 0; offset <= 29; offset += 1) {
      for (let end = offset; end <= 29; end += 1) {
        const model = pattern(29);
        disk.bytes.set(model);
        await node.writeZeroes(offset, end - offset);
        expect(disk.bytes, `${offset} to ${end}`).toEqual(model.fill(0, offset, end));
      }
    }
  });

  it('sends zeroes in pieces of at most a mebibyte', async () => {
    const disk = new TestDisk({ size: 3 * MiB, alignment: 512, operations: [] });
    disk.bytes.fill(1);
    await nodeOf(disk).writeZeroes(0, 2 * MiB + 512);
    expect(shape(disk.calls)).toEqual([
      ['write', 0, MiB],
      ['write', MiB, MiB],
      ['write', 2 * MiB, 512],
    ]);
    expect(disk.bytes.indexOf(1)).toBe(2 * MiB + 512);
  });

  it('zeroes whole blocks and rewrites the two that it covers in part', async () => {
    const disk = new TestDisk({ size: 4096, alignment: 512 });
    await nodeOf(disk).writeZeroes(500, 1100);
    expect(shape(disk.calls)).toEqual([
      ['read', 0, 512],
      ['write', 0, 512],
      ['writeZeroes', 512, 1024],
      ['read', 1536, 512],
      ['write', 1536, 512],
    ]);
  });

  it('fails with what the driver failed with, if that is not ENOTSUP', async () => {
    const disk = new TestDisk({ size: 4096 });
    disk.beforeZeroes = () => {
      throw new BlockError('ENOSPC', 'zero', 'full');
    };
    await expect(nodeOf(disk).writeZeroes(0, 512)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(disk.operations).toEqual(['writeZeroes']);
  });

  it('fails with ENOTSUP instead of sending zeroes, when asked for no fallback', async () => {
    const without = new TestDisk({ size: 4096, operations: [] });
    const refusing = new TestDisk({ size: 4096 });
    refusing.beforeZeroes = refuseZeroes;
    for (const disk of [without, refusing]) {
      disk.bytes.fill(1);
      const request = nodeOf(disk).writeZeroes(0, 512, { noFallback: true });
      await expect(request).rejects.toMatchObject({ code: 'ENOTSUP' });
      expect(disk.bytes.includes(0)).toBe(false);
    }
  });

  it('passes its flags to the driver, but leave to unmap only on a disk that unmaps', async () => {
    for (const unmap of [false, true]) {
      const disk = new TestDisk({ size: 4096 });
      const asked = { mayUnmap: true, noFallback: true, forceUnitAccess: true };
      await nodeOf(disk, { unmap }).writeZeroes(0, 512, asked);
      expect(disk.calls[0]?.options).toEqual({ ...asked, mayUnmap: unmap });
    }
  });

  it('does not unmap unless it is told that it may', async () => {
    const disk = new TestDisk({ size: 4096 });
    await nodeOf(disk, { unmap: true }).writeZeroes(0, 512);
    const nothing = { mayUnmap: false, noFallback: false, forceUnitAccess: false };
    expect(disk.calls[0]?.options).toEqual(nothing);
  });
});

describe('detect-zeroes', () => {
  const size = 512 * KiB;
  /** Zero from 100000 to 400000, which holds the four whole parts from 128K to 384K. */
  const mixed = pattern(size).fill(0, 100_000, 400_000);

  it('is off unless asked for', async () => {
    const disk = new TestDisk({ size });
    await nodeOf(disk).write(0, new Uint8Array(size));
    expect(disk.operations).toEqual(['write']);
  });

  it('sends runs of whole zero parts as zeroes and all else as data', async () => {
    const disk = new TestDisk({ size });
    disk.bytes.fill(7);
    await nodeOf(disk, { detectZeroes: 'on' }).write(0, mixed);
    expect(shape(disk.calls)).toEqual([
      ['write', 0, 128 * KiB],
      ['writeZeroes', 128 * KiB, 256 * KiB],
      ['write', 384 * KiB, 128 * KiB],
    ]);
    expect(Buffer.compare(disk.bytes, mixed)).toBe(0);
  });

  it('looks at parts that end at multiples of 64K of the disk, not of the request', async () => {
    const disk = new TestDisk({ size });
    disk.bytes.fill(7);
    await nodeOf(disk, { detectZeroes: 'on' }).write(100_000, mixed.subarray(100_000));
    expect(shape(disk.calls)).toEqual([
      ['writeZeroes', 100_000, 384 * KiB - 100_000],
      ['write', 384 * KiB, 128 * KiB],
    ]);
    expect(Buffer.compare(disk.bytes.subarray(100_000), mixed.subarray(100_000))).toBe(0);
  });

  it('finds a short zero write as well', async () => {
    const disk = new TestDisk({ size });
    await nodeOf(disk, { detectZeroes: 'on' }).write(70_000, new Uint8Array(10));
    expect(shape(disk.calls)).toEqual([['writeZeroes', 70_000, 10]]);
  });

  it('writes every range right on a driver with an alignment', async () => {
    const disk = new TestDisk({ size, alignment: 4 * KiB, transferMax: 32 * KiB });
    const node = nodeOf(disk, { detectZeroes: 'on' });
    const model = pattern(size, 9);
    disk.bytes.set(model);
    for (const [offset, end] of [
      [1, 200_001],
      [65_535, 65_537],
      [99_999, size - 1],
      [300_000, size],
    ] as const) {
      model.set(mixed.subarray(offset, end), offset);
      await node.write(offset, mixed.subarray(offset, end));
      expect(Buffer.compare(disk.bytes, model), `${offset} to ${end}`).toBe(0);
    }
  });

  it.each([
    { detectZeroes: 'on', unmap: true, mayUnmap: false },
    { detectZeroes: 'unmap', unmap: false, mayUnmap: false },
    { detectZeroes: 'unmap', unmap: true, mayUnmap: true },
  ] as const)('lets the driver unmap only as $detectZeroes with unmap $unmap', async (row) => {
    const { detectZeroes, unmap, mayUnmap } = row;
    const disk = new TestDisk({ size });
    const node = nodeOf(disk, { detectZeroes, unmap });
    await node.write(0, new Uint8Array(512), { forceUnitAccess: true });
    expect(disk.calls[0]?.options).toEqual({ mayUnmap, noFallback: false, forceUnitAccess: true });
  });
});
