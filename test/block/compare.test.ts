import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import type { ByteRange } from '../../src/base/ranges.ts';
import { differences } from '../../src/block/compare.ts';
import { nodeOf, pattern, TestDisk } from '../support/drivers.ts';

const MiB = 1024 * 1024;

function diskOf(bytes: Uint8Array): TestDisk {
  const disk = new TestDisk({ size: bytes.length });
  disk.bytes = bytes.slice();
  disk.gate.mode = 'async';
  return disk;
}

async function found(left: TestDisk, right: TestDisk, unit = 512): Promise<ByteRange[]> {
  const ranges: ByteRange[] = [];
  const nodes = [nodeOf(left), nodeOf(right)] as const;
  for await (const range of differences(...nodes, { unit })) ranges.push(range);
  return ranges;
}

describe('differences()', () => {
  it('finds none between disks that read the same', async () => {
    const bytes = pattern(3 * MiB + 100);
    expect(await found(diskOf(bytes), diskOf(bytes))).toEqual([]);
    expect(await found(diskOf(new Uint8Array(0)), diskOf(new Uint8Array(0)))).toEqual([]);
  });

  it('tells the units that differ, in order, and neighbours as one', async () => {
    const left = diskOf(pattern(7 * MiB));
    const right = diskOf(left.bytes);
    // The last two are neighbours across the border of two chunks.
    for (const at of [0, 5000, 5500, 3 * MiB + 511, 6 * MiB - 1, 6 * MiB]) {
      right.bytes[at] = 255;
    }
    expect(await found(left, right)).toEqual([
      { offset: 0, length: 512 },
      { offset: 4608, length: 1024 },
      { offset: 3 * MiB, length: 512 },
      { offset: 6 * MiB - 512, length: 1024 },
    ]);
    expect(await found(left, right, 4096)).toHaveLength(3);
  });

  it('compares what one disk has beyond the other with zeroes', async () => {
    const left = diskOf(pattern(1000));
    const longer = new Uint8Array(2 * MiB + 5);
    longer.set(left.bytes);
    expect(await found(left, diskOf(longer))).toEqual([]);
    longer[2 * MiB + 4] = 1;
    expect(await found(left, diskOf(longer))).toEqual([{ offset: 2 * MiB, length: 5 }]);
    expect(await found(diskOf(longer), left)).toEqual([{ offset: 2 * MiB, length: 5 }]);
  });

  it('does not read what both disks know to be zeroes', async () => {
    const disks = [diskOf(new Uint8Array(8 * MiB)), diskOf(new Uint8Array(8 * MiB))] as const;
    for (const disk of disks) {
      disk.extentAt = (_, length) => ({ length, data: false, zero: true, allocated: true });
    }
    expect(await found(...disks)).toEqual([]);
    for (const disk of disks) expect(disk.operations).not.toContain('read');
  });

  it('fails with the error of a disk', async () => {
    const left = diskOf(pattern(8 * MiB));
    const right = diskOf(left.bytes);
    right.gate.mode = 'held';
    const comparison = found(left, right);
    const error = new BlockError('EIO', 'read', 'broken');
    const failed = comparison.catch((reason: unknown) => reason);
    while (right.gate.held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    while (right.gate.held.length > 0) {
      for (const held of [...right.gate.held]) {
        if (held.operation === 'read') held.fail(error);
        else held.complete();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await failed).toBe(error);
  });
});
