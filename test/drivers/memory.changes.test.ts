import { describe, expect, it } from 'vitest';
import { putBehind } from '../../src/block/backing.ts';
import { drained } from '../../src/block/drain.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { pattern } from '../support/drivers.ts';
import { bytesOf, LayerGraph, padded } from '../support/layers.ts';
import { settle, watch } from '../support/settle.ts';

const KiB = 1024;

const memory = (size: number, more: object = {}) => ({ driver: 'memory', size, ...more });

describe('the size of a layer', () => {
  it('adds zeroes, however long the backing is', async () => {
    for (const size of [4096, 5000, 0]) {
      const { top, base } = await new LayerGraph().openOver({ size }, 20_000);
      const expected = padded(base.bytes.slice(0, size), 30_000);
      await top.resize(30_000);
      expect(await bytesOf(top), `from ${size}`).toEqual(expected);
    }
  });

  it('does not bring back what it once cut off', async () => {
    const { top, base } = await new LayerGraph().openOver({ size: 20_000 }, 20_000);
    await top.write(3000, new Uint8Array(10_000).fill(1));
    await top.resize(6000);
    await top.resize(20_000);
    const expected = padded(base.bytes.slice(0, 3000), 20_000).fill(1, 3000, 6000);
    expect(await bytesOf(top)).toEqual(expected);
  });

  it('stays as it was when the backing cannot be read', async () => {
    const { top, base } = await new LayerGraph().openOver({ size: 5000 }, 20_000);
    base.gate.mode = 'held';
    const resizing = watch(() => top.resize(30_000));
    await settle();
    base.gate.next('read').fail(new Error('broken'));
    await settle();
    expect([resizing.state, top.size]).toEqual(['failed', 5000]);
    base.gate.mode = 'sync';
    expect(await bytesOf(top)).toEqual(base.bytes.slice(0, 5000));
  });
});

describe('setBacking()', () => {
  async function openPair(options: object) {
    const layers = new LayerGraph();
    const top = await layers.graph.open(memory(32 * KiB, { 'node-name': 'top', ...options }));
    const array = { driver: 'array', size: 20_000 };
    const base = await layers.graph.open({ ...array, 'node-name': 'base' });
    const other = await layers.graph.open({ ...array, 'node-name': 'other' });
    layers.disks.get('other')?.bytes.fill(0x99);
    const put = (node: BlockNode | undefined) =>
      drained(top, () => putBehind(top, node && new BlockEdge(node, { name: 'top' })));
    return { ...layers, top, base, other, put };
  }

  it('puts a disk behind one, takes it away and puts another one there', async () => {
    const { top, base, other, put } = await openPair({});
    await top.write(5000, new Uint8Array(10).fill(1));
    await put(base);
    expect([top.backing, top.children]).toEqual([base, [base]]);
    // What is written becomes allocated by whole clusters, whose rest was zero.
    const expected = padded(pattern(20_000), 32 * KiB)
      .fill(0, 4096, 8192)
      .fill(1, 5000, 5010);
    expect(await bytesOf(top)).toEqual(expected);
    await top.writeZeroes(12_288, 4096);

    await put(undefined);
    expect([top.backing, top.children, base.parents.size]).toEqual([undefined, [], 0]);
    expect(await bytesOf(top)).toEqual(new Uint8Array(32 * KiB).fill(1, 5000, 5010));
    await top.write(16_384, new Uint8Array(10).fill(2));

    await put(other);
    const later = padded(new Uint8Array(20_000).fill(0x99), 32 * KiB);
    later.fill(0, 4096, 8192).fill(1, 5000, 5010).fill(0, 12_288, 20_480).fill(2, 16_384, 16_394);
    expect(await bytesOf(top)).toEqual(later);
  });

  it('keeps the zeroes of a disk with a cluster size, which had no backing then', async () => {
    const { top, base, put } = await openPair({ 'cluster-size': 8192 });
    await top.writeZeroes(8192, 8192);
    await put(base);
    const expected = padded(pattern(20_000), 32 * KiB).fill(0, 8192, 16_384);
    expect(await bytesOf(top)).toEqual(expected);
  });

  it('waits for a copy-up that is in flight, under a drain', async () => {
    const { top, base, other, put, disks } = await openPair({});
    await put(base);
    const disk = disks.get('base');
    if (!disk) throw new Error('the test disk was not opened');
    disk.gate.mode = 'held';
    const guest = new BlockEdge(top, { name: 'guest' });
    const before = watch(() => guest.write(10, Uint8Array.of(1)));
    const changing = watch(() => put(other));
    const after = watch(() => guest.write(5000, Uint8Array.of(2)));
    await settle();
    expect([before.state, changing.state, after.state]).toEqual(Array(3).fill('pending'));
    for (; disk.gate.held.length > 0; await settle()) disk.gate.next().complete();
    expect([before.state, changing.state, after.state]).toEqual(Array(3).fill('done'));
    const expected = padded(new Uint8Array(20_000).fill(0x99), 32 * KiB);
    expected.set(disk.bytes.subarray(0, 4096));
    expected[10] = 1;
    expected[5000] = 2;
    expect(await bytesOf(top)).toEqual(expected);
  });

  it('makes a drain of the new backing hold back the guests above', async () => {
    const { top, base, put } = await openPair({});
    await put(base);
    const guest = new BlockEdge(top, { name: 'guest' });
    await drained(base, async () => {
      const reading = watch(() => guest.read(0, new Uint8Array(1)));
      await settle();
      expect(reading.state).toBe('pending');
    });
  });
});
