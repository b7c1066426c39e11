import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import { isZero } from '../../src/base/zeroes.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { NodeOptions } from '../../src/block/options.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { BlkverifyDisk, blkverify, blkverifyOf } from '../../src/filters/blkverify.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { nodeOf, pattern, TestDisk, type TestDiskOptions } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';
import { makeFile } from '../support/temporary.ts';

const SIZE = 64 * 1024;
const PLAIN = { forceUnitAccess: false };
const ZEROES = { ...PLAIN, mayUnmap: true, noFallback: false };

driverContract({
  name: 'blkverify over two memory disks',
  options: (size) => ({
    driver: 'blkverify',
    test: { driver: 'memory', size },
    raw: { driver: 'memory', size },
  }),
});

driverContract({
  name: 'blkverify of a file against memory',
  options: async (size, folder) => ({
    driver: 'blkverify',
    test: { driver: 'file', filename: await makeFile(folder, 'disk', size) },
    raw: { driver: 'memory', size },
  }),
});

function rig(options: { readonly test?: Partial<TestDiskOptions>; readonly unmap?: boolean } = {}) {
  const common: Partial<NodeOptions> = { unmap: options.unmap ?? true };
  const testDisk = new TestDisk({ size: SIZE, ...options.test });
  const rawDisk = new TestDisk({ size: SIZE });
  const disk = new BlkverifyDisk('disk', {
    test: new BlockEdge(nodeOf(testDisk, { name: 'test', ...common }), { name: 'disk' }),
    raw: new BlockEdge(nodeOf(rawDisk, { name: 'raw', unmap: true }), { name: 'disk' }),
  });
  return { disk, test: testDisk, raw: rawDisk };
}

