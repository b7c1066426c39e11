import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { isZero } from '../../src/base/zeroes.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { writeCache, writeCacheOf } from '../../src/filters/write-cache.ts';
import { pattern } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';
import {
  changesOf,
  FUA,
  PLAIN,
  cacheRig as rig,
  SIZE,
  ZEROES,
} from '../support/write-cache-rig.ts';

describe('write-cache: power cuts', () => {
  it('loses what was not flushed, and nothing else', async () => {
    const { disk, cache, read } = rig();
    await cache.write(0, pattern(512), PLAIN);
    await cache.flush();
    await cache.write(512, pattern(512), PLAIN);
    const receipt = await cache.powerCut();
    expect(receipt).toMatchObject({ policy: 'lose', keptCount: 0, lostCount: 1 });
    expect(receipt.lost).toEqual([{ kind: 'write', offset: 512, length: 512 }]);
    expect(cache.receipts).toEqual([receipt]);
    expect(disk.bytes.subarray(0, 512)).toEqual(pattern(512));
    cache.powerOn();
    expect(isZero(await read(512, 512))).toBe(true);
    expect(cache.unflushed).toEqual([]);
  });

  it('fails every request with EIO until the power is back', async () => {
    const { cache } = rig();
    await cache.powerCut();
    expect(cache.hasPower).toBe(false);
    const requests = [
      () => cache.read(0, new Uint8Array(1)),
      () => cache.write(0, new Uint8Array(1), PLAIN),
      () => cache.write(0, new Uint8Array(1), FUA),
      () => cache.writeZeroes(0, 1, ZEROES),
      () => cache.discard(0, 512),
      () => cache.flush(),
      () => cache.blockStatus(0, 1),
      () => cache.resize(512),
    ];
    for (const request of requests) {
      await expect(async () => request()).rejects.toMatchObject({ code: 'EIO' });
    }
    await expect(cache.powerCut()).rejects.toThrow(TypeError);
    cache.powerOn();
    expect(() => cache.powerOn()).toThrow(TypeError);
    await cache.write(0, pattern(1), FUA);
  });

  it('fails what is in flight at a cut, even when the power is back before it ends', async () => {
    const { disk, cache } = rig({ size: 4096 });
    await cache.write(0, pattern(3000), PLAIN);
    disk.gate.mode = 'held';
    const reading = watch(() => cache.read(2000, new Uint8Array(4000)));
    const requests = [
      watch(() => cache.flush()),
      watch(() => cache.write(5000, pattern(3000), PLAIN)),
      watch(() => cache.write(9000, pattern(10), FUA)),
    ];
    await settle();
    const cut = watch(() => cache.powerCut());
    await settle();
    expect(cut.state).toBe('pending');
    disk.gate.next('write').complete();
    await settle();
    expect(cut.state).toBe('done');
    cache.powerOn();
    disk.gate.next('read').complete();
    await settle();
    for (const request of [reading, ...requests]) {
      expect(request).toMatchObject({ state: 'failed', error: { code: 'EIO' } });
    }
    expect(disk.gate.held).toEqual([]);
    // What was under way has reached the disk, and nothing of the others has.
    expect(cache.receipts[0]).toMatchObject({ keptCount: 0, lostCount: 0 });
    expect(changesOf(disk)).toHaveLength(1);
  });

  it('leaves a subset on the disk where it reorders, as its receipt says', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 12; seed += 1) {
      const { disk, cache } = rig({ policy: 'reorder', seed });
      for (let index = 0; index < 8; index += 1) {
        await cache.write(index * 1024, new Uint8Array(1024).fill(index + 1), PLAIN);
      }
      const { kept, lost } = await cache.powerCut();
      expect(kept.length + lost.length).toBe(8);
      for (const { offset, length } of kept) {
        const part = disk.bytes.subarray(offset, offset + length);
        expect(part.every((byte) => byte === offset / 1024 + 1)).toBe(true);
      }
      for (const { offset, length } of lost) {
        expect(isZero(disk.bytes.subarray(offset, offset + length))).toBe(true);
      }
      outcomes.add(kept.map(({ offset }) => offset).join());
    }
    expect(outcomes.size).toBeGreaterThan(8);
  });

  it('leaves the first sectors of one request where it tears', async () => {
    const { disk, cache } = rig({ policy: 'tear', seed: 2 });
    await cache.write(0, new Uint8Array(8192).fill(7), PLAIN);
    const { torn } = await cache.powerCut();
    const kept = torn?.keptLength ?? 0;
    expect(kept % 512).toBe(0);
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(8192);
    expect(disk.bytes.subarray(0, kept).every((byte) => byte === 7)).toBe(true);
    expect(isZero(disk.bytes.subarray(kept))).toBe(true);
  });

  it('is off also when the node below does not take what should survive', async () => {
    const { disk, cache } = rig({ policy: 'reorder', seed: 3 });
    for (let index = 0; index < 8; index += 1) await cache.write(index * 512, pattern(512), PLAIN);
    disk.gate.mode = 'held';
    const cut = watch(() => cache.powerCut());
    await settle();
    disk.gate.next('write').fail(new BlockError('EIO', 'write', 'no'));
    await settle();
    expect(cut).toMatchObject({ state: 'failed', error: { code: 'EIO' } });
    cache.powerOn();
    expect(cache.unflushed).toEqual([]);
  });

  it('does the same again with the same seed', async () => {
    const run = async (seed: number) => {
      const { disk, cache } = rig({ policy: 'tear', seed, size: 8192 });
      for (let index = 0; index < 40; index += 1) {
        await cache.write(index * 700, new Uint8Array(700).fill(index + 1), PLAIN);
      }
      const receipt = await cache.powerCut();
      return { receipt, bytes: disk.bytes, calls: disk.calls };
    };
    expect(await run(8)).toEqual(await run(8));
    expect((await run(8)).receipt).not.toEqual((await run(9)).receipt);
  });

  it('enumerates every image that a cut could leave, without a cut', async () => {
    const { disk, cache } = rig({ policy: 'reorder' });
    disk.bytes.fill(0xaa);
    await cache.write(0, new Uint8Array(2).fill(1), PLAIN);
    await cache.write(1, new Uint8Array(2).fill(2), PLAIN);
    await cache.writeZeroes(2, 1, ZEROES);
    const images: string[] = [];
    for (const image of cache.crashImages(100)) {
      const into = new Uint8Array(4);
      await image.read(0, into);
      expect(image.kept.length + image.lost.length).toBe(3);
      images.push(Buffer.from(into).toString('hex'));
    }
    expect(images.sort()).toEqual([
      '010100aa',
      '0101aaaa',
      '010200aa',
      '010202aa',
      'aa0200aa',
      'aa0202aa',
      'aaaa00aa',
      'aaaaaaaa',
    ]);
    expect(cache.crashImageCount).toBe(8);
    expect([...cache.crashImages(5)]).toHaveLength(5);
    expect(cache.unflushed).toHaveLength(3);
    expect(changesOf(disk)).toEqual([]);
  });

  it('gives among its images what each cut leaves', async () => {
    for (let seed = 0; seed < 10; seed += 1) {
      const { disk, cache } = rig({ policy: 'tear', seed });
      for (const offset of [0, 512, 300]) {
        await cache.write(offset, new Uint8Array(1500).fill(offset + 1), PLAIN);
      }
      const images: Uint8Array[] = [];
      for (const image of cache.crashImages(1000)) {
        const into = new Uint8Array(SIZE);
        await image.read(0, into);
        images.push(into);
      }
      expect(images).toHaveLength(cache.crashImageCount);
      await cache.powerCut();
      expect(images.some((image) => Buffer.compare(image, disk.bytes) === 0)).toBe(true);
    }
  });

  it('is done by whoever has the node', async () => {
    const graph = new BlockGraph(nodeEnv(), { ...drivers, 'write-cache': writeCache });
    const image = { driver: 'memory', size: SIZE, 'node-name': 'image' };
    const node = await graph.open({ driver: 'write-cache', image });
    await node.write(0, pattern(512));
    const cache = writeCacheOf(node);
    expect((await cache?.powerCut())?.lostCount).toBe(1);
    await expect(async () => node.read(0, new Uint8Array(1))).rejects.toThrow(/the power is cut$/);
    expect(writeCacheOf(graph.find('image'))).toBeUndefined();
    // It closes all the same, and writes nothing.
    const into = new Uint8Array(512);
    await graph.find('image').read(0, into);
    expect(isZero(into)).toBe(true);
    await graph.closeAll();
  });
});
