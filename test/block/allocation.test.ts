import { describe, expect, it } from 'vitest';
import {
  backingChain,
  isInChain,
  layersAbove,
  nextLayer,
  skipFilters,
  statusAbove,
} from '../../src/block/allocation.ts';
import { drained } from '../../src/block/drain.ts';
import type { BlockDriver, BlockExtent } from '../../src/block/driver.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { extents } from '../../src/block/extents.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { filterOver, nodeOf, PassThrough, TestDisk } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

const DATA = { data: true, zero: false, allocated: true };
const ZERO = { data: false, zero: true, allocated: true };
const NONE = { data: false, zero: false, allocated: false };

/** A disk of parts, each of which is answered for by itself, perhaps with another one behind it. */
function layer(name: string, parts: readonly BlockExtent[], behind?: BlockNode) {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const backing = behind && new BlockEdge(behind, { name });
  const disk: TestDisk & Pick<BlockDriver, 'backing'> = Object.assign(
    new TestDisk({ size, children: backing ? [backing] : [] }),
    { backing },
  );
  disk.extentAt = (offset) => {
    let start = 0;
    for (const part of parts) {
      if (offset < start + part.length) return { ...part, length: start + part.length - offset };
      start += part.length;
    }
    throw new Error('nobody asks beyond the end');
  };
  return { node: nodeOf(disk, { name }), disk };
}

/** Three layers, a filter over the lowest, and the lowest one shorter than the others. */
function chain() {
  const base = layer('base', [
    { length: 40, ...DATA },
    { length: 20, ...ZERO },
  ]);
  const filter = filterOver(base.node, 'filter').node;
  const middle = layer(
    'middle',
    [
      { length: 30, ...NONE },
      { length: 20, ...ZERO },
      { length: 50, ...NONE },
    ],
    filter,
  );
  const top = layer(
    'top',
    [
      { length: 10, ...DATA },
      { length: 90, ...NONE },
    ],
    middle.node,
  );
  return { base, filter, middle, top };
}

async function all(top: BlockNode, base?: BlockNode) {
  const found: object[] = [];
  const source = layersAbove(top, base);
  for await (const extent of extents(source, { offset: 0, length: top.size })) found.push(extent);
  return found;
}

describe('the chain of a node', () => {
  it('goes down through filters and backings', () => {
    const { base, filter, middle, top } = chain();
    expect(backingChain(top.node)).toEqual([top.node, middle.node, filter, base.node]);
    expect(isInChain(filter, top.node)).toBe(true);
    expect(isInChain(top.node, top.node)).toBe(true);
    expect(isInChain(top.node, middle.node)).toBe(false);
  });

  it('has layers, which filters are not', () => {
    const { base, filter, middle, top } = chain();
    const above = filterOver(filterOver(top.node, 'lower').node, 'upper').node;
    expect(skipFilters(above)).toBe(top.node);
    expect(skipFilters(filter)).toBe(base.node);
    expect(nextLayer(above)).toBe(middle.node);
    expect(nextLayer(middle.node)).toBe(base.node);
    expect(nextLayer(base.node)).toBeUndefined();
  });
});