describe('blkverify', () => {
  it('sends every change to both disks, and is synchronous where they are', async () => {
    const { disk, test, raw } = rig();
    expect(disk.write(512, pattern(1024), PLAIN)).toBeUndefined();
    expect(disk.flush()).toBeUndefined();
    const found = new Uint8Array(1024);
    expect(disk.read(512, found)).toBeUndefined();
    expect(found).toEqual(pattern(1024));
    await disk.writeZeroes(600, 100, ZEROES);
    expect(test.operations).toEqual(['write', 'flush', 'read', 'writeZeroes']);
    expect(raw.operations).toEqual(['write', 'flush', 'read', 'writeZeroes']);
    expect(test.bytes).toEqual(raw.bytes);
    expect(disk.mismatchCount).toBe(0);
  });

  it('fails a read that differs with EIO, naming the first byte and what it is in both', () => {
    const { disk, test, raw } = rig();
    test.bytes[5000] = 0x0a;
    raw.bytes[5000] = 0xff;
    test.bytes[5001] = 0x77;
    const reason =
      'Cannot read 4096 bytes at 4096 of "disk": ' +
      'contents mismatch at offset 5000: test has 0x0a, raw has 0xff';
    expect(() => disk.read(4096, new Uint8Array(4096))).toThrow(reason);
    expect(() => disk.read(4096, new Uint8Array(4096))).toThrow(BlockError);
    expect(disk.mismatchCount).toBe(2);
    expect(disk.mismatches[0]).toEqual({
      kind: 'contents',
      operation: 'read',
      offset: 4096,
      length: 4096,
      at: 5000,
      test: 0x0a,
      raw: 0xff,
    });
    disk.read(0, new Uint8Array(4096));
    expect(disk.mismatchCount).toBe(2);
  });

  it('fails with EIO what fails on one side only, and tells how it ended on either', async () => {
    const { disk, raw, test } = rig();
    raw.gate.mode = 'held';
    const write = watch(() => disk.write(0, pattern(512), PLAIN));
    raw.gate.next('write').fail(new BlockError('ENOSPC', 'write', 'it is full'));
    await settle();
    expect(write).toMatchObject({ state: 'failed', error: { code: 'EIO' } });
    expect(String(write.error)).toMatch(/return value mismatch: done != ENOSPC \(test, raw\)$/);
    expect(disk.mismatches).toMatchObject([{ kind: 'outcome', test: 'done', raw: 'ENOSPC' }]);
    expect(test.bytes.subarray(0, 512)).toEqual(pattern(512));
  });

  it('passes on an error that both have', async () => {
    const { disk, raw, test } = rig();
    raw.gate.mode = 'held';
    test.gate.mode = 'held';
    const flush = watch(() => disk.flush());
    raw.gate.next('flush').fail(new BlockError('ENOSPC', 'flush raw', 'it is full'));
    await settle();
    expect(flush.state).toBe('pending');
    test.gate.next('flush').fail(new BlockError('ENOSPC', 'flush test', 'it is full'));
    await settle();
    expect(flush).toMatchObject({ state: 'failed', error: { code: 'ENOSPC' } });
    expect(disk.mismatchCount).toBe(0);
  });

  it('does not take its own defects for a mismatch', async () => {
    const { disk, raw } = rig();
    raw.gate.mode = 'held';
    const flush = watch(() => disk.flush());
    raw.gate.next('flush').fail(new TypeError('misused'));
    await settle();
    expect(flush.error).toBeInstanceOf(TypeError);
    expect(disk.mismatchCount).toBe(0);
  });

  it('keeps the order of overlapping writes the same on both sides', async () => {
    const { disk, test, raw } = rig();
    test.gate.mode = 'held';
    raw.gate.mode = 'held';
    const first = watch(() => disk.write(0, new Uint8Array(1024).fill(1), PLAIN));
    const second = watch(() => disk.write(512, new Uint8Array(1024).fill(2), PLAIN));
    const apart = watch(() => disk.write(8192, new Uint8Array(512).fill(3), PLAIN));
    await settle();
    expect(test.gate.held.map(({ offset }) => offset)).toEqual([0, 8192]);
    // Whichever way the two sides go about it, the second comes after the first on both.
    test.gate.next('write').complete();
    await settle();
    expect(first.state).toBe('pending');
    expect(test.gate.held.map(({ offset }) => offset)).toEqual([8192]);
    while (raw.gate.held.length + test.gate.held.length > 0) {
      for (const held of [...raw.gate.held, ...test.gate.held].reverse()) held.complete();
      await settle();
    }
    expect([first.state, second.state, apart.state]).toEqual(['done', 'done', 'done']);
    expect(test.bytes).toEqual(raw.bytes);
  });

  it('compares a read with what was there on both sides, not half of a write', async () => {
    const { disk, test, raw } = rig();
    raw.gate.mode = 'held';
    const write = watch(() => disk.write(0, pattern(512), PLAIN));
    raw.gate.mode = 'sync';
    const read = watch(() => disk.read(0, new Uint8Array(1024)));
    await settle();
    // The write has reached `test` and not yet `raw`.
    expect(test.bytes[0]).not.toBe(raw.bytes[0]);
    expect(read.state).toBe('pending');
    raw.gate.next('write').complete();
    await settle();
    expect([write.state, read.state]).toEqual(['done', 'done']);
    expect(disk.mismatchCount).toBe(0);
  });

  it('lets raw take over what a range of test reads as after a discard', async () => {
    for (const unmap of [true, false]) {
      const { disk, test, raw } = rig({ unmap });
      await disk.write(0, pattern(SIZE), PLAIN);
      await disk.discard(4096, 8192);
      // A test disk reads as 0xdd afterwards, unless the discard does not reach it.
      expect(test.bytes[4096]).toBe(unmap ? 0xdd : pattern(SIZE)[4096]);
      expect(raw.bytes).toEqual(test.bytes);
      await disk.read(0, new Uint8Array(SIZE));
      expect(disk.mismatchCount).toBe(0);
    }
    const { disk, test, raw } = rig();
    test.extentAt = (_offset, length) => ({ length, data: false, zero: true, allocated: false });
    test.bytes.fill(0);
    raw.bytes.fill(0);
    await disk.discard(0, SIZE);
    expect(raw.operations).toEqual(['discard', 'writeZeroes']);
    expect(isZero(raw.bytes)).toBe(true);
  });

  it('asks test alone whether it can zero fast, and leaves raw as it is when not', async () => {
    const fast = { ...ZEROES, noFallback: true };
    const slow = rig({ test: { operations: ['blockStatus'] } });
    await slow.disk.write(0, pattern(1024), PLAIN);
    await expect(async () => slow.disk.writeZeroes(0, 512, fast)).rejects.toMatchObject({
      code: 'ENOTSUP',
    });
    expect(slow.raw.bytes.subarray(0, 1024)).toEqual(pattern(1024));
    await slow.disk.read(0, new Uint8Array(1024));
    expect(slow.disk.mismatchCount).toBe(0);
    const quick = rig();
    quick.raw.beforeZeroes = () => {
      throw new BlockError('ENOTSUP', 'zero', 'no');
    };
    await quick.disk.write(0, pattern(1024), PLAIN);
    await quick.disk.writeZeroes(0, 512, fast);
    expect(isZero(quick.raw.bytes.subarray(0, 512))).toBe(true);
    expect(quick.disk.mismatchCount).toBe(0);
  });

  it('reports no mismatch between two disks that are right, whatever is in flight', async () => {
    const { disk, test, raw } = rig();
    test.gate.mode = 'held';
    raw.gate.mode = 'held';
    const random = seededRandom(7);
    const requests = Array.from({ length: 300 }, (_, index) => {
      const offset = random.below(100) * 64;
      const length = 64 * (1 + random.below(8));
      const kinds = [
        () => disk.read(offset, new Uint8Array(length)),
        () => disk.write(offset, new Uint8Array(length).fill(index), PLAIN),
        () => disk.writeZeroes(offset, length, ZEROES),
        () => disk.discard(offset, length),
      ];
      return watch(kinds[random.below(4)] ?? (() => {}));
    });
    for (let rounds = 0; rounds < 10_000; rounds += 1) {
      await settle();
      const held = [...test.gate.held, ...raw.gate.held];
      if (held.length === 0) break;
      held[random.below(held.length)]?.complete();
    }
    expect(requests.every(({ state }) => state === 'done')).toBe(true);
    expect(disk.mismatchCount).toBe(0);
    expect(test.bytes).toEqual(raw.bytes);
  });

  it('keeps a bounded number of mismatches and counts all', () => {
    const { disk, raw } = rig();
    raw.bytes[0] = 1;
    for (let times = 0; times < 100; times += 1) {
      expect(() => disk.read(0, new Uint8Array(1))).toThrow(/0x01/);
    }
    expect(disk.mismatches).toHaveLength(64);
    expect(disk.mismatchCount).toBe(100);
  });

  it('resizes both or neither', async () => {
    const { disk, test, raw } = rig({ test: { operations: [] } });
    await expect(disk.resize(1024)).rejects.toMatchObject({ code: 'ENOTSUP' });
    expect([test.size(), raw.size()]).toEqual([SIZE, SIZE]);
  });

  it('shows its receipts to whoever has the node', async () => {
    const graph = new BlockGraph(nodeEnv(), { ...drivers, blkverify });
    const leg = (name: string) => ({ driver: 'memory', size: 512, 'node-name': name });
    const node = await graph.open({ driver: 'blkverify', test: leg('test'), raw: leg('raw') });
    await graph.find('test').write(7, Uint8Array.of(1));
    await expect(async () => node.read(0, new Uint8Array(512))).rejects.toThrow(/offset 7/);
    expect(blkverifyOf(node)?.mismatchCount).toBe(1);
    expect(blkverifyOf(graph.find('test'))).toBeUndefined();
    await graph.closeAll();
  });

  it('refuses two disks of different sizes and leaves nothing open', async () => {
    const graph = new BlockGraph(nodeEnv(), { ...drivers, blkverify });
    const options = {
      driver: 'blkverify',
      test: { driver: 'memory', size: 512 },
      raw: { driver: 'memory', size: 1024 },
    };
    await expect(graph.open(options)).rejects.toThrow(/must be of one size/);
    expect(graph.nodes).toEqual([]);
  });
});
