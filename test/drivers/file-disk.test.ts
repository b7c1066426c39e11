import { stat, truncate } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { isZero } from '../../src/base/zeroes.ts';
import type { OpenContext } from '../../src/block/driver.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { pattern } from '../support/drivers.ts';
import {
  makeStoredFile,
  openFileDisk,
  withFileDisk,
  withStoredFileDisk,
} from '../support/file-rig.ts';
import { hookedFiles } from '../support/hooked-files.ts';
import { deferred, settle, watch } from '../support/settle.ts';
import { makeFile, withFolder } from '../support/temporary.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

describe('file disk: reading, writing, flushing', () => {
  it('reads zeroes where the file has become shorter', () =>
    withFileDisk(2 * MiB, {}, async ({ disk, path }) => {
      await disk.write(0, pattern(2 * MiB));
      await truncate(path, MiB + 100);
      const found = new Uint8Array(2 * MiB).fill(0xcc);
      await disk.read(0, found);
      expect(Buffer.compare(found.subarray(0, MiB + 100), pattern(MiB + 100))).toBe(0);
      expect(isZero(found.subarray(MiB + 100))).toBe(true);
    }));

  it('keeps any number of requests in flight', () =>
    withFileDisk(2 * MiB, {}, async ({ disk, hold }) => {
      const held = hold(({ operation }) => operation === 'write' || operation === 'read');
      const requests = Array.from({ length: 50 }, (_, index) =>
        watch(() =>
          index % 2 === 0
            ? disk.write(index * 10_000, pattern(20_000))
            : disk.read(index * 10_000, new Uint8Array(20_000)),
        ),
      );
      await settle();
      expect(held.calls.length).toBe(50);
      held.letGo();
      while (disk.inFlight > 0) await settle();
      expect(requests.every(({ state }) => state === 'done')).toBe(true);
    }));

  it('flushes the file when asked to, and after a write with FUA', () =>
    withFileDisk(MiB, {}, async ({ disk, calls }) => {
      calls.length = 0;
      await disk.flush();
      await disk.write(0, pattern(512), { forceUnitAccess: true });
      expect(calls.map(({ operation }) => operation)).toEqual(['sync', 'write', 'sync']);
    }));

  it('takes a flush for done with no-flush', () =>
    withFileDisk(MiB, { cache: { 'no-flush': true } }, async ({ disk, calls }) => {
      calls.length = 0;
      await disk.flush();
      expect(calls).toEqual([]);
    }));

  it('fails every flush after one has failed, and nothing else', () =>
    withFileDisk(MiB, {}, async ({ disk, hooks }) => {
      let failures = 1;
      hooks.push(({ operation }) => {
        if (operation !== 'sync' || failures === 0) return;
        failures -= 1;
        throw new BlockError('ENOSPC', 'flush', 'the test wants it');
      });
      await expect(disk.flush()).rejects.toMatchObject({ code: 'ENOSPC' });
      await expect(disk.flush()).rejects.toMatchObject({ code: 'EIO' });
      await expect(disk.flush()).rejects.toThrow(/earlier flush failed/);
      const fua = disk.write(0, pattern(512), { forceUnitAccess: true });
      await expect(fua).rejects.toMatchObject({ code: 'EIO' });
      await disk.write(0, pattern(512));
      const found = new Uint8Array(512);
      await disk.read(0, found);
      expect(Buffer.compare(found, pattern(512))).toBe(0);
    }));

  it('fails a flush during which another has failed', () =>
    withFileDisk(MiB, {}, async ({ disk, hooks }) => {
      const ends = [deferred(), deferred()];
      let count = 0;
      hooks.push(({ operation }) => (operation === 'sync' ? ends[count++]?.promise : undefined));
      const flushes = [watch(() => disk.flush()), watch(() => disk.flush())];
      ends[0]?.reject(new BlockError('EIO', 'flush', 'the test wants it'));
      await settle();
      ends[1]?.resolve();
      await disk.read(0, new Uint8Array(1));
      while (disk.inFlight > 0) await settle();
      expect(flushes.map(({ state }) => state)).toEqual(['failed', 'failed']);
    }));

  it('changes the size of the file', () =>
    withFileDisk(MiB, {}, async ({ disk, path }) => {
      await disk.resize(5000);
      expect((await stat(path)).size).toBe(5000);
      await disk.resize(3 * MiB);
      expect((await stat(path)).size).toBe(3 * MiB);
    }));

  it('fails a write that a smaller size has overtaken, and lengthens nothing', () =>
    withFileDisk(MiB, {}, async ({ disk, path, hold }) => {
      const held = hold(({ operation }) => operation === 'truncate');
      const resize = watch(() => disk.resize(4096));
      await settle();
      const write = watch(() => disk.write(8192, pattern(512)));
      const below = watch(() => disk.write(0, pattern(512)));
      held.letGo();
      while (disk.inFlight > 0) await settle();
      expect(resize.state).toBe('done');
      expect(below.state).toBe('done');
      expect(write).toMatchObject({ state: 'failed', error: { code: 'EIO' } });
      expect((await stat(path)).size).toBe(4096);
    }));
});

