import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import { nodeOf, pattern, TestDisk } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

const KiB = 1024;

/** All offsets that lie close to a border of a block or to an end of the disk. */
function edgesOf(size: number, alignment: number): readonly number[] {
  const around = [-2, -1, 0, 1, 2, alignment / 2];
  const blocks = Array.from({ length: size / alignment + 2 }, (_, index) => index * alignment);
  const offsets = [...blocks, size].flatMap((at) => around.map((by) => Math.round(at + by)));
  return [...new Set(offsets)].filter((at) => at >= 0 && at <= size).sort((a, b) => a - b);
}

describe('reads and writes', () => {
  it.each([
    { alignment: 1, size: 20, transferMax: 100 },
    { alignment: 1, size: 20, transferMax: 7 },
    { alignment: 8, size: 29, transferMax: 1000 },
    { alignment: 8, size: 29, transferMax: 16 },
    { alignment: 8, size: 32, transferMax: 8 },
    { alignment: 8, size: 32, transferMax: 12 },
    { alignment: 8, size: 5, transferMax: 8 },
    { alignment: 512, size: 1800, transferMax: 65_536 },
    { alignment: 512, size: 1800, transferMax: 512 },
    { alignment: 4096, size: 12_300, transferMax: 65_536 },
    { alignment: 4096, size: 12_300, transferMax: 4096 },
  ])('move exactly the bytes asked for, whatever the borders: %o', async (options) => {
    const disk = new TestDisk(options);
    const node = nodeOf(disk);
    const model = pattern(options.size);
    disk.bytes.set(model);
    const offsets = edgesOf(options.size, options.alignment);
    let written = 0;
    for (const offset of offsets) {
      for (const end of offsets.filter((at) => at >= offset)) {
        written += 1;
        const from = pattern(end - offset, written);
        model.set(from, offset);
        await node.write(offset, from);
        expect(Buffer.compare(disk.bytes, model), `write of ${offset} to ${end}`).toBe(0);
        const into = new Uint8Array(end - offset);
        await node.read(offset, into);
        expect(Buffer.compare(into, from), `read of ${offset} to ${end}`).toBe(0);
      }
    }
  });

  it('are cut into pieces that the driver takes', async () => {
    const disk = new TestDisk({ size: 64 * KiB, alignment: 512, transferMax: 4 * KiB });
    const node = nodeOf(disk);
    await node.write(0, pattern(10 * KiB));
    await node.read(512, new Uint8Array(5 * KiB));
    expect(disk.calls.map(({ operation, offset, length }) => [operation, offset, length])).toEqual([
      ['write', 0, 4 * KiB],
      ['write', 4 * KiB, 4 * KiB],
      ['write', 8 * KiB, 2 * KiB],
      ['read', 512, 4 * KiB],
      ['read', 512 + 4 * KiB, KiB],
    ]);
  });

  it('go to the driver as they are when they fit', async () => {
    const disk = new TestDisk({ size: 1800, alignment: 512 });
    const node = nodeOf(disk);
    await node.write(512, pattern(1288));
    await node.read(1024, new Uint8Array(776));
    expect(disk.operations).toEqual(['write', 'read']);
  });

  it('read only the blocks that they write in part', async () => {
    const disk = new TestDisk({ size: 64 * KiB, alignment: 512, transferMax: 64 * KiB });
    await nodeOf(disk).write(500, pattern(4 * KiB));
    expect(disk.calls.map(({ operation, offset, length }) => [operation, offset, length])).toEqual([
      ['read', 0, 512],
      ['write', 0, 512],
      ['write', 512, 3584],
      ['read', 4096, 512],
      ['write', 4096, 512],
    ]);
  });

  it('do not touch the block when it cannot be read', async () => {
    const disk = new TestDisk({ size: 1024, alignment: 512 });
    disk.gate.mode = 'held';
    const write = watch(() => nodeOf(disk).write(1, pattern(2)));
    disk.gate.next('read').fail(new BlockError('EIO', 'read', 'broken'));
    await settle();
    expect(write).toMatchObject({ state: 'failed', error: { code: 'EIO' } });
    expect(disk.operations).toEqual(['read']);
  });
});

