import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../src/block/edge.ts';
import type { NodeOptions } from '../../src/block/options.ts';
import { filterOver, nodeOf, pattern, TestDisk, type TestDiskOptions } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

/** A disk that lends its bytes, and has memory for every write. */
class GenerousDisk extends TestDisk {
  readonly lent: string[] = [];
  readonly placed: string[] = [];

  lend(offset: number, length: number) {
    this.lent.push(`${length} at ${offset}`);
    return { parts: [this.bytes.slice(offset, offset + length)], end: () => {} };
  }

  place(offset: number, length: number) {
    this.placed.push(`${length} at ${offset}`);
    return new Uint8Array(length);
  }
}

function rig(disk: Partial<TestDiskOptions> = {}, node: Partial<NodeOptions> = {}) {
  const generous = new GenerousDisk({ size: 4096, ...disk });
  generous.bytes.set(pattern(generous.bytes.length));
  return { disk: generous, node: nodeOf(generous, node) };
}

const PLACED = { placed: true };

describe('a node', () => {
  it('lends what its driver does', () => {
    const { disk, node } = rig();
    expect(node.lend(10, 20)?.parts).toEqual([disk.bytes.subarray(10, 30)]);
    expect(nodeOf(new TestDisk({ size: 4096 })).lend(10, 20)).toBeUndefined();
  });

  it('asks its driver for no loan that it would have to read otherwise', () => {
    const { disk, node } = rig({ alignment: 512, transferMax: 1024 });
    for (const [offset, length] of [
      [-512, 512],
      [0, 4097],
      [4096, 512],
      [0, 1536],
      [0, 511],
      [1, 511],
    ] as const) {
      expect(node.lend(offset, length)).toBeUndefined();
    }
    expect(disk.lent).toEqual([]);
    expect(node.lend(3072, 1024)).toBeDefined();
    expect(disk.lent).toEqual(['1024 at 3072']);
  });

  it('gives the place that its driver has, and tells that of what was placed', async () => {
    const { disk, node } = rig();
    expect(node.place(10, 20)).toHaveLength(20);
    await node.write(10, pattern(20), PLACED);
    await node.write(10, pattern(20));
    expect(disk.calls.map(({ options }) => options)).toEqual([
      { forceUnitAccess: false, placed: true },
      { forceUnitAccess: false },
    ]);
  });

  it('tells nobody of what was placed who has no place', async () => {
    const disk = new TestDisk({ size: 4096 });
    const node = nodeOf(disk);
    expect(node.place(10, 20)).toBeUndefined();
    await node.write(10, pattern(20), PLACED);
    expect(disk.calls[0]?.options).toEqual({ forceUnitAccess: false });
  });

  it.each([
    { how: 'aligned', rig: () => rig({ alignment: 512 }) },
    { how: 'short', rig: () => rig({ transferMax: 256 }) },
    { how: 'looked through for zeroes', rig: () => rig({}, { detectZeroes: 'on' }) },
  ])('neither gives a place nor tells of one where writes are $how', async ({ rig }) => {
    const { disk, node } = rig();
    expect(node.place(0, 512)).toBeUndefined();
    expect(disk.placed).toEqual([]);
    await node.write(0, pattern(512), PLACED);
    expect(disk.calls.length).toBeGreaterThan(0);
    for (const { options } of disk.calls) expect(options).not.toHaveProperty('placed');
  });

  it('gives no place outside the disk, and forgets it of what is durable', async () => {
    const { disk, node } = rig();
    expect(node.place(4095, 2)).toBeUndefined();
    await node.write(0, pattern(512), { forceUnitAccess: true, ...PLACED });
    expect(disk.calls[0]?.options).toEqual({ forceUnitAccess: true });
  });

  it('lends nothing through a filter, nor is what was placed the disk’s behind one', async () => {
    const { disk, node } = rig();
    const { node: filter } = filterOver(node, 'filter');
    expect([filter.lend(0, 512), filter.place(0, 512)]).toEqual([undefined, undefined]);
    await filter.write(0, pattern(512), PLACED);
    expect(disk.calls[0]?.options).toEqual({ forceUnitAccess: false });
  });
});

describe('an edge', () => {
  it('lends what its node does, and gives its place', () => {
    const { disk, node } = rig();
    const edge = new BlockEdge(node, { name: 'guest' });
    expect(edge.lend(10, 20)?.parts).toEqual([disk.bytes.subarray(10, 30)]);
    expect(edge.place(10, 20)).toHaveLength(20);
  });

  it('lends nothing while reads have to wait, though a write may come meanwhile', async () => {
    const { disk, node } = rig();
    const edge = new BlockEdge(node, { name: 'guest' });
    edge.hold();
    expect(edge.lend(10, 20)).toBeUndefined();
    const write = watch(() => edge.write(10, edge.place(10, 20) ?? pattern(0), PLACED));
    expect(write.state).toBe('pending');
    edge.letGo();
    await settle();
    expect([write.state, disk.calls[0]?.options]).toEqual([
      'done',
      { forceUnitAccess: false, placed: true },
    ]);
    expect(edge.lend(10, 20)).toBeDefined();
    edge.limit = { admit: () => undefined };
    expect(edge.lend(10, 20)).toBeUndefined();
    expect(disk.lent).toEqual(['20 at 10']);
  });
});
