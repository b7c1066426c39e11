import { describe, expect, it } from 'vitest';
import { drained } from '../../src/block/drain.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { bytesOf, LayerGraph, padded } from '../support/layers.ts';
import { settle, watch } from '../support/settle.ts';
import { makeFile } from '../support/temporary.ts';

const KiB = 1024;
const UNALLOCATED = { data: false, zero: false, allocated: false };
const DATA = { data: true, zero: false, allocated: true };
const ZERO = { data: false, zero: true, allocated: true };

const memory = (size: number, more: object = {}) => ({ driver: 'memory', size, ...more });

driverContract({
  name: 'memory with clusters of 64 KiB',
  options: (size) => memory(size, { 'cluster-size': 64 * KiB }),
});
driverContract({
  name: 'memory over memory',
  options: (size) => memory(size, { backing: memory(size) }),
});
driverContract({
  name: 'memory with clusters of 64 KiB over shorter memory with clusters of 8 KiB',
  options: (size) =>
    memory(size, {
      'cluster-size': 64 * KiB,
      backing: memory(Math.floor(size / 3), {
        'cluster-size': 8 * KiB,
        backing: memory(Math.floor(size / 2)),
      }),
    }),
});
driverContract({
  name: 'memory with clusters of 2 MiB over a longer file',
  options: async (size, folder) => {
    const filename = await makeFile(folder, 'base', size + 12_345);
    return memory(size, { 'cluster-size': 2048 * KiB, backing: { driver: 'file', filename } });
  },
});
driverContract({
  name: 'memory with clusters of 16 KiB over a shorter raw file',
  options: async (size, folder) => {
    const filename = await makeFile(folder, 'base', Math.floor(size / 2));
    const backing = { driver: 'raw', file: { driver: 'file', filename } };
    return memory(size, { 'cluster-size': 16 * KiB, backing });
  },
});

describe('the memory of a layer', () => {
  it('is neither lent nor to be written in place, also what was placed before', async () => {
    const { top, base } = await new LayerGraph().openOver({ size: 256 * KiB }, 20_000);
    await top.write(0, new Uint8Array(256 * KiB).fill(1));
    expect([top.lend(0, 128 * KiB), top.place(0, 128 * KiB)]).toEqual([undefined, undefined]);

    const edge = top.traits.backing;
    await drained(top, () => top.traits.setBacking?.(undefined));
    expect(top.lend(0, 128 * KiB)?.parts.length).toBeGreaterThan(0);
    const memory = top.place(0, 128 * KiB)?.fill(2) ?? new Uint8Array(0);
    await drained(top, () => top.traits.setBacking?.(edge));
    await top.write(0, memory, { placed: true });
    memory.fill(3);
    const expected = new Uint8Array(256 * KiB).fill(1).fill(2, 0, 128 * KiB);
    expect(await bytesOf(top)).toEqual(expected);
    expect(base.bytes.length).toBe(20_000);
  });
});

describe('options of a layer', () => {
  it.each([512, 2048, 5000, 4 * 1024 * KiB, 0])('refuses clusters of %d bytes', async (bytes) => {
    const { graph } = new LayerGraph();
    const opening = graph.open(memory(KiB, { 'cluster-size': bytes }));
    await expect(opening).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(opening).rejects.toThrow(/power of two between 4096 and 2048k/);
  });

  it('tells its cluster size where it was given one or has a backing, else none', async () => {
    const { graph } = new LayerGraph();
    const sizeOf = async (more: object) => (await graph.open(memory(KiB, more))).clusterSize;
    expect(await sizeOf({})).toBeUndefined();
    expect(await sizeOf({ backing: null })).toBeUndefined();
    expect(await sizeOf({ 'cluster-size': 8192 })).toBe(8192);
    expect(await sizeOf({ backing: memory(KiB) })).toBe(4096);
  });
});

