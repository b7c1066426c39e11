import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { DirtyBitmap } from '../../../src/bitmap/dirty-bitmap.ts';
import { BlockEdge } from '../../../src/block/edge.ts';
import { BlockGraph } from '../../../src/block/graph.ts';
import { drivers } from '../../../src/drivers/index.ts';
import { nodeEnv } from '../../../src/env/node.ts';
import { EXTENTS_MAX, extentsOf } from '../../../src/exports/nbd/block-status.ts';
import { nodeOf, TestDisk } from '../../support/drivers.ts';
import { ServerRig } from '../../support/nbd-server-rig.ts';

const UNIT = 1024;
const USUAL = { countMax: EXTENTS_MAX, minimum: 1, extended: false };
const DATA = { data: true, zero: false, allocated: true };
const HOLE = { data: false, zero: true, allocated: true };

/** A disk whose units are data and holes in turn. */
function striped(units = 16, unit = UNIT) {
  const disk = new TestDisk({ size: units * unit });
  disk.extentAt = (offset) => {
    const index = Math.floor(offset / unit);
    return { length: (index + 1) * unit - offset, ...(index % 2 === 0 ? DATA : HOLE) };
  };
  return new BlockEdge(nodeOf(disk), { name: 'test' });
}

const allocation = { id: 0, name: 'base:allocation' };

describe('the allocation of blocks', () => {
  it('is told of exactly the range', async () => {
    const range = { offset: UNIT - 24, length: 2 * UNIT };
    expect(await extentsOf(allocation, striped(), range, USUAL)).toEqual([
      { length: 24, flags: 0 },
      { length: UNIT, flags: 3 },
      { length: UNIT - 24, flags: 0 },
    ]);
  });

  it('is told of one extent where no more is wanted', async () => {
    const range = { offset: UNIT, length: 2 * UNIT };
    const one = await extentsOf(allocation, striped(), range, { ...USUAL, countMax: 1 });
    expect(one).toEqual([{ length: UNIT, flags: 3 }]);
  });

  it('is told of so many extents at most', async () => {
    const units = EXTENTS_MAX + 10;
    const range = { offset: 0, length: units * UNIT };
    const found = await extentsOf(allocation, striped(units), range, USUAL);
    expect(found).toHaveLength(EXTENTS_MAX);
  });

  it('is told in whole blocks; what is mixed is data', async () => {
    const range = { offset: 0, length: 7 * UNIT };
    const options = { ...USUAL, minimum: 2 * UNIT };
    expect(await extentsOf(allocation, striped(), range, options)).toEqual([
      { length: 7 * UNIT, flags: 0 },
    ]);
    const wide = striped(4, 3 * UNIT);
    expect(await extentsOf(allocation, wide, { offset: 0, length: 12 * UNIT }, options)).toEqual([
      { length: 4 * UNIT, flags: 0 },
      { length: 2 * UNIT, flags: 3 },
      { length: 4 * UNIT, flags: 0 },
      { length: 2 * UNIT, flags: 3 },
    ]);
  });

  it('is told as far as lengths can tell it', async () => {
    const graph = new BlockGraph(nodeEnv(), drivers);
    const node = await graph.open({ driver: 'memory', size: 2 ** 40 });
    const edge = new BlockEdge(node, { name: 'test' });
    const range = { offset: 0, length: 2 ** 32 - 512 };
    const compact = await extentsOf(allocation, edge, range, USUAL);
    expect(compact).toEqual([{ length: 2 ** 31, flags: 3 }]);
    const wide = await extentsOf(allocation, edge, range, { ...USUAL, extended: true });
    expect(wide).toEqual([{ length: range.length, flags: 3 }]);
  });
});

describe('the status of a disk that is looked at piece by piece', () => {
  it('ends with so many pieces', async () => {
    const disk = new TestDisk({ size: 1024 * 1024 });
    disk.extentAt = () => ({ length: 1, ...DATA });
    const edge = new BlockEdge(nodeOf(disk), { name: 'test' });
    const range = { offset: 0, length: 1024 * 1024 };
    const [found, ...rest] = await extentsOf(allocation, edge, range, USUAL);
    expect(rest).toEqual([]);
    expect(found?.length).toBeLessThan(1024 * 1024);
  });
});

describe('the dirty blocks of a bitmap', () => {
  const bitmap = new DirtyBitmap(16 * UNIT, 512);
  bitmap.mark(2 * UNIT, UNIT);
  bitmap.mark(8 * UNIT + 512, 512);
  const context = { id: 1, name: 'qemu:dirty-bitmap:b', bitmap };

  it('are told of exactly the range', () => {
    const range = { offset: UNIT + 10, length: 2 * UNIT };
    expect(extentsOf(context, striped(), range, USUAL)).toEqual([
      { length: UNIT - 10, flags: 0 },
      { length: UNIT, flags: 1 },
      { length: 10, flags: 0 },
    ]);
  });

  it('are told in whole blocks; what is mixed is dirty', () => {
    const range = { offset: 0, length: 16 * UNIT };
    const options = { ...USUAL, minimum: UNIT };
    expect(extentsOf(context, striped(), range, options)).toEqual([
      { length: 2 * UNIT, flags: 0 },
      { length: UNIT, flags: 1 },
      { length: 5 * UNIT, flags: 0 },
      { length: UNIT, flags: 1 },
      { length: 7 * UNIT, flags: 0 },
    ]);
  });

  it('include what lies beyond the bitmap', () => {
    const range = { offset: 15 * UNIT, length: 5 * UNIT };
    expect(extentsOf(context, striped(32), range, USUAL)).toEqual([
      { length: UNIT, flags: 0 },
      { length: 4 * UNIT, flags: 1 },
    ]);
  });
});

describe('a block status', () => {
  it.each([
    ['structured', { structured: true }],
    ['extended', { extended: true }],
  ] as const)('tells each context that was chosen, with %s replies', async (_, style) => {
    const bitmap = new DirtyBitmap(1024 * 1024, 512);
    bitmap.mark(0, 512);
    const rig = new ServerRig({ export: { bitmaps: new Map([['b', bitmap]]) } });
    const contexts = ['base:allocation', 'qemu:dirty-bitmap:b'];
    const client = await rig.open({ ...style, contexts });
    const { chunks } = await client.ask({ command: 7, offset: 0, length: 1024 });
    expect(chunks).toEqual([
      { kind: 'status', context: 0, extents: [{ length: 1024, flags: 0 }] },
      {
        kind: 'status',
        context: 1,
        extents: [
          { length: 512, flags: 1 },
          { length: 512, flags: 0 },
        ],
      },
    ]);
    expect(await client.ask({ command: 7, offset: 0, length: 0 })).toMatchObject({ error: 22 });
    const one = await client.ask({ command: 7, offset: 0, length: 1024, flags: 8 });
    expect(one.chunks[1]).toMatchObject({ extents: [{ length: 512, flags: 1 }] });
  });

  it('fails as the disk does', async () => {
    const rig = new ServerRig();
    rig.disk.gate.mode = 'held';
    const client = await rig.open({ contexts: ['base:allocation'] });
    client.send({ command: 7, length: 1024 });
    await client.replies();
    rig.disk.gate.next().fail(new BlockError('EIO', 'look', 'the test wants it'));
    expect(await client.replies()).toMatchObject([{ error: 5 }]);
  });
});
