import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import type { BlockExtent } from '../../src/block/driver.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { extents, type PlacedExtent } from '../../src/block/extents.ts';
import { nodeOf, TestDisk } from '../support/drivers.ts';

const DATA = { data: true, zero: false, allocated: true };
const ZERO = { data: false, zero: true, allocated: true };
const HOLE = { data: false, zero: true, allocated: false };

/** A disk of parts, each of which is answered for by itself. */
function diskOf(parts: readonly BlockExtent[]): TestDisk {
  const disk = new TestDisk({ size: parts.reduce((sum, { length }) => sum + length, 0) });
  disk.extentAt = (offset) => {
    let start = 0;
    for (const part of parts) {
      if (offset < start + part.length) return { ...part, length: start + part.length - offset };
      start += part.length;
    }
    throw new Error('nobody asks beyond the end');
  };
  return disk;
}

async function all(generator: AsyncIterable<PlacedExtent>): Promise<readonly PlacedExtent[]> {
  const found: PlacedExtent[] = [];
  for await (const extent of generator) found.push(extent);
  return found;
}

describe('extents()', () => {
  const disk = diskOf([
    { length: 10, ...DATA },
    { length: 5, ...DATA },
    { length: 20, ...ZERO },
    { length: 1, ...HOLE },
    { length: 4, ...DATA },
  ]);
  const node = nodeOf(disk);

  it('gives a range piece by piece, neighbours of one kind as one', async () => {
    expect(await all(extents(node, { offset: 0, length: 40 }))).toEqual([
      { offset: 0, length: 15, ...DATA },
      { offset: 15, length: 20, ...ZERO },
      { offset: 35, length: 1, ...HOLE },
      { offset: 36, length: 4, ...DATA },
    ]);
  });

  it('gives nothing beyond the range that was asked for', async () => {
    expect(await all(extents(node, { offset: 12, length: 10 }))).toEqual([
      { offset: 12, length: 3, ...DATA },
      { offset: 15, length: 7, ...ZERO },
    ]);
  });

  it('gives nothing for an empty range', async () => {
    expect(await all(extents(node, { offset: 12, length: 0 }))).toEqual([]);
  });

  it('tells apart kinds that differ in one thing alone', async () => {
    const kinds = [DATA, { ...DATA, zero: true }, ZERO, HOLE, { ...HOLE, zero: false }];
    const parts = kinds.map((kind) => ({ length: 7, ...kind }));
    const found = await all(extents(nodeOf(diskOf(parts)), { offset: 0, length: 35 }));
    expect(found).toEqual(parts.map((part, index) => ({ ...part, offset: 7 * index })));
  });

  it('asks an edge as well, and a driver that answers late', async () => {
    const edge = new BlockEdge(node, { name: 'job' });
    disk.gate.mode = 'async';
    expect((await all(extents(edge, { offset: 0, length: 40 }))).length).toBe(4);
    disk.gate.mode = 'sync';
  });

  it('ends with the error of an answer that fails', async () => {
    const failing = diskOf([{ length: 10, ...DATA }]);
    failing.extentAt = () => {
      throw new BlockError('EIO', 'ask', 'broken');
    };
    const walk = all(extents(nodeOf(failing), { offset: 0, length: 10 }));
    await expect(walk).rejects.toMatchObject({ code: 'EIO' });
  });
});