describe('reading a layer', () => {
  it('shows the backing where nothing is allocated, and zeroes beyond its end', async () => {
    const { top, base } = await new LayerGraph().openOver({ size: 20_000 }, 10_000);
    expect(await bytesOf(top)).toEqual(padded(base.bytes, 20_000));
    expect(base.calls).toEqual([{ operation: 'read', offset: 0, length: 10_000 }]);
    await bytesOf(top, 10_000, 20_000);
    expect(base.calls).toHaveLength(1);
  });

  it('passes the origin of a read on to the backing, and gives a copy-up none', async () => {
    const { top } = await new LayerGraph().openOver({ size: 8192 }, 8192);
    const origins: unknown[] = [];
    const { backing } = top;
    if (!backing) throw new Error('there is a backing');
    const { read } = backing;
    backing.read = (offset, into, origin) => {
      origins.push(origin?.name);
      return read.call(backing, offset, into, origin);
    };
    const guest = new BlockEdge(top, { name: 'guest', kind: 'device' });
    await guest.read(0, new Uint8Array(8192));
    await guest.write(0, new Uint8Array(1));
    expect(origins).toEqual(['guest', 'top']);
  });

  it('goes on with each part as it then is, when the disk became smaller meanwhile', async () => {
    const { top, base } = await new LayerGraph().openOver({ size: 16_384 }, 16_384);
    await top.write(4096, new Uint8Array(4096).fill(7));
    base.gate.mode = 'held';
    const into = new Uint8Array(16_384).fill(0xcc);
    const reading = watch(() => top.read(0, into));
    await top.resize(4096);
    base.gate.next('read').complete();
    await settle();
    expect(reading.state).toBe('done');
    expect(into).toEqual(padded(base.bytes.subarray(0, 4096), 16_384));
  });
});

