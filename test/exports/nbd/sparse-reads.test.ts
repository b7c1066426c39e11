import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../../src/block/edge.ts';
import { SPARSE_LENGTH_MIN, SparseReads } from '../../../src/exports/nbd/sparse-reads.ts';
import { nodeOf, TestDisk } from '../../support/drivers.ts';

const KIB = 1024;
const SIZE = 4 * KIB * KIB;

/** A disk with holes at these places, in KiB. */
function sparse(...holes: readonly (readonly [from: number, to: number])[]) {
  const disk = new TestDisk({ size: SIZE });
  disk.extentAt = (offset) => {
    const hole = holes.find(([from, to]) => from * KIB <= offset && offset < to * KIB);
    const next = holes.map(([from]) => from * KIB).find((from) => from > offset) ?? SIZE;
    const end = hole ? hole[1] * KIB : next;
    return { length: end - offset, data: !hole, zero: hole !== undefined, allocated: true };
  };
  return { disk, reads: new SparseReads(new BlockEdge(nodeOf(disk), { name: 'test' })) };
}

/** In KiB. */
async function partsOf(reads: SparseReads, from: number, length: number) {
  const parts = await reads.partsOf({ offset: from * KIB, length: length * KIB });
  return parts?.map(({ offset, length, isZero }) => [
    offset / KIB,
    length / KIB,
    isZero ? 'zero' : 'data',
  ]);
}

describe('a read of which a part may be zeroes', () => {
  it('is cut where long holes begin and end', async () => {
    const { reads } = sparse([32, 64], [128, 256]);
    expect(await partsOf(reads, 16, 200)).toEqual([
      [16, 16, 'data'],
      [32, 32, 'zero'],
      [64, 64, 'data'],
      [128, 88, 'zero'],
    ]);
    expect(await partsOf(reads, 130, 64)).toEqual([[130, 64, 'zero']]);
  });

  it('is read as it is where holes are short, or there are none', async () => {
    const { reads } = sparse([32, 36], [64, 65]);
    expect(await partsOf(reads, 0, 256)).toBeUndefined();
    expect(reads.partsOf({ offset: 512 * KIB, length: 64 * KIB })).toBeUndefined();
  });

  it('is not looked into where it is short', () => {
    const { disk, reads } = sparse([0, 1024]);
    expect(reads.partsOf({ offset: 0, length: SPARSE_LENGTH_MIN - 1 })).toBeUndefined();
    expect(disk.calls).toEqual([]);
  });

  it('is looked into up to a bound, and its rest is read', async () => {
    const stripes = Array.from(
      { length: 64 },
      (_, index) => [index * 32, index * 32 + 16] as const,
    );
    const { disk, reads } = sparse(...stripes);
    const parts = await partsOf(reads, 0, 2048);
    expect(disk.calls).toHaveLength(32);
    expect(parts).toHaveLength(32);
    expect(parts?.at(-1)).toEqual([496, 1552, 'data']);
  });

  it('asks a slow disk that knows of no zeroes only now and then', async () => {
    const { disk, reads } = sparse();
    disk.gate.mode = 'async';
    for (let count = 0; count < 131; count += 1) {
      expect(await partsOf(reads, 0, 64)).toBeUndefined();
    }
    expect(disk.calls).toHaveLength(3);
    const useful = sparse([0, 1024]);
    useful.disk.gate.mode = 'async';
    for (let count = 0; count < 10; count += 1) await partsOf(useful.reads, 0, 64);
    expect(useful.disk.calls).toHaveLength(10);
  });
});