describe('file disk: holes', () => {
  it('knows what was never written to a file that was all hole', () =>
    withFileDisk(MiB, {}, async ({ disk }) => {
      expect(await disk.blockStatus(0, MiB)).toEqual({
        length: MiB,
        data: false,
        zero: true,
        allocated: true,
      });
      await disk.write(100 * KiB, Uint8Array.of(1));
      expect(await disk.blockStatus(0, MiB)).toMatchObject({ length: 64 * KiB, zero: true });
      expect(await disk.blockStatus(64 * KiB, MiB - 64 * KiB)).toEqual({
        length: 64 * KiB,
        data: true,
        zero: false,
        allocated: true,
      });
      expect(await disk.blockStatus(128 * KiB, 896 * KiB)).toMatchObject({ length: 896 * KiB });
    }));

  it('calls data what a write is under way to', () =>
    withFileDisk(MiB, {}, async ({ disk, hold }) => {
      const held = hold(({ operation }) => operation === 'write');
      const write = watch(() => disk.write(0, pattern(512)));
      expect(await disk.blockStatus(0, MiB)).toMatchObject({ data: true, length: 64 * KiB });
      held.letGo();
      while (disk.inFlight > 0) await settle();
      expect(write.state).toBe('done');
    }));

  it('leaves holes as they are when they are zeroed or discarded', () =>
    withFileDisk(64 * MiB, { discard: 'unmap' }, async ({ disk, path, calls }) => {
      await disk.write(MiB, pattern(64 * KiB));
      calls.length = 0;
      await disk.writeZeroes(2 * MiB, 62 * MiB, { noFallback: true });
      await disk.writeZeroes(0, MiB, { mayUnmap: true, noFallback: true });
      await disk.discard(2 * MiB, 62 * MiB);
      expect(calls).toEqual([]);
      await disk.writeZeroes(0, 64 * MiB);
      const written = calls.filter(({ operation }) => operation === 'write');
      expect(written).toMatchObject([{ offset: MiB, length: 64 * KiB }]);
      expect((await stat(path)).blocks * 512).toBeLessThan(MiB);
      const found = new Uint8Array(2 * MiB);
      await disk.read(0, found);
      expect(isZero(found)).toBe(true);
    }));

  it('does not zero fast what has been written here and there', () =>
    withFileDisk(MiB, {}, async ({ disk, calls }) => {
      await disk.write(MiB / 2, pattern(512));
      calls.length = 0;
      const fast = disk.writeZeroes(0, MiB, { noFallback: true });
      await expect(fast).rejects.toMatchObject({ code: 'ENOTSUP' });
      expect(calls).toEqual([]);
    }));

  it('calls everything data in a file that had storage, and does not zero it fast', () =>
    withFolder(async (folder) => {
      const path = await makeStoredFile(folder, 'disk', MiB);
      const { disk, graph } = await openFileDisk(path);
      expect(await disk.blockStatus(0, MiB)).toMatchObject({ length: MiB, data: true });
      const fast = disk.writeZeroes(0, MiB, { noFallback: true });
      await expect(fast).rejects.toMatchObject({ code: 'ENOTSUP' });
      await graph.closeAll();
    }));

  it('calls everything data that somebody else may write to', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      for (const options of [{ 'read-only': true }, { locking: 'off' }]) {
        const { disk, graph } = await openFileDisk(path, options);
        expect(await disk.blockStatus(0, MiB)).toMatchObject({ length: MiB, data: true });
        await graph.closeAll();
      }
    }));

  it('looks twice at a file without storage, having had it written back', () =>
    withFileDisk(MiB, {}, async ({ calls }) => {
      const operations = calls.map(({ operation }) => operation);
      expect(operations.slice(-3)).toEqual(['status', 'sync', 'status']);
    }));
});