describe('changing a layer', () => {
  it('copies up what a write leaves of its first and last cluster, and nothing else', async () => {
    const options = { size: 64 * KiB, 'cluster-size': 16 * KiB };
    const { top, base } = await new LayerGraph().openOver(options, 64 * KiB);
    const before = base.bytes.slice();
    const bytes = new Uint8Array(35_000).fill(0xee);
    expect(top.write(10_000, bytes)).toBeUndefined();
    expect(base.calls).toEqual([
      { operation: 'read', offset: 0, length: 10_000 },
      { operation: 'read', offset: 45_000, length: 49_152 - 45_000 },
    ]);
    before.set(bytes, 10_000);
    base.bytes.subarray(0, 48 * KiB).fill(0x55);
    expect(await bytesOf(top)).toEqual(before);
    expect(top.blockStatus(0, 64 * KiB)).toEqual({ length: 48 * KiB, ...DATA });
    expect(top.blockStatus(48 * KiB, 16 * KiB)).toEqual({ length: 16 * KiB, ...UNALLOCATED });
  });

  it('needs no backing for whole clusters, allocated ones and what is beyond its end', async () => {
    const { top, base } = await new LayerGraph().openOver({ size: 20_000 }, 10_000);
    base.gate.mode = 'held';
    expect(top.write(4096, new Uint8Array(4096).fill(1))).toBeUndefined();
    expect(top.write(5000, new Uint8Array(10).fill(2))).toBeUndefined();
    expect(top.write(12_288, new Uint8Array(10).fill(3))).toBeUndefined();
    expect(top.write(19_999, Uint8Array.of(4))).toBeUndefined();
    expect(top.read(12_288, new Uint8Array(7000))).toBeUndefined();
    expect(base.calls).toEqual([]);
    base.gate.mode = 'sync';
    const expected = padded(base.bytes, 20_000);
    expected.fill(1, 4096, 8192).fill(2, 5000, 5010).fill(3, 12_288, 12_298)[19_999] = 4;
    expect(await bytesOf(top)).toEqual(expected);
  });

  it('completes every request before it returns where the backing does', async () => {
    const { graph } = new LayerGraph();
    const top = await graph.open(memory(64 * KiB, { backing: memory(64 * KiB) }));
    expect(top.write(1, new Uint8Array(5000))).toBeUndefined();
    expect(top.read(0, new Uint8Array(64 * KiB))).toBeUndefined();
    expect(top.flush()).toBeUndefined();
    expect(top.blockStatus(0, 1)).not.toBeInstanceOf(Promise);
  });

  it('zeroes whole clusters without bytes, and the parts of others as a write does', async () => {
    const options = { size: 64 * KiB, 'cluster-size': 8 * KiB };
    const { top, base } = await new LayerGraph().openOver(options, 64 * KiB);
    await top.writeZeroes(10_000, 40_000);
    const expected = base.bytes.slice().fill(0, 10_000, 50_000);
    base.bytes.subarray(8 * KiB, 56 * KiB).fill(0x55);
    expect(await bytesOf(top)).toEqual(expected);
    expect(top.blockStatus(0, 8 * KiB)).toEqual({ length: 8 * KiB, ...UNALLOCATED });
    expect(top.blockStatus(8 * KiB, 50 * KiB)).toEqual({ length: 8 * KiB, ...DATA });
    expect(top.blockStatus(17 * KiB, 40 * KiB)).toEqual({ length: 31 * KiB, ...ZERO });
    expect(top.blockStatus(48 * KiB, 16 * KiB)).toEqual({ length: 8 * KiB, ...DATA });
  });

  it('says that it cannot zero fast what it would have to copy up', async () => {
    const { top, base } = await new LayerGraph().openOver({ size: 16_384 }, 16_384);
    const fast = { noFallback: true };
    await expect(top.writeZeroes(100, 8000, fast)).rejects.toMatchObject({ code: 'ENOTSUP' });
    expect(await bytesOf(top)).toEqual(base.bytes);
    await top.writeZeroes(4096, 8192, fast);
    expect(await bytesOf(top)).toEqual(base.bytes.slice().fill(0, 4096, 12_288));
  });

  it('discards whole clusters, which become zeroes, the backing staying hidden', async () => {
    const options = { size: 30_000, 'cluster-size': 8 * KiB };
    const { top, base } = await new LayerGraph().openOver(options, 30_000);
    await top.write(9000, new Uint8Array(1000).fill(1));
    await top.discard(100, 29_900);
    const expected = base.bytes.slice().fill(0, 8192);
    expect(await bytesOf(top)).toEqual(expected);
    expect(top.blockStatus(0, 30_000)).toEqual({ length: 8192, ...UNALLOCATED });
    expect(top.blockStatus(8192, 21_808)).toEqual({ length: 21_808, ...ZERO });
    expect(base.operations).not.toContain('discard');
  });

  it('answers for whole clusters, and knows the zeroes beyond the end of the backing', async () => {
    const options = { size: 128 * KiB, 'cluster-size': 32 * KiB };
    const { top } = await new LayerGraph().openOver(options, 40_000);
    const extent = (offset: number) => top.blockStatus(offset, 128 * KiB - offset);
    expect(extent(0)).toEqual({ length: 40_000, ...UNALLOCATED });
    expect(extent(40_000)).toEqual({ length: 128 * KiB - 40_000, ...UNALLOCATED, zero: true });
    await top.write(70_000, Uint8Array.of(1));
    expect(extent(40_000)).toEqual({ length: 65_536 - 40_000, ...UNALLOCATED, zero: true });
    expect(extent(66_000)).toEqual({ length: 98_304 - 66_000, ...DATA });
    await top.write(127 * KiB, Uint8Array.of(1));
    expect(extent(66_000)).toEqual({ length: 128 * KiB - 66_000, ...DATA });
  });
});

