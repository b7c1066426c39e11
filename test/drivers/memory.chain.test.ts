import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { alignDown } from '../../src/base/ranges.ts';
import { isZero } from '../../src/base/zeroes.ts';
import { layersAbove } from '../../src/block/allocation.ts';
import { putBehind } from '../../src/block/backing.ts';
import type { BlockExtent } from '../../src/block/driver.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { extents } from '../../src/block/extents.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { same } from '../contract/driver-model.ts';
import { filterOver, nodeOf, TestDisk } from '../support/drivers.ts';
import { bytesOf, LayerGraph, padded } from '../support/layers.ts';

const SIZES = { base: 90_000, middle: 70_001, top: 200_003 };
const CLUSTERS = { middle: 16_384, top: 8192 };

/** A layer, and what it is to be like. */
interface Modelled {
  readonly node: BlockNode;
  readonly clusterSize: number;
  readonly bytes: Uint8Array;
  /** One entry for each cluster. */
  readonly allocated: boolean[];
}

/** A base in an array, a layer over it, a filter, and a layer over that. */
async function openChain(random: Random, mode: 'sync' | 'async') {
  const disk = new TestDisk({ size: SIZES.base, alignment: 512 });
  random.fill(disk.bytes);
  disk.gate.mode = mode;
  const base = nodeOf(disk, { name: 'base', readOnly: true });
  const middle = await openLayer('middle', base);
  const filter = filterOver(middle.node, 'filter').node;
  return { base, disk, middle, filter, openTop: () => openLayer('top', filter, middle.bytes) };

  async function openLayer(
    name: 'middle' | 'top',
    backing: BlockNode,
    behind: Uint8Array = disk.bytes,
  ): Promise<Modelled> {
    const [size, clusterSize] = [SIZES[name], CLUSTERS[name]];
    const options = { driver: 'memory', size, 'cluster-size': clusterSize, discard: 'unmap' };
    const node = await new LayerGraph().graph.open({ ...options, 'node-name': name });
    putBehind(node, new BlockEdge(backing, { name }));
    const allocated = Array<boolean>(Math.ceil(size / clusterSize)).fill(false);
    return { node, clusterSize, bytes: padded(behind, size), allocated };
  }
}

/** One random request to a layer and to its model. */
async function step(layer: Modelled, random: Random): Promise<void> {
  const { node, bytes } = layer;
  const unit = [1, 512, 8192][random.below(3)] ?? 1;
  const offset = alignDown(random.below(node.size), unit);
  const lengthMax = [10, 5000, 40_000][random.below(3)] ?? 10;
  const atEnd = random.below(10) === 0;
  const length = atEnd ? node.size - offset : Math.min(random.below(lengthMax), node.size - offset);
  const kind = random.below(8);
  const part = bytes.subarray(offset, offset + length);
  if (kind < 4) {
    expect(same(await bytesOf(node, offset, offset + length), part)).toBe(true);
  } else if (kind < 6) {
    random.fill(part);
    await node.write(offset, part.slice());
    if (length > 0) allocate(layer, offset, offset + length);
  } else if (kind === 6) {
    part.fill(0);
    await node.writeZeroes(offset, length);
    if (length > 0) allocate(layer, offset, offset + length);
  } else {
    await node.discard(offset, length);
    const start = Math.ceil(offset / layer.clusterSize) * layer.clusterSize;
    const isTail = offset + length === node.size;
    const end = isTail ? node.size : alignDown(offset + length, layer.clusterSize);
    if (start >= end) return;
    bytes.fill(0, start, end);
    allocate(layer, start, end);
  }
}

function allocate({ allocated, clusterSize }: Modelled, offset: number, end: number): void {
  allocated.fill(true, Math.floor(offset / clusterSize), Math.ceil(end / clusterSize));
}

/** Checks every extent of a walk against what it should say at its every byte. */
async function checkExtents(
  source: { blockStatus(offset: number, length: number): Promise<BlockExtent> | BlockExtent },
  bytes: Uint8Array,
  isAllocated: (at: number) => boolean,
): Promise<void> {
  let next = 0;
  for await (const extent of extents(source, { offset: 0, length: bytes.length })) {
    expect(extent.offset).toBe(next);
    next += extent.length;
    if (extent.zero) expect(isZero(bytes.subarray(extent.offset, next))).toBe(true);
    for (let at = extent.offset; at < next; at += 1) {
      if (isAllocated(at) !== extent.allocated) throw new Error(`wrong about allocation at ${at}`);
    }
  }
  expect(next).toBe(bytes.length);
}

const isAllocatedIn = (layer: Modelled, at: number) =>
  layer.allocated[Math.floor(at / layer.clusterSize)] === true;

describe('a chain of three layers', () => {
  it.each([
    [11, 'sync'],
    [12, 'sync'],
    [13, 'async'],
    [14, 'async'],
  ] as const)(
    'reads as one array does, by layer and as a whole (seed %i, %s)',
    async (seed, mode) => {
      const random = seededRandom(seed);
      const { base, disk, middle, filter, openTop } = await openChain(random, mode);
      const baseBytes = disk.bytes.slice();
      for (let count = 0; count < 12; count += 1) await step(middle, random);
      const top = await openTop();
      const middleBytes = middle.bytes.slice();
      for (let count = 0; count < 150; count += 1) {
        await step(top, random);
        if (count % 30 !== 0) continue;
        await checkExtents(top.node, top.bytes, (at) => isAllocatedIn(top, at));
        await checkExtents(layersAbove(top.node, undefined), top.bytes, () => true);
        // What only the short middle layer ends counts as allocated in it.
        const aboveBase = (at: number) =>
          isAllocatedIn(top, at) || at >= SIZES.middle || isAllocatedIn(middle, at);
        await checkExtents(layersAbove(top.node, base), top.bytes, aboveBase);
        for (const end of [filter, middle.node]) {
          await checkExtents(layersAbove(top.node, end), top.bytes, (at) => isAllocatedIn(top, at));
        }
      }
      expect(same(await bytesOf(top.node), top.bytes)).toBe(true);
      expect(same(await bytesOf(middle.node), middleBytes)).toBe(true);
      expect(same(disk.bytes, baseBytes)).toBe(true);
      expect(disk.operations).not.toContain('write');
    },
  );

  it('keeps every byte of neighbouring writes in flight, whose clusters are shared', async () => {
    const random = seededRandom(15);
    const { disk, openTop } = await openChain(random, 'sync');
    const top = await openTop();
    disk.gate.mode = 'held';
    const writes: (Promise<void> | undefined)[] = [];
    for (let at = 500; at + 1000 < 60_000; at += 1500) {
      const part = top.bytes.subarray(at, at + 1000);
      random.fill(part);
      writes.push(top.node.write(at, part.slice()) as Promise<void> | undefined);
    }
    const done = Promise.all(writes).then(() => true);
    let isDone = false;
    while (!isDone) {
      const { held } = disk.gate;
      held[random.below(held.length)]?.complete();
      const tick = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)));
      isDone = await Promise.race([done, tick]);
    }
    disk.gate.mode = 'sync';
    expect(same(await bytesOf(top.node), top.bytes)).toBe(true);
  });
});