describe('file disk: unmapping', () => {
  it('gives back storage at the end of the file, and only there', () =>
    withStoredFileDisk(8 * MiB, { discard: 'unmap' }, async ({ disk, path, calls }) => {
      await disk.write(0, pattern(8 * MiB));
      await disk.flush();
      calls.length = 0;
      await disk.discard(MiB, 2 * MiB);
      expect(calls).toEqual([]);
      await disk.discard(5 * MiB + 100, 3 * MiB - 100);
      expect(calls).toMatchObject([
        { operation: 'truncate', length: 5 * MiB + 100 },
        { operation: 'truncate', length: 8 * MiB },
      ]);
      await disk.writeZeroes(4 * MiB, 4 * MiB, { mayUnmap: true, noFallback: true });
      const { size, blocks } = await stat(path);
      expect(size).toBe(8 * MiB);
      expect(blocks * 512).toBeLessThan(5 * MiB);
      const found = new Uint8Array(8 * MiB);
      await disk.read(0, found);
      expect(Buffer.compare(found.subarray(0, 4 * MiB), pattern(4 * MiB))).toBe(0);
      expect(isZero(found.subarray(4 * MiB))).toBe(true);
    }));

  it('never makes the file shorter unless it may unmap', () =>
    withStoredFileDisk(MiB, {}, async ({ disk, calls }) => {
      calls.length = 0;
      await disk.discard(0, MiB);
      await disk.writeZeroes(0, MiB, { mayUnmap: true });
      expect(calls.some(({ operation }) => operation === 'truncate')).toBe(false);
    }));

  it('does not rely on its node for that', () =>
    withFolder(async (folder) => {
      const filename = await makeStoredFile(folder, 'disk', MiB);
      let truncations = 0;
      const real = nodeEnv();
      const files = hookedFiles(real.files, ({ operation }) => {
        if (operation === 'truncate') truncations += 1;
      });
      const context: OpenContext = {
        env: { ...real, files },
        name: 'disk',
        readOnly: false,
        unmap: false,
        cache: { direct: false, noFlush: false },
        forceShare: false,
        isGuessed: false,
        openChild: () => Promise.reject(new Error('a file has no children')),
      };
      const disk = await drivers.file.open({ filename, locking: 'on', aio: 'threads' }, context);
      await disk.discard?.(0, MiB);
      const options = { forceUnitAccess: false, mayUnmap: true, noFallback: false };
      const zeroing = async () => disk.writeZeroes?.(0, MiB, options);
      await expect(zeroing()).rejects.toMatchObject({ code: 'ENOTSUP' });
      expect(truncations).toBe(0);
      await disk.close();
    }));

  it('never makes a file shorter that it shares', () =>
    withStoredFileDisk(MiB, { discard: 'unmap', locking: 'off' }, async ({ disk, calls }) => {
      calls.length = 0;
      await disk.discard(0, MiB);
      await disk.writeZeroes(0, MiB, { mayUnmap: true });
      expect(calls.some(({ operation }) => operation === 'truncate')).toBe(false);
    }));

  it('knows of the holes in a file that it has emptied', () =>
    withStoredFileDisk(MiB, { discard: 'unmap' }, async ({ disk }) => {
      await disk.write(0, pattern(MiB));
      expect(await disk.blockStatus(0, MiB)).toMatchObject({ data: true, length: MiB });
      await disk.discard(0, MiB);
      expect(await disk.blockStatus(0, MiB)).toMatchObject({ zero: true, length: MiB });
      await disk.write(MiB - 1, Uint8Array.of(1));
      expect(await disk.blockStatus(0, MiB)).toMatchObject({ zero: true, length: 960 * KiB });
      await disk.discard(MiB / 2, MiB / 2);
      expect(await disk.blockStatus(0, MiB)).toMatchObject({ zero: true, length: MiB });
    }));

  it('loses no write and fails no read that comes between the two steps', () =>
    withFileDisk(2 * MiB, { discard: 'unmap' }, async ({ disk, hold }) => {
      await disk.write(0, pattern(2 * MiB));
      let truncations = 0;
      const held = hold(({ operation }) => operation === 'truncate' && ++truncations === 2);
      const discard = watch(() => disk.discard(MiB, MiB));
      while (held.calls.length === 0) await settle();

      const into = new Uint8Array(4096).fill(0xcc);
      const read = watch(() => disk.read(2 * MiB - 4096, into));
      const write = watch(() => disk.write(MiB + 64 * KiB, pattern(4096)));
      const below = new Uint8Array(MiB);
      await disk.read(0, below);
      expect(Buffer.compare(below, pattern(MiB))).toBe(0);
      held.letGo();
      while (disk.inFlight > 0) await settle();

      expect([discard.state, read.state, write.state]).toEqual(['done', 'done', 'done']);
      expect(isZero(into)).toBe(true);
      const found = new Uint8Array(4096);
      await disk.read(MiB + 64 * KiB, found);
      expect(Buffer.compare(found, pattern(4096))).toBe(0);
      const status = await disk.blockStatus(MiB + 64 * KiB, 4096);
      expect(status).toMatchObject({ data: true, zero: false });
      expect(await disk.blockStatus(MiB, 64 * KiB)).toMatchObject({ zero: true });
    }));

  it('waits for the requests to the tail that are under way', () =>
    withFileDisk(2 * MiB, { discard: 'unmap' }, async ({ disk, hold, calls }) => {
      await disk.write(0, pattern(2 * MiB));
      const held = hold(({ operation }) => operation === 'write');
      const write = watch(() => disk.write(2 * MiB - 100, pattern(100)));
      calls.length = 0;
      const discard = watch(() => disk.discard(MiB, MiB));
      await disk.read(0, new Uint8Array(512));
      expect(calls.map(({ operation }) => operation)).toEqual(['read']);
      held.letGo();
      while (disk.inFlight > 0) await settle();
      expect([write.state, discard.state]).toEqual(['done', 'done']);
      expect(await disk.blockStatus(MiB, MiB)).toMatchObject({ zero: true, length: MiB });
    }));
});
