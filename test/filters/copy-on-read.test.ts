import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import { isZero } from '../../src/base/zeroes.ts';
import type { BlockExtent, DriverDefinition } from '../../src/block/driver.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { extents } from '../../src/block/extents.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { copyingOnRead, copyOnRead } from '../../src/filters/copy-on-read.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { nodeOf, pattern, TestDisk, type TestDiskOptions } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

const KiB = 1024;
const CLUSTER = 4 * KiB;
const SIZE = 64 * KiB;

driverContract({
  name: 'copy-on-read over memory',
  options: (size) => ({ driver: 'copy-on-read', file: { driver: 'memory', size } }),
});

driverContract({
  name: 'copy-on-read over memory with a backing of zeroes',
  options: (size) => ({
    driver: 'copy-on-read',
    file: { driver: 'memory', size, backing: { driver: 'memory', size: Math.floor(size / 2) } },
  }),
});

/** Layers of memory, the lowest one a test disk, and the filter over them. */
async function layers(options: { readonly bottom?: string; readonly baseSize?: number } = {}) {
  const base = new TestDisk({ size: options.baseSize ?? SIZE });
  const definition: DriverDefinition = {
    summary: 'a test disk',
    options: () => ({}),
    open: async () => base,
  };
  const registry = { ...drivers, 'copy-on-read': copyOnRead, test: definition };
  const graph = new BlockGraph(nodeEnv(), registry);
  await graph.open({ driver: 'test', 'node-name': 'base' });
  const layer = (name: string, backing: string) =>
    graph.open({
      driver: 'memory',
      'node-name': name,
      size: SIZE,
      backing,
      'cluster-size': CLUSTER,
    });
  const middle = await layer('middle', 'base');
  const top = await layer('top', 'middle');
  const node = await graph.open({
    driver: 'copy-on-read',
    'node-name': 'disk',
    file: 'top',
    ...(options.bottom === undefined ? {} : { bottom: options.bottom }),
  });
  return { base, middle, top, node, graph };
}

/** Where a layer has something of its own, in clusters. */
async function allocatedIn(node: BlockNode): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const { offset, length, allocated } of extents(node, { offset: 0, length: SIZE })) {
    if (!allocated) continue;
    for (let at = offset; at < offset + length; at += CLUSTER) found.push(at / CLUSTER);
  }
  return found;
}

async function read(node: BlockNode, offset: number, length: number): Promise<Uint8Array> {
  const into = new Uint8Array(length).fill(0xcc);
  await node.read(offset, into);
  return into;
}

/** A disk of which the test says what is allocated; and the filter. */
function stub(clusterSize: number, options: Partial<TestDiskOptions> = {}) {
  const disk = new TestDisk({ size: SIZE, ...options });
  const isAllocated = new Set<number>();
  disk.extentAt = (offset): BlockExtent => {
    const cluster = Math.floor(offset / clusterSize);
    const length = (cluster + 1) * clusterSize - offset;
    return { length, data: true, zero: false, allocated: isAllocated.has(cluster) };
  };
  Object.assign(disk, { clusterSize });
  const below = nodeOf(disk, { name: 'below' });
  const filter = copyingOnRead(new BlockEdge(below, { name: 'disk' }));
  return { disk, filter, isAllocated };
}