describe('a cluster that is being copied up', () => {
  const size = 16_384;

  async function held() {
    const { top, base } = await new LayerGraph().openOver({ size }, size);
    const expected = base.bytes.slice();
    base.gate.mode = 'held';
    const completeAll = async () => {
      for (await settle(); base.gate.held.length > 0; await settle()) base.gate.next().complete();
    };
    return { top, base, expected, completeAll };
  }

  it('keeps the bytes of two writes to it, and is read from the backing once', async () => {
    const { top, base, expected, completeAll } = await held();
    const writes = [
      watch(() => top.write(100, new Uint8Array(50).fill(1))),
      watch(() => top.write(200, new Uint8Array(50).fill(2))),
    ];
    await completeAll();
    expect(writes.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(base.calls.map(({ offset, length }) => [offset, length])).toEqual([
      [0, 100],
      [150, 4096 - 150],
    ]);
    base.gate.mode = 'sync';
    expect(await bytesOf(top)).toEqual(expected.fill(1, 100, 150).fill(2, 200, 250));
  });

  it.each([
    ['a write of all of it', 3, (top: BlockNode) => top.write(0, new Uint8Array(4096).fill(3))],
    ['zeroes', 0, (top: BlockNode) => top.writeZeroes(0, 4096)],
    ['a discard', 0, (top: BlockNode) => top.discard(0, 4096)],
  ])('does not undo %s that overtakes it', async (_name, value, overtake) => {
    const { top, base, expected, completeAll } = await held();
    const writing = watch(() => top.write(100, new Uint8Array(50).fill(1)));
    await overtake(top);
    expect(writing.state).toBe('pending');
    await completeAll();
    expect(writing.state).toBe('done');
    base.gate.mode = 'sync';
    expect(await bytesOf(top)).toEqual(expected.fill(value, 0, 4096).fill(1, 100, 150));
  });

  it('is of no concern to a write elsewhere', async () => {
    const { top, base, expected } = await held();
    const first = watch(() => top.write(100, Uint8Array.of(1)));
    const second = watch(() => top.write(4096, new Uint8Array(10).fill(2)));
    await settle();
    expect(base.gate.held).toHaveLength(2);
    base.gate.held[1]?.complete();
    await settle();
    expect([first.state, second.state]).toEqual(['pending', 'done']);
    base.gate.next().complete();
    await settle();
    base.gate.next().complete();
    await settle();
    expect(first.state).toBe('done');
    base.gate.mode = 'sync';
    expect(await bytesOf(top)).toEqual(expected.fill(1, 100, 101).fill(2, 4096, 4106));
  });

  it('is as it was when the backing fails, and the next write tries again', async () => {
    const { top, base, expected } = await held();
    const writes = [
      watch(() => top.write(4000, new Uint8Array(8192).fill(1))),
      watch(() => top.write(4000, new Uint8Array(10).fill(2))),
    ];
    base.gate.next().complete();
    await settle();
    base.gate.next().fail(new Error('broken'));
    await settle();
    expect(writes.map(({ state }) => state)).toEqual(['failed', 'pending']);
    base.gate.mode = 'sync';
    for (const request of [...base.gate.held]) request.complete();
    await settle();
    expect(writes[1]?.state).toBe('done');
    expect(await bytesOf(top)).toEqual(expected.fill(2, 4000, 4010));
  });

  it('is finished before the disk becomes smaller, and a later write beyond fails', async () => {
    const { top, base, expected, completeAll } = await held();
    const first = watch(() => top.write(4000, new Uint8Array(10).fill(1)));
    const resizing = watch(() => top.resize(5000));
    const second = watch(() => top.write(6000, new Uint8Array(10).fill(2)));
    await settle();
    expect([first.state, resizing.state, second.state]).toEqual(Array(3).fill('pending'));
    await completeAll();
    expect([first.state, resizing.state, second.state]).toEqual(['done', 'done', 'failed']);
    expect(second.error).toMatchObject({ code: 'EIO' });
    base.gate.mode = 'sync';
    expect(await bytesOf(top)).toEqual(expected.fill(1, 4000, 4010).subarray(0, 5000));
  });
});
