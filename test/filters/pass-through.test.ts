import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../src/block/edge.ts';
import { type FilterDriver, passThrough } from '../../src/filters/pass-through.ts';
import { nodeOf, pattern, TestDisk, type TestDiskOptions } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

const GUEST = { name: 'guest', kind: 'device' } as const;

function over(options: TestDiskOptions, changes: Partial<FilterDriver> = {}) {
  const disk = new TestDisk(options);
  const below = nodeOf(disk, { name: 'below', unmap: true });
  const edge = new BlockEdge(below, { name: 'filter' });
  const node = nodeOf(passThrough(edge, changes), { name: 'filter', unmap: true });
  return { disk, below, node };
}

describe('pass-through', () => {
  it('hands every request to the node below as it is, and stays synchronous', async () => {
    const { disk, node } = over({ size: 8192 });
    expect(node.write(512, pattern(1024), undefined, GUEST)).toBeUndefined();
    const into = new Uint8Array(1024);
    expect(node.read(512, into, GUEST)).toBeUndefined();
    expect(into).toEqual(pattern(1024));
    expect(node.flush(GUEST)).toBeUndefined();
    await node.writeZeroes(512, 512, { mayUnmap: true, noFallback: true });
    await node.discard(1024, 512);
    expect(node.blockStatus(0, 512)).toMatchObject({ length: 512, data: true });
    await node.write(0, pattern(512), { forceUnitAccess: true });
    expect(disk.calls).toMatchObject([
      { operation: 'write', offset: 512, length: 1024, options: { forceUnitAccess: false } },
      { operation: 'read', offset: 512, length: 1024 },
      { operation: 'flush' },
      { operation: 'writeZeroes', options: { mayUnmap: true, noFallback: true } },
      { operation: 'discard', offset: 1024, length: 512 },
      { operation: 'blockStatus', offset: 0, length: 512 },
      { operation: 'write', offset: 0, length: 512, options: { forceUnitAccess: true } },
    ]);
  });

  it('leaves to the node below what that has to emulate', async () => {
    const { disk, node } = over({ size: 8192, operations: [], forceUnitAccess: false });
    disk.bytes.fill(0xee);
    await node.writeZeroes(0, 512, { forceUnitAccess: true });
    expect(disk.operations).toEqual(['write', 'flush']);
    expect(disk.bytes.subarray(0, 512).every((byte) => byte === 0)).toBe(true);
    const fast = async () => node.writeZeroes(0, 512, { noFallback: true });
    await expect(fast()).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(node.resize(512)).rejects.toMatchObject({ code: 'ENOTSUP' });
  });

  it('says who began a request, and not that it did so itself', async () => {
    const { below, node } = over({ size: 8192 });
    const origins: unknown[] = [];
    const spy = (...args: readonly unknown[]) => void origins.push(args.at(-1));
    Object.assign(below, { read: spy, write: spy, writeZeroes: spy, discard: spy, flush: spy });
    await node.read(0, new Uint8Array(512), GUEST);
    await node.write(0, new Uint8Array(512), undefined, GUEST);
    await node.writeZeroes(0, 512, {}, GUEST);
    await node.discard(0, 512, GUEST);
    await node.flush(GUEST);
    expect(origins).toEqual([GUEST, GUEST, GUEST, GUEST, GUEST]);
  });

  it('has the limits of the node below, and shows that as the node it filters', () => {
    const limits = { alignment: 512, transferMax: 2048, discardAlignment: 1024 };
    const { below, node } = over({ size: 8192, ...limits });
    expect(node.limits).toEqual(limits);
    expect(node.filtered).toBe(below);
    expect(node.clusterSize).toBeUndefined();
  });

  it('has the clusters of the node below', () => {
    const disk = Object.assign(new TestDisk({ size: 8192 }), { clusterSize: 65_536 });
    const edge = new BlockEdge(nodeOf(disk), { name: 'filter' });
    expect(nodeOf(passThrough(edge)).clusterSize).toBe(65_536);
  });

  it('becomes as large as the node below', async () => {
    const { disk, node } = over({ size: 8192 });
    await node.resize(1000);
    expect(disk.bytes.length).toBe(1000);
    expect(node.size).toBe(1000);
  });

  it('fails as the node below does', async () => {
    const { disk, node } = over({ size: 8192 });
    disk.gate.mode = 'held';
    const read = watch(() => node.read(0, new Uint8Array(512)));
    disk.gate.next('read').fail(new Error('the test wants it'));
    await settle();
    expect(read).toMatchObject({ state: 'failed', error: { message: 'the test wants it' } });
  });

  it('does otherwise what it is told to do otherwise', async () => {
    const { disk, node } = over({ size: 8192 }, { flush: () => {} });
    await node.flush();
    await node.write(0, pattern(512));
    expect(disk.operations).toEqual(['write']);
  });
});