describe('copy-on-read', () => {
  it('copies up the clusters of what is read, once, and reads the right bytes', async () => {
    const { base, top, node } = await layers();
    base.bytes.set(pattern(SIZE));
    expect(await read(node, 5000, 6000)).toEqual(pattern(SIZE).subarray(5000, 11_000));
    expect(await allocatedIn(top)).toEqual([1, 2]);
    const before = base.calls.length;
    expect(await read(node, 4096, 8192)).toEqual(pattern(SIZE).subarray(4096, 12_288));
    expect(base.calls.length).toBe(before);
    expect(await read(node, 0, SIZE)).toEqual(pattern(SIZE));
    expect(await allocatedIn(top)).toHaveLength(16);
    base.bytes.fill(0xee);
    expect(await read(node, 0, SIZE)).toEqual(pattern(SIZE));
  });

  it('does not touch what is allocated already', async () => {
    const { base, top, node } = await layers();
    base.bytes.set(pattern(SIZE));
    await top.write(8192, new Uint8Array(4096).fill(9));
    const expected = pattern(SIZE).fill(9, 8192, 12_288);
    expect(await read(node, 0, SIZE)).toEqual(expected);
    expect(await read(top, 0, SIZE)).toEqual(expected);
  });

  it('copies zeroes as zeroes, known ones unread and others found', async () => {
    const { base, top, node } = await layers({ baseSize: 20_000 });
    base.bytes.set(pattern(4096), 4096);
    await read(node, 0, SIZE);
    expect(await allocatedIn(top)).toHaveLength(16);
    const data: number[] = [];
    for await (const extent of extents(top, { offset: 0, length: SIZE })) {
      if (extent.data) data.push(extent.offset, extent.length);
    }
    expect(data).toEqual([4096, 4096]);
    expect(isZero(await read(node, 8192, SIZE - 8192))).toBe(true);
  });

  it('copies with bottom only what the layers down to it have', async () => {
    const { base, middle, top, node } = await layers({ bottom: 'middle' });
    base.bytes.set(pattern(SIZE));
    await middle.write(8192, new Uint8Array(100).fill(7));
    await middle.writeZeroes(16_384, 4096);
    const expected = pattern(SIZE).fill(7, 8192, 8292).fill(0, 16_384, 20_480);
    expect(await read(node, 100, SIZE - 100)).toEqual(expected.subarray(100));
    expect(await allocatedIn(top)).toEqual([2, 4]);
    const all = await layers({ bottom: 'base' });
    await read(all.node, 0, 1);
    expect(await allocatedIn(all.top)).toEqual([0]);
  });

  it('looks at whole clusters of the top when layers allocate less at a time', async () => {
    const { graph } = await layers();
    await graph.open({
      driver: 'memory',
      'node-name': 'coarse',
      size: SIZE,
      backing: 'middle',
      'cluster-size': 4 * CLUSTER,
    });
    await graph.find('middle').write(24 * KiB, pattern(512));
    const options = { driver: 'copy-on-read', file: 'coarse', bottom: 'middle' };
    const node = await graph.open(options);
    await read(node, 0, SIZE);
    expect(await allocatedIn(graph.find('coarse'))).toEqual([4, 5, 6, 7]);
  });

  it('refuses a bottom that is not behind the node below', async () => {
    await expect(layers({ bottom: 'elsewhere' })).rejects.toThrow(
      /Bottom node 'elsewhere' not found$/,
    );
  });

  it('only reads where the node below is read-only', async () => {
    const { graph, base, top } = await layers();
    base.bytes.set(pattern(SIZE));
    const options = { driver: 'memory', size: SIZE, backing: 'base', 'read-only': true };
    await graph.open({ ...options, 'node-name': 'fixed' });
    const node = await graph.open({ driver: 'copy-on-read', file: 'fixed', 'read-only': true });
    expect(await read(node, 0, SIZE)).toEqual(pattern(SIZE));
    expect(await allocatedIn(graph.find('fixed'))).toEqual([]);
    expect(await allocatedIn(top)).toEqual([]);
  });

  it('is synchronous where everything is allocated', () => {
    const { disk, filter, isAllocated } = stub(CLUSTER);
    for (let cluster = 0; cluster < 16; cluster += 1) isAllocated.add(cluster);
    expect(filter.read(1, new Uint8Array(10_000))).toBeUndefined();
    expect(filter.write(1, pattern(9), { forceUnitAccess: false })).toBeUndefined();
    expect(disk.operations.filter((operation) => operation === 'write')).toHaveLength(1);
    disk.gate.mode = 'async';
    expect(filter.read(1, new Uint8Array(10_000))).toBeInstanceOf(Promise);
  });

  it('never overwrites a write that came while it copied', async () => {
    const { disk, filter } = stub(CLUSTER);
    disk.bytes.fill(1);
    disk.gate.mode = 'held';
    const plain = { forceUnitAccess: false };
    const zeroes = { ...plain, mayUnmap: false, noFallback: false };
    const reading = watch(() => filter.read(100, new Uint8Array(100)));
    const advance = async () => {
      disk.gate.next().complete();
      await settle();
    };
    // The queries, then the read of the cluster.
    while (disk.gate.held[0]?.operation === 'blockStatus') await advance();
    expect(disk.gate.held).toMatchObject([{ operation: 'read', offset: 0, length: CLUSTER }]);
    const changes = [
      watch(() => filter.write(0, new Uint8Array(512).fill(2), plain)),
      watch(() => filter.writeZeroes(1024, 512, zeroes)),
      watch(() => filter.discard(2048, 512)),
      watch(() => filter.write(CLUSTER, new Uint8Array(512).fill(2), plain)),
    ];
    await settle();
    // Only the write of another cluster goes.
    expect(disk.gate.held).toMatchObject([{ operation: 'read' }, { offset: CLUSTER }]);
    while (disk.gate.held.length > 0) await advance();
    expect([reading, ...changes].map(({ state }) => state)).toEqual(new Array(5).fill('done'));
    expect(disk.bytes[0]).toBe(2);
    expect(disk.bytes[600]).toBe(1);
    expect(disk.bytes[1024]).toBe(0);
  });

  it('copies a cluster once, however many read it at the same time', async () => {
    const { disk, filter, isAllocated } = stub(CLUSTER);
    disk.bytes.set(pattern(SIZE));
    disk.gate.mode = 'async';
    const write = disk.gate.pass.bind(disk.gate);
    disk.gate.pass = (call, effect) => {
      if (call.operation === 'write') isAllocated.add(call.offset / CLUSTER);
      return write(call, effect);
    };
    const buffers = Array.from({ length: 8 }, () => new Uint8Array(100));
    await Promise.all(buffers.map((into, index) => filter.read(CLUSTER + index, into)));
    for (const [index, into] of buffers.entries()) {
      expect(into).toEqual(pattern(SIZE).subarray(CLUSTER + index, CLUSTER + index + 100));
    }
    expect(disk.operations.filter((operation) => operation === 'write')).toHaveLength(1);
  });

  it('fails the read when what it fetched cannot be written', async () => {
    const { disk, filter } = stub(CLUSTER);
    disk.bytes.fill(1);
    disk.gate.mode = 'held';
    const reading = watch(() => filter.read(0, new Uint8Array(100)));
    while (disk.gate.held[0]?.operation !== 'write') {
      disk.gate.next().complete();
      await settle();
    }
    disk.gate.next('write').fail(new BlockError('ENOSPC', 'write', 'it is full'));
    await settle();
    expect(reading).toMatchObject({ state: 'failed', error: { code: 'ENOSPC' } });
    // And holds nothing afterwards.
    disk.gate.mode = 'sync';
    await filter.write(0, pattern(CLUSTER), { forceUnitAccess: false });
    expect(disk.bytes.subarray(0, CLUSTER)).toEqual(pattern(CLUSTER));
  });

  it('copies a long read piece by piece, in no more than a mebibyte at a time', async () => {
    const { disk, filter } = stub(64 * KiB, { size: 5 * KiB * KiB });
    disk.extentAt = (_offset, length) => ({ length, data: true, zero: false, allocated: false });
    disk.bytes.set(pattern(disk.bytes.length));
    const into = new Uint8Array(3 * KiB * KiB);
    await filter.read(1000, into);
    expect(
      Buffer.compare(into, pattern(disk.bytes.length).subarray(1000, 1000 + into.length)),
    ).toBe(0);
    const copies = disk.calls.filter(({ operation }) => operation === 'write');
    expect(Math.max(...copies.map(({ length }) => length))).toBe(KiB * KiB);
    expect(copies[0]?.offset).toBe(0);
    expect((copies.at(-1)?.offset ?? 0) + (copies.at(-1)?.length ?? 0)).toBe(49 * 64 * KiB);
  });

  it('keeps a disk right under random reads, writes and zeroes over two layers', async () => {
    const { base, middle, node } = await layers({ baseSize: 50_000 });
    const random = seededRandom(5);
    base.bytes.set(pattern(50_000));
    await middle.write(10_000, new Uint8Array(9000).fill(0x55));
    const model = new Uint8Array(SIZE);
    model.set(pattern(50_000));
    model.fill(0x55, 10_000, 19_000);
    for (let step = 0; step < 300; step += 1) {
      const offset = random.below(SIZE);
      const length = 1 + random.below(Math.min(SIZE - offset, 9000));
      const kind = random.below(4);
      if (kind === 0) {
        await node.write(offset, new Uint8Array(length).fill(step));
        model.fill(step, offset, offset + length);
      } else if (kind === 1) {
        await node.writeZeroes(offset, length);
        model.fill(0, offset, offset + length);
      } else {
        const found = await read(node, offset, length);
        expect(Buffer.compare(found, model.subarray(offset, offset + length))).toBe(0);
      }
    }
    expect(Buffer.compare(await read(node, 0, SIZE), model)).toBe(0);
  });
});