describe('changes in flight at once in one block', () => {
  const size = 32;
  const changes = [
    { name: 'a write', start: 1, end: 3 },
    { name: 'a write next to it', start: 3, end: 6 },
    { name: 'a write across the border', start: 6, end: 10 },
    { name: 'a write of the whole next block and more', start: 10, end: 27 },
  ];

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('lose nothing of each other, seed %d', async (seed) => {
    const random = seededRandom(seed);
    const disk = new TestDisk({ size, alignment: 8, transferMax: 8 });
    const node = nodeOf(disk);
    disk.gate.mode = 'held';
    const model = new Uint8Array(size);
    const writes = changes.map(({ start, end }, index) => {
      const from = new Uint8Array(end - start).fill(index + 1);
      model.set(from, start);
      return watch(() => node.write(start, from));
    });
    const zeroes = watch(() => node.writeZeroes(27, 3));
    for (let held = disk.gate.held; held.length > 0; await settle()) {
      const request = held[random.below(held.length)];
      if (random.below(2) === 0) request?.takeEffect();
      else request?.complete();
    }
    expect([...writes, zeroes].map(({ state }) => state)).toEqual(Array(5).fill('done'));
    expect(disk.bytes).toEqual(model);
  });

  it('wait for one another only when they share a block', async () => {
    const disk = new TestDisk({ size, alignment: 8 });
    const node = nodeOf(disk);
    disk.gate.mode = 'held';
    const requests = [0, 1, 8, 16].map((offset) => watch(() => node.write(offset, pattern(7))));
    await settle();
    expect(disk.gate.held.map(({ offset }) => offset)).toEqual([0, 8, 16]);
    while (disk.gate.held.length > 0) {
      disk.gate.next().complete();
      await settle();
    }
    expect(requests.every(({ state }) => state === 'done')).toBe(true);
  });

  it.each([
    ['part', 'whole'],
    ['whole', 'part'],
  ])('wait, be it the one that writes %s of it, or the one that writes %s', async (...order) => {
    const disk = new TestDisk({ size, alignment: 8 });
    const node = nodeOf(disk);
    disk.gate.mode = 'held';
    const model = new Uint8Array(size);
    const requests = order.map((what, index) => {
      const from = new Uint8Array(what === 'part' ? 3 : 8).fill(index + 1);
      model.set(from, 8);
      return watch(() => node.write(8, from));
    });
    await settle();
    expect(disk.gate.held.length).toBe(1);
    for (; disk.gate.held.length > 0; await settle()) disk.gate.next().complete();
    expect(requests.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(disk.bytes).toEqual(model);
  });

  it('go to the driver side by side when its alignment is 1', async () => {
    const disk = new TestDisk({ size });
    const node = nodeOf(disk);
    disk.gate.mode = 'held';
    for (const offset of [0, 1, 2]) watch(() => node.write(offset, pattern(8)));
    await settle();
    expect(disk.gate.held.length).toBe(3);
  });
});

describe('discard', () => {
  const units = { size: 1000, alignment: 8, discardAlignment: 64 } as const;

  it.each([
    [0, 1000, [[0, 1000]]],
    [0, 64, [[0, 64]]],
    [1, 200, [[64, 128]]],
    [960, 40, [[960, 40]]],
    [930, 70, [[960, 40]]],
    [970, 30, []],
    [1, 63, []],
    [63, 64, []],
    [64, 0, []],
  ])('of %d, %d covers the whole discard units in it', async (offset, length, expected) => {
    const disk = new TestDisk(units);
    await nodeOf(disk, { unmap: true }).discard(offset, length);
    expect(disk.calls.map((call) => [call.offset, call.length])).toEqual(expected);
  });

  it('does nothing on a disk that does not unmap', async () => {
    const disk = new TestDisk(units);
    await nodeOf(disk, { unmap: false }).discard(0, 1000);
    expect(disk.calls).toEqual([]);
  });

  it('does nothing where the driver cannot', async () => {
    const disk = new TestDisk({ ...units, operations: [] });
    await nodeOf(disk, { unmap: true }).discard(0, 1000);
    expect(disk.calls).toEqual([]);
  });
});