describe('statusAbove()', () => {
  it('tells what the disk reads as when there is no base', async () => {
    const { top } = chain();
    expect(await all(top.node)).toEqual([
      { offset: 0, length: 30, ...DATA },
      // Those of the middle, ten bytes of the base, and what is beyond the end of that.
      { offset: 30, length: 70, ...ZERO },
    ]);
  });

  it('leaves out the base and what is below it', async () => {
    const { base, filter, middle, top } = chain();
    const aboveBase = [
      { offset: 0, length: 10, ...DATA },
      { offset: 10, length: 20, ...NONE },
      { offset: 30, length: 20, ...ZERO },
      { offset: 50, length: 50, ...NONE },
    ];
    expect(await all(top.node, base.node)).toEqual(aboveBase);
    expect(await all(top.node, filter)).toEqual(aboveBase);
    expect(await all(top.node, middle.node)).toEqual([
      { offset: 0, length: 10, ...DATA },
      { offset: 10, length: 90, ...NONE },
    ]);
    expect(await all(top.node, top.node)).toEqual([{ offset: 0, length: 100, ...NONE }]);
    expect(base.disk.calls).toEqual([]);
  });

  it('counts zeroes beyond the end of a layer above the base as allocated there', async () => {
    const base = layer('base', [{ length: 100, ...DATA }]);
    const middle = layer('middle', [{ length: 30, ...NONE }], base.node);
    const top = layer('top', [{ length: 100, ...NONE }], middle.node);
    expect(await all(top.node, base.node)).toEqual([
      { offset: 0, length: 30, ...NONE },
      { offset: 30, length: 70, ...ZERO },
    ]);
  });

  it('says data of what is decided by a node that nobody can see from there', async () => {
    // As a format does that tells of the status of the node below it.
    const raw = layer('raw', [
      { length: 10, ...NONE },
      { length: 10, ...NONE, zero: true },
    ]);
    expect(await all(raw.node)).toEqual([
      { offset: 0, length: 10, ...DATA },
      { offset: 10, length: 10, ...NONE, zero: true },
    ]);
  });

  it('passes filters over, without asking them', async () => {
    const { top } = chain();
    const filter = filterOver(top.node, 'upper');
    filter.driver.gate.mode = 'held';
    expect(await statusAbove(filter.node, undefined, 0, 100)).toEqual({ length: 30, ...DATA });
    expect(await statusAbove(filter.node, filter.node, 0, 100)).toEqual({ length: 100, ...NONE });
  });

  it('asks a filter that holds back what was written, unless it is over the base', async () => {
    const { top } = chain();
    // The first five bytes from 30 on, zeroes below, have not got there yet.
    const blockStatus: BlockDriver['blockStatus'] = (offset, length) => {
      if (offset < 30) return { length: 30 - offset, ...NONE };
      return offset < 35 ? { length: 35 - offset, ...DATA } : { length, ...NONE };
    };
    const driver = new PassThrough(new BlockEdge(top.node, { name: 'cache' }));
    const cache = nodeOf(Object.assign(driver, { holdsBack: true, blockStatus }));
    expect(await all(cache)).toEqual([
      { offset: 0, length: 35, ...DATA },
      { offset: 35, length: 65, ...ZERO },
    ]);
    expect(await all(cache, top.node)).toEqual([{ offset: 0, length: 100, ...NONE }]);
  });

  it('looks on past the end of an extent, but not for ever', async () => {
    const parts = Array.from({ length: 1000 }, () => ({ length: 1, ...DATA }));
    const { node, disk } = layer('disk', parts);
    const found = await statusAbove(node, undefined, 0, 1000);
    expect(found).toEqual({ length: 64, ...DATA });
    expect(disk.calls).toHaveLength(64);
    expect(await all(node)).toEqual([{ offset: 0, length: 1000, ...DATA }]);
  });

  it('answers for one byte at least of a chain of any depth', async () => {
    let node = layer('bottom', [{ length: 10, ...DATA }]).node;
    for (let depth = 0; depth < 200; depth += 1) {
      node = layer(
        `layer${depth}`,
        [
          { length: 3, ...NONE },
          { length: 7, ...NONE },
        ],
        node,
      ).node;
    }
    expect(await statusAbove(node, undefined, 0, 10)).toEqual({ length: 3, ...DATA });
  });

  it('answers late where a layer does, and fails as a layer does', async () => {
    const { base, middle, top } = chain();
    middle.disk.gate.mode = 'held';
    const asking = watch(() => statusAbove(top.node, undefined, 10, 90));
    await settle();
    expect(asking.state).toBe('pending');
    base.disk.gate.mode = 'held';
    middle.disk.gate.next('blockStatus').complete();
    await settle();
    base.disk.gate.next('blockStatus').fail(new Error('broken'));
    await settle();
    expect([asking.state, asking.error]).toEqual(['failed', new Error('broken')]);
  });

  it('waits out a drain when it comes by an edge', async () => {
    const { top } = chain();
    const edge = new BlockEdge(top.node, { name: 'job' });
    await drained(top.node, async () => {
      const asking = watch(() => statusAbove(edge, undefined, 0, 100));
      await settle();
      expect([asking.state, top.disk.calls]).toEqual(['pending', []]);
    });
    expect(await statusAbove(edge, undefined, 0, 100)).toEqual({ length: 30, ...DATA });
  });

  it('is one request: a drain waits until the whole of it has ended', async () => {
    const { middle, top } = chain();
    const edge = new BlockEdge(top.node, { name: 'export' });
    middle.disk.gate.mode = 'held';
    const asking = watch(() => statusAbove(edge, undefined, 30, 70));
    const draining = watch(() => drained(top.node, () => {}));
    for (let left = 3; left > 0; left -= 1) {
      await settle();
      expect([asking.state, draining.state]).toEqual(['pending', 'pending']);
      middle.disk.gate.next('blockStatus').complete();
    }
    await settle();
    expect([asking.state, draining.state]).toEqual(['done', 'done']);
  });

  it('refuses what is not within the disk, and a base that is not in the chain', async () => {
    const { top, middle } = chain();
    const filter = filterOver(top.node, 'upper').node;
    for (const [offset, length] of [
      [0, 101],
      [101, 0],
      [-1, 5],
      [5, -1],
      [Number.NaN, 1],
    ] as const) {
      const refused = async () => statusAbove(filter, undefined, offset, length);
      await expect(refused()).rejects.toMatchObject({ code: 'EINVAL' });
    }
    expect(() => statusAbove(middle.node, top.node, 0, 1)).toThrow(/base is in the chain/);
  });
});
