import { describe, expect, it, vi } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { DirtyBitmap } from '../../src/bitmap/dirty-bitmap.ts';
import type { BlockNode } from '../../src/block/node.ts';
import type { NodeOptions } from '../../src/block/options.ts';
import { nodeOf, pattern, TestDisk, type TestDiskOptions } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

const size = 4096;
const FUA = { forceUnitAccess: true };

interface Change {
  readonly what: string;
  readonly start: (node: BlockNode) => unknown;
  readonly disk?: Partial<TestDiskOptions>;
  readonly node?: Partial<NodeOptions>;
}

/** Every way to change the bytes from 512 to 1024. */
const CHANGES: readonly Change[] = [
  { what: 'a write', start: (node) => node.write(512, new Uint8Array(512)) },
  {
    what: 'a write in pieces',
    start: (node) => node.write(512, new Uint8Array(512)),
    disk: { transferMax: 100 },
  },
  {
    what: 'a write to a coarse alignment',
    start: (node) => node.write(512, new Uint8Array(512)),
    disk: { alignment: 1024 },
  },
  {
    what: 'a write with emulated FUA',
    start: (node) => node.write(512, new Uint8Array(512), FUA),
    disk: { forceUnitAccess: false },
  },
  {
    what: 'a write found to be zero',
    start: (node) => node.write(512, new Uint8Array(512)),
    node: { detectZeroes: 'on' },
  },
  { what: 'a zero write', start: (node) => node.writeZeroes(512, 512) },
  {
    what: 'a zero write sent as data',
    start: (node) => node.writeZeroes(512, 512),
    disk: { operations: [] },
  },
  { what: 'a discard', start: (node) => node.discard(512, 512), node: { unmap: true } },
];

function tracked(change: Change) {
  const disk = new TestDisk({ size, ...change.disk });
  disk.bytes.fill(7);
  const node = nodeOf(disk, change.node);
  const bitmap = new DirtyBitmap(size, 512);
  node.track(bitmap);
  return { disk, node, bitmap };
}

/** What is dirty, in numbers of blocks of 512 bytes. */
function dirtyBlocks(bitmap: DirtyBitmap): readonly number[] {
  const blocks = Array.from({ length: size / 512 }, (_, index) => index);
  return blocks.filter((index) => bitmap.test(index * 512));
}

describe.each(CHANGES)('$what', (change) => {
  it.each(['sync', 'async'] as const)('marks its range and no more, %s', async (mode) => {
    const { disk, node, bitmap } = tracked(change);
    disk.gate.mode = mode;
    await change.start(node);
    expect(dirtyBlocks(bitmap)).toEqual([1]);
  });

  it.each(['sync', 'async'] as const)('marks after it took effect, %s', async (mode) => {
    const { disk, node, bitmap } = tracked(change);
    disk.gate.mode = mode;
    const atMark: boolean[] = [];
    vi.spyOn(bitmap, 'mark').mockImplementation(() => {
      atMark.push(disk.bytes.subarray(512, 1024).every((byte) => byte !== 7));
    });
    await change.start(node);
    expect(atMark).toEqual([true]);
  });

  it('is not marked before its end, and is marked when its caller learns of it', async () => {
    const { disk, node, bitmap } = tracked(change);
    disk.gate.mode = 'held';
    let whenTold: readonly number[] | undefined;
    const request = watch(async () => {
      await change.start(node);
      whenTold = dirtyBlocks(bitmap);
    });
    for (await settle(); disk.gate.held.length > 0; await settle()) {
      const held = disk.gate.next();
      held.takeEffect();
      await settle();
      expect(dirtyBlocks(bitmap)).toEqual([]);
      held.complete();
    }
    expect([request.state, whenTold]).toEqual(['done', [1]]);
  });

  it('marks when it fails, before its caller learns of that', async () => {
    const { disk, node, bitmap } = tracked(change);
    disk.gate.mode = 'held';
    let whenTold: readonly number[] | undefined;
    const start = async () => change.start(node);
    const request = watch(() =>
      start().catch(() => {
        whenTold = dirtyBlocks(bitmap);
      }),
    );
    await settle();
    const held = disk.gate.next();
    held.takeEffect();
    held.fail(new BlockError('EIO', 'change', 'broken'));
    await settle();
    expect([request.state, whenTold]).toEqual(['done', [1]]);
  });

  it('marks again what a copier cleared and read before it took effect', async () => {
    const { disk, node, bitmap } = tracked(change);
    disk.gate.mode = 'held';
    const request = watch(() => change.start(node));
    await settle();
    bitmap.clear(512, 512);
    const copied = disk.bytes.slice(512, 1024);
    for (; disk.gate.held.length > 0; await settle()) disk.gate.next().complete();
    expect(request.state).toBe('done');
    expect(copied.every((byte) => byte === 7)).toBe(true);
    expect(dirtyBlocks(bitmap)).toEqual([1]);
  });
});

describe('a driver that throws at once', () => {
  it('has its range marked', () => {
    const { disk, node, bitmap } = tracked({ what: 'a write', start: () => {} });
    disk.gate.pass = () => {
      throw new BlockError('EIO', 'write', 'broken');
    };
    expect(() => node.write(512, pattern(512))).toThrow('broken');
    expect(dirtyBlocks(bitmap)).toEqual([1]);
  });
});

describe('what changes nothing', () => {
  it('marks nothing: reads, flushes, questions, empty and refused changes', async () => {
    const { node, bitmap } = tracked({ what: 'nothing', start: () => {}, node: { unmap: true } });
    await node.read(512, new Uint8Array(512));
    await node.flush();
    await node.blockStatus(0, size);
    await node.write(700, new Uint8Array(0));
    await node.writeZeroes(700, 0);
    await node.discard(700, 0);
    expect(() => node.write(size - 1, pattern(2))).toThrow(BlockError);
    expect(bitmap.isClean).toBe(true);
  });

  it('marks nothing: discards that do not reach the driver', async () => {
    const discard = (node: BlockNode) => node.discard(0, size);
    for (const change of [
      { what: 'ignored', start: discard },
      { what: 'impossible', start: discard, disk: { operations: [] }, node: { unmap: true } },
    ]) {
      const { node, bitmap } = tracked(change);
      await change.start(node);
      expect(bitmap.isClean, change.what).toBe(true);
    }
  });
});

describe('bitmaps on a node', () => {
  it('are marked all, each in its own granularity', async () => {
    const { node, bitmap } = tracked({ what: 'a write', start: () => {} });
    const coarse = new DirtyBitmap(size, 2048);
    node.track(coarse);
    await node.write(2047, pattern(2));
    expect(dirtyBlocks(bitmap)).toEqual([3, 4]);
    expect(coarse.dirtyBytes).toBe(size);
  });

  it('are marked no more once they are taken off', async () => {
    const { node, bitmap } = tracked({ what: 'a write', start: () => {} });
    node.untrack(bitmap);
    await node.write(0, pattern(1));
    expect(bitmap.isClean).toBe(true);
  });

  it('have the size of the disk', () => {
    const node = nodeOf(new TestDisk({ size }));
    expect(() => node.track(new DirtyBitmap(size + 1, 512))).toThrow('Assertion failed');
  });
});
