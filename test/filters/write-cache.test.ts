import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import { isZero } from '../../src/base/zeroes.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { writeCache } from '../../src/filters/write-cache.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { pattern } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';
import { makeFile } from '../support/temporary.ts';
import {
  changesOf,
  FUA,
  PLAIN,
  cacheRig as rig,
  SIZE,
  ZEROES,
} from '../support/write-cache-rig.ts';

const KiB = 1024;

driverContract({
  name: 'write-cache over memory',
  options: (size) => ({ driver: 'write-cache', image: { driver: 'memory', size } }),
});

driverContract({
  name: 'write-cache of 64 KiB over memory',
  options: (size) => ({
    driver: 'write-cache',
    size: 64 * KiB,
    image: { driver: 'memory', size },
  }),
});

driverContract({
  name: 'write-cache of 8 KiB that lies, over a file',
  options: async (size, folder) => ({
    driver: 'write-cache',
    size: 8 * KiB,
    flush: 'lie',
    seed: 7,
    image: { driver: 'file', filename: await makeFile(folder, 'disk', size) },
  }),
});

describe('write-cache', () => {
  it('takes requests in whole sectors, for no disk tears one', () => {
    for (const size of [4096, 8 * KiB, 64 * KiB]) {
      const { transferMax } = rig({ size }).cache.limits;
      expect(transferMax % 512).toBe(0);
      expect(transferMax).toBeLessThan(size);
    }
  });

  it('keeps changes from the node below until they are flushed, and shows them', async () => {
    const { disk, cache, read } = rig();
    disk.bytes.fill(0x11);
    expect(cache.write(100, pattern(1000), PLAIN)).toBeUndefined();
    expect(cache.writeZeroes(500, 100, ZEROES)).toBeUndefined();
    expect(cache.discard(2000, 1000)).toBeUndefined();
    expect(changesOf(disk)).toEqual([]);
    const expected = new Uint8Array(4096).fill(0x11);
    expected.set(pattern(1000), 100);
    expected.fill(0, 500, 600).fill(0, 2000, 3000);
    expect(await read(0, 4096)).toEqual(expected);
    await cache.flush();
    expect(disk.bytes.subarray(0, 4096)).toEqual(expected);
    expect(disk.operations.at(-1)).toBe('flush');
    expect(cache.unflushed).toEqual([]);
    expect(cache.used).toBe(0);
    expect(await read(0, 4096)).toEqual(expected);
  });

  it('is synchronous where the node below is, and asks it nothing that it knows itself', () => {
    const { disk, cache } = rig();
    cache.write(0, pattern(4096), PLAIN);
    expect(cache.read(1000, new Uint8Array(1000))).toBeUndefined();
    expect(disk.calls).toEqual([]);
    expect(cache.read(4000, new Uint8Array(1000))).toBeUndefined();
    expect(cache.blockStatus(0, 8192)).toMatchObject({ length: 4096, data: true });
    expect(cache.blockStatus(4096, 8192)).toMatchObject({ length: 8192 });
  });

  it('keeps the order of what overlaps, in whatever order it writes back', async () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { disk, cache } = rig({ seed });
      const random = seededRandom(seed);
      const model = new Uint8Array(SIZE);
      for (let value = 1; value <= 30; value += 1) {
        const offset = random.below(4000);
        const length = 1 + random.below(500);
        await cache.write(offset, new Uint8Array(length).fill(value), PLAIN);
        model.fill(value, offset, offset + length);
      }
      await cache.flush();
      expect(Buffer.compare(disk.bytes, model)).toBe(0);
      orders.add(
        changesOf(disk)
          .map(({ offset }) => offset)
          .join(),
      );
    }
    expect(orders.size).toBe(20);
    const apart = rig({ seed: 3 });
    for (let index = 0; index < 10; index += 1)
      await apart.cache.write(index * 512, pattern(1), PLAIN);
    await apart.cache.flush();
    const offsets = changesOf(apart.disk).map(({ offset }) => offset);
    expect(offsets).not.toEqual([...offsets].sort((a, b) => a - b));
  });

  it('makes one write durable on FUA, and of the others only what it overlaps', async () => {
    const { disk, cache } = rig();
    await cache.write(0, new Uint8Array(1024).fill(1), PLAIN);
    await cache.write(8192, new Uint8Array(512).fill(2), PLAIN);
    await cache.write(512, new Uint8Array(1024).fill(3), FUA);
    expect(changesOf(disk)).toMatchObject([
      { offset: 0, options: { forceUnitAccess: false } },
      { offset: 512, options: { forceUnitAccess: true } },
    ]);
    expect(disk.bytes[1000]).toBe(3);
    expect(cache.unflushed).toEqual([{ kind: 'write', offset: 8192, length: 512 }]);
    await cache.writeZeroes(8192, 100, { ...ZEROES, ...FUA });
    expect(changesOf(disk).at(-1)).toMatchObject({
      operation: 'writeZeroes',
      options: { forceUnitAccess: true },
    });
    expect(cache.unflushed).toEqual([]);
  });

  it('takes a flush and FUA for done where it lies', async () => {
    const { disk, cache } = rig({ flush: 'lie' });
    await cache.write(0, pattern(512), FUA);
    expect(cache.flush()).toBeUndefined();
    expect(disk.calls).toEqual([]);
    const receipt = await cache.powerCut();
    expect(receipt.lost).toEqual([{ kind: 'write', offset: 0, length: 512 }]);
    expect(isZero(disk.bytes)).toBe(true);
  });

  it('never holds more than its size, and writes back in a random order to make room', async () => {
    const { disk, cache } = rig({ size: 8 * 1024, seed: 4 });
    disk.gate.mode = 'async';
    const model = new Uint8Array(SIZE);
    let most = 0;
    const writes = Array.from({ length: 100 }, async (_, index) => {
      const offset = (index * 600) % (SIZE - 600);
      model.fill(index + 1, offset, offset + 600);
      await cache.write(offset, new Uint8Array(600).fill(index + 1), PLAIN);
      most = Math.max(most, cache.used);
    });
    await Promise.all(writes);
    expect(most).toBeLessThanOrEqual(8 * 1024);
    expect(most).toBeGreaterThan(7 * 1024);
    const offsets = changesOf(disk).map(({ offset }) => offset);
    expect(offsets.length).toBeGreaterThan(80);
    expect(offsets).not.toEqual([...offsets].sort((a, b) => a - b));
    await cache.flush();
    expect(Buffer.compare(disk.bytes, model)).toBe(0);
  });

  it('fails the write that finds no room when the node below fails, and no other', async () => {
    const { disk, cache, read } = rig({ size: 4096 });
    await cache.write(0, pattern(3000), PLAIN);
    disk.gate.mode = 'held';
    const write = watch(() => cache.write(4096, pattern(3000), PLAIN));
    const small = watch(() => cache.write(8192, pattern(10), PLAIN));
    await settle();
    // The small one would fit, but does not overtake.
    expect(small.state).toBe('pending');
    disk.gate.next('write').fail(new BlockError('ENOSPC', 'write', 'it is full'));
    await settle();
    expect(write).toMatchObject({ state: 'failed', error: { code: 'ENOSPC' } });
    expect(small.state).toBe('done');
    disk.gate.mode = 'sync';
    expect(await read(0, 3000)).toEqual(pattern(3000));
    await cache.flush();
    expect(disk.bytes.subarray(0, 3000)).toEqual(pattern(3000));
  });

  it('shows a change in one of its two places while it is written back', async () => {
    const { disk, cache, read } = rig();
    await cache.write(0, pattern(512), PLAIN);
    disk.gate.mode = 'held';
    const flush = watch(() => cache.flush());
    await settle();
    expect(await read(0, 512)).toEqual(pattern(512));
    disk.gate.next('write').takeEffect();
    expect(await read(0, 512)).toEqual(pattern(512));
    // One that is newer stays, though an older one of the same place is being written.
    await cache.write(0, new Uint8Array(512).fill(9), PLAIN);
    disk.gate.next('write').complete();
    await settle();
    expect((await read(0, 512))[0]).toBe(9);
    disk.gate.next('flush').complete();
    await settle();
    expect(flush.state).toBe('done');
    expect(cache.unflushed).toHaveLength(1);
  });

  it('answers a discard with zeroes before a flush and after it', async () => {
    const { disk, cache, read } = rig();
    disk.bytes.fill(1);
    await cache.discard(512, 512);
    expect(isZero(await read(512, 512))).toBe(true);
    await cache.flush();
    expect(isZero(await read(512, 512))).toBe(true);
    expect(changesOf(disk)).toMatchObject([
      { operation: 'writeZeroes', options: { mayUnmap: true } },
    ]);
  });

  it('flushes when it closes, also where flushes are lies', async () => {
    for (const flush of ['honest', 'lie'] as const) {
      const { disk, cache } = rig({ flush });
      await cache.write(0, pattern(512), PLAIN);
      await cache.close();
      expect(disk.bytes.subarray(0, 512)).toEqual(pattern(512));
      expect(disk.operations).toEqual(['write', 'flush']);
    }
  });

  it('cancels what waits to be written back when requests in flight are cancelled', async () => {
    const { disk, cache } = rig({ size: 4096 });
    await cache.write(0, pattern(2000), PLAIN);
    disk.gate.mode = 'held';
    const flush = watch(() => cache.flush());
    const write = watch(() => cache.write(4096, pattern(3000), PLAIN));
    await settle();
    cache.cancelInFlight();
    // What the node below was doing is cancelled by that.
    disk.gate.next('write').fail(new BlockError('ECANCELED', 'write', 'it was cancelled'));
    await settle();
    expect(flush).toMatchObject({ state: 'failed', error: { code: 'ECANCELED' } });
    expect(write).toMatchObject({ state: 'failed', error: { code: 'ECANCELED' } });
    disk.gate.mode = 'sync';
    await cache.flush();
    expect(disk.bytes.subarray(0, 2000)).toEqual(pattern(2000));
  });

  it('wants room for a request at least', async () => {
    const graph = new BlockGraph(nodeEnv(), { ...drivers, 'write-cache': writeCache });
    const image = { driver: 'memory', size: SIZE };
    const open = graph.open({ driver: 'write-cache', image, size: 4095 });
    await expect(open).rejects.toThrow(/'size' must be at least 4096$/);
    expect(graph.nodes).toEqual([]);
  });
});
