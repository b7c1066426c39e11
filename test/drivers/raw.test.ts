import { stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { alignUp } from '../../src/base/ranges.ts';
import { isZero } from '../../src/base/zeroes.ts';
import type { DriverRegistry } from '../../src/block/driver.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { pattern, TestDisk, type TestDiskOptions } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';
import { makeFile, whyNotDirect, withFolder } from '../support/temporary.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

const sizeOf = (size: number) => alignUp(size, 512);
const skipDirect = await whyNotDirect();

driverContract({
  name: 'raw over memory',
  options: (size) => ({ driver: 'raw', file: { driver: 'memory', size } }),
  sizeOf,
});

driverContract({
  name: 'raw over a file',
  options: async (size, folder) => ({
    driver: 'raw',
    file: { driver: 'file', filename: await makeFile(folder, 'disk', size) },
  }),
  sizeOf,
});

driverContract({
  name: 'raw over a file past the page cache, at an odd offset',
  options: async (size, folder) => ({
    driver: 'raw',
    file: {
      driver: 'file',
      filename: await makeFile(folder, 'disk', size + 777),
      cache: { direct: true },
    },
    offset: 777,
  }),
  sizeOf,
  skip: skipDirect,
});

driverContract({
  name: 'raw with offset and size',
  options: (size) => ({
    driver: 'raw',
    file: { driver: 'memory', size: size + 10_000 },
    offset: 3000,
    size: sizeOf(size),
  }),
  sizeOf,
});

describe('raw driver: offset and size', () => {
  it('shows the part of the node below that it was given, and touches no other', async () => {
    const { disk, below } = await open({ size: 8192 }, { offset: 1000, size: 4096 });
    below.bytes.fill(0xee);
    await disk.write(0, pattern(4096));
    expect(Buffer.compare(below.bytes.subarray(1000, 5096), pattern(4096))).toBe(0);
    await disk.writeZeroes(0, 4096);
    await disk.discard(0, 4096);
    expect(below.bytes.subarray(0, 1000).every((byte) => byte === 0xee)).toBe(true);
    expect(below.bytes.subarray(5096).every((byte) => byte === 0xee)).toBe(true);
    expect(below.calls.at(-1)).toMatchObject({ operation: 'discard', offset: 1000, length: 4096 });
  });

  it('refuses, as QEMU does, a part that is not within the node below', async () => {
    const refusal = async (options: object) => {
      const opening = open({ size: 8192 }, options);
      await expect(opening).rejects.toMatchObject({ code: 'EINVAL' });
      return opening.catch((error: Error) => error.message);
    };
    expect(await refusal({ offset: 4096, size: 4608 })).toBe(
      'Cannot open "disk": The sum of offset (4096) and size (4608) has to be smaller or equal ' +
        'to the  actual size of the containing file (8192)',
    );
    expect(await refusal({ offset: 8193 })).toBe(
      'Cannot open "disk": Offset (8193) cannot be greater than size of the containing file (8192)',
    );
    expect(await refusal({ size: 1000 })).toBe(
      'Cannot open "disk": Specified size is not multiple of 512',
    );
    await open({ size: 8192 }, { offset: 8192 });
    await open({ size: 8192 }, { offset: 4096, size: 4096 });
  });

  it('keeps the size it was given', async () => {
    const { disk } = await open({ size: 8192 }, { size: 4096 });
    await expect(disk.resize(512)).rejects.toMatchObject({ code: 'ENOTSUP' });
  });

  it('resizes the node below by its own offset', async () => {
    const { disk, below } = await open({ size: 8192 }, { offset: 1000 });
    expect(disk.size).toBe(7680);
    await disk.resize(1000);
    expect(below.bytes.length).toBe(2000);
    expect(disk.size).toBe(1024);
    const tooLarge = disk.resize(Number.MAX_SAFE_INTEGER);
    await expect(tooLarge).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

describe('raw driver: passing on', () => {
  it('stays synchronous over a node that is', async () => {
    const { disk } = await open({ size: 8192 }, {});
    expect(disk.read(0, new Uint8Array(512))).toBeUndefined();
    expect(disk.write(0, new Uint8Array(512))).toBeUndefined();
    expect(disk.flush()).toBeUndefined();
    expect(disk.blockStatus(0, 512)).not.toBeInstanceOf(Promise);
  });

  it('passes on flags, limits and what is known of the data', async () => {
    const { disk, below } = await open(
      { size: 8192, alignment: 512, transferMax: 2048, discardAlignment: 1024 },
      {},
    );
    expect(disk.limits).toEqual({ alignment: 1, transferMax: 2048, discardAlignment: 1024 });
    await disk.write(0, new Uint8Array(512), { forceUnitAccess: true });
    await disk.writeZeroes(0, 512, { mayUnmap: true, noFallback: true });
    expect(below.calls).toMatchObject([
      { operation: 'write', options: { forceUnitAccess: true } },
      { operation: 'writeZeroes', options: { mayUnmap: true, noFallback: true } },
    ]);
    below.extentAt = () => ({ length: 1024, data: false, zero: true, allocated: false });
    expect(await disk.blockStatus(0, 8192)).toEqual({
      length: 1024,
      data: false,
      zero: true,
      allocated: false,
    });
  });

  it('does not promise discards of an alignment that its offset spoils', async () => {
    const { disk } = await open({ size: 8192, discardAlignment: 1024 }, { offset: 512 });
    expect(disk.limits.discardAlignment).toBe(1);
  });

  it('passes on what the node below fails with', async () => {
    const { disk, below } = await open({ size: 8192 }, {});
    below.gate.mode = 'held';
    const read = watch(() => disk.read(0, new Uint8Array(512)));
    below.gate.next('read').fail(new Error('the test wants it'));
    await settle();
    expect(read).toMatchObject({ state: 'failed', error: { message: 'the test wants it' } });
  });

  it('writes to unaligned places of an aligned node, losing nothing', async () => {
    const { disk, below } = await open({ size: 8192, alignment: 4096 }, { offset: 100 });
    await Promise.all([
      disk.write(0, pattern(1000)),
      disk.write(1000, pattern(1000, 50)),
      disk.write(6000, pattern(1000, 90)),
    ]);
    expect(Buffer.compare(below.bytes.subarray(100, 1100), pattern(1000))).toBe(0);
    expect(Buffer.compare(below.bytes.subarray(1100, 2100), pattern(1000, 50))).toBe(0);
    expect(Buffer.compare(below.bytes.subarray(6100, 7100), pattern(1000, 90))).toBe(0);
  });
});

describe('raw driver: a node below of odd size', () => {
  it('goes on to the next sector with zeroes', async () => {
    const { disk, below } = await open({ size: 700, transferMax: MiB }, {});
    below.bytes.set(pattern(700));
    expect(disk.size).toBe(1024);
    const found = new Uint8Array(1024).fill(0xcc);
    expect(disk.read(0, found)).toBeUndefined();
    expect(Buffer.compare(found.subarray(0, 700), pattern(700))).toBe(0);
    expect(isZero(found.subarray(700))).toBe(true);
    const beyond = new Uint8Array(100).fill(0xcc);
    await disk.read(800, beyond);
    expect(isZero(beyond)).toBe(true);
    expect(await disk.blockStatus(0, 1024)).toMatchObject({ length: 700, data: true });
    expect(await disk.blockStatus(700, 324)).toEqual({
      length: 324,
      data: false,
      zero: true,
      allocated: true,
    });
  });

  it('keeps the length of the node below when it is copied over', async () => {
    const { disk, below } = await open({ size: 700 }, {});
    const copy = new Uint8Array(1024);
    copy.set(pattern(700));
    await disk.write(0, copy);
    await disk.write(512, new Uint8Array(512));
    await disk.write(900, new Uint8Array(100));
    await disk.writeZeroes(0, 1024);
    await disk.writeZeroes(800, 100);
    await disk.discard(0, 1024);
    await disk.discard(800, 100);
    expect(below.bytes.length).toBe(700);
    expect(below.calls.filter(({ operation }) => operation !== 'read')).toMatchObject([
      { operation: 'write', offset: 0, length: 700 },
      { operation: 'write', offset: 512, length: 188 },
      { operation: 'writeZeroes', offset: 0, length: 700 },
      { operation: 'discard', offset: 0, length: 700 },
    ]);
  });

  it('lengthens the node below, once, for the first byte beyond it that is not zero', async () => {
    const { disk, below } = await open({ size: 700 }, {});
    below.gate.mode = 'async';
    await Promise.all([
      disk.write(699, Uint8Array.of(1, 2)),
      disk.write(1023, Uint8Array.of(3)),
      disk.write(0, Uint8Array.of(4)),
    ]);
    expect(below.bytes.length).toBe(1024);
    expect(below.operations.filter((operation) => operation === 'resize').length).toBe(1);
    expect([below.bytes[0], below.bytes[699], below.bytes[700], below.bytes[1023]]).toEqual([
      4, 1, 2, 3,
    ]);
    expect(disk.size).toBe(1024);
    // From now on it is there, and a zero in it is a byte like any other.
    await disk.write(700, Uint8Array.of(0));
    expect(below.bytes[700]).toBe(0);
  });

  it('says that the node below cannot be lengthened, and tries again the next time', async () => {
    const { disk, below } = await open({ size: 700, operations: [] }, {});
    for (let times = 0; times < 2; times += 1) {
      const write = async () => disk.write(1000, Uint8Array.of(1));
      await expect(write()).rejects.toMatchObject({ code: 'ENOTSUP' });
    }
    await disk.write(0, Uint8Array.of(1));
    expect(below.bytes[0]).toBe(1);
  });

  it('changes the size of the node below for one at a time', async () => {
    const { disk, below } = await open({ size: 700 }, {});
    below.gate.mode = 'held';
    const write = watch(() => disk.write(1000, Uint8Array.of(1)));
    const resize = watch(() => disk.resize(5000));
    await settle();
    expect(below.gate.held.map(({ length }) => length)).toEqual([1024]);
    below.gate.mode = 'async';
    below.gate.next('resize').complete();
    while (disk.inFlight > 0) await settle();
    expect([write.state, resize.state]).toEqual(['done', 'done']);
    expect(below.bytes.length).toBe(5000);
    expect(below.bytes[1000]).toBe(1);
  });

  it('does not lengthen what is being made smaller', async () => {
    const { disk, below } = await open({ size: 2000 }, {});
    below.gate.mode = 'held';
    const resize = watch(() => disk.resize(700));
    await settle();
    const write = watch(() => disk.write(2040, Uint8Array.of(1)));
    below.gate.mode = 'async';
    below.gate.next('resize').complete();
    while (disk.inFlight > 0) await settle();
    expect(resize.state).toBe('done');
    expect(write).toMatchObject({ state: 'failed', error: { code: 'EINVAL' } });
    expect(below.bytes.length).toBe(700);
  });

  it('leaves a file its size when all of the disk is written that the file has', () =>
    withFolder(async (folder) => {
      const filename = await makeFile(folder, 'disk', MiB + 1);
      const graph = new BlockGraph(nodeEnv(), drivers);
      const disk = await graph.open({ driver: 'raw', file: { driver: 'file', filename } });
      expect(disk.size).toBe(MiB + 512);
      const bytes = new Uint8Array(disk.size);
      bytes.set(pattern(MiB + 1));
      await disk.write(0, bytes);
      expect((await stat(filename)).size).toBe(MiB + 1);
      await disk.write(MiB + 2, Uint8Array.of(1));
      expect((await stat(filename)).size).toBe(MiB + 512);
      await graph.closeAll();
    }));
});

describe('raw driver: the memory below', () => {
  it('is lent and written in place, at its offset and as far as it goes', async () => {
    const graph = new BlockGraph(nodeEnv(), drivers);
    const file = { driver: 'memory', size: 512 * KiB + 100, 'node-name': 'below' };
    const disk = await graph.open({ driver: 'raw', file, offset: 4096 });
    const below = graph.find('below');
    const memory = disk.place(0, 256 * KiB) ?? pattern(0);
    memory.set(pattern(256 * KiB));
    await disk.write(0, memory, { placed: true });
    expect(below.lend(4096, 256 * KiB)?.parts[0]?.buffer).toBe(memory.buffer);
    const loan = disk.lend(10, 100 * KiB);
    expect(loan?.parts).toEqual([pattern(256 * KiB).subarray(10, 10 + 100 * KiB)]);
    loan?.end();

    await below.write(256 * KiB, new Uint8Array(256 * KiB + 100));
    expect(disk.size).toBe(508 * KiB + 512);
    expect(disk.lend(256 * KiB, 252 * KiB + 100)).toBeDefined();
    expect(disk.lend(256 * KiB, 252 * KiB + 101)).toBeUndefined();
    await graph.closeAll();
  });

  it('is not lent where the node below has grown, and this one has not', async () => {
    const graph = new BlockGraph(nodeEnv(), drivers);
    const file = { driver: 'memory', size: 256 * KiB + 100, 'node-name': 'below' };
    const disk = await graph.open({ driver: 'raw', file });
    await graph.find('below').resize(MiB);
    await graph.find('below').write(0, pattern(MiB));
    expect(disk.size).toBe(256 * KiB + 512);
    expect(disk.lend(0, 256 * KiB + 100)).toBeDefined();
    expect(disk.lend(0, 256 * KiB + 101)).toBeUndefined();
    await graph.closeAll();
  });
});

/** A raw disk over one of the tests, which may be discarded from. */
async function open(given: TestDiskOptions, options: object) {
  const below = new TestDisk(given);
  const registry: DriverRegistry = {
    ...drivers,
    test: { summary: 'The disk below', options: () => ({}), open: async () => below },
  };
  const graph = new BlockGraph(nodeEnv(), registry);
  const common = { 'node-name': 'disk', discard: 'unmap' };
  const file = { driver: 'test' };
  const disk = await graph.open({ driver: 'raw', ...common, file, ...options });
  return { disk, below, graph };
}
