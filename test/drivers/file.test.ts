import { execFileSync } from 'node:child_process';
import { link, open as openFile, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { isZero } from '../../src/base/zeroes.ts';
import type { OpenContext } from '../../src/block/driver.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { pattern } from '../support/drivers.ts';
import { type FileCall, type FileHook, hookedFiles } from '../support/hooked-files.ts';
import { deferred, settle, watch } from '../support/settle.ts';
import {
  makeFile,
  openFilesIn,
  whyNoLoopDevice,
  whyNotDirect,
  withFolder,
  withLoopDevice,
} from '../support/temporary.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

const skipDirect = await whyNotDirect();

driverContract({
  name: 'file that is all hole',
  options: async (size, folder) => ({
    driver: 'file',
    filename: await makeFile(folder, 'disk', size),
  }),
});

driverContract({
  name: 'file with storage',
  options: async (size, folder) => ({
    driver: 'file',
    filename: await makeStoredFile(folder, 'disk', size),
  }),
});

driverContract({
  name: 'file that is shared and never flushed',
  options: async (size, folder) => ({
    driver: 'file',
    filename: await makeFile(folder, 'disk', size),
    cache: { 'no-flush': true },
    locking: 'off',
  }),
});

driverContract({
  name: 'file past the page cache, all hole',
  options: async (size, folder) => ({
    driver: 'file',
    filename: await makeFile(folder, 'disk', size),
    cache: { direct: true },
  }),
  skip: skipDirect,
});

driverContract({
  name: 'file past the page cache, with storage',
  options: async (size, folder) => ({
    driver: 'file',
    filename: await makeStoredFile(folder, 'disk', size),
    cache: { direct: true },
  }),
  skip: skipDirect,
});

describe('file driver: opening', () => {
  it('refuses what is no file, without waiting for it', () =>
    withFolder(async (folder) => {
      const pipe = join(folder, 'pipe');
      execFileSync('mkfifo', [pipe]);
      const code = (filename: string) =>
        open(filename).then(
          () => 'opened',
          (error: BlockError) => error.code,
        );
      expect(await code(folder)).toBe('EISDIR');
      expect(await code(join(folder, 'missing'))).toBe('ENOENT');
      expect(await code(pipe)).toBe('EINVAL');
      expect(await code('/dev/null')).toBe('EINVAL');
      // To open a pipe for reading alone is to wait for somebody who writes.
      const piped = open(pipe, { 'read-only': true });
      await expect(piped).rejects.toMatchObject({ code: 'EINVAL' });
      expect(openFilesIn(folder) ?? 0).toBe(0);
    }));

  it('lets only one disk write to a file, under whatever name', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const alias = join(folder, 'alias');
      await link(path, alias);
      const { graph } = await open(path);
      for (const name of [path, alias]) {
        for (const readOnly of [false, true]) {
          const refused = open(name, { 'read-only': readOnly });
          await expect(refused).rejects.toMatchObject({ code: 'EBUSY' });
          await expect(refused).rejects.toThrow(
            `Cannot open "${name}": it is in use for writing by another process or disk`,
          );
        }
      }
      expect(openFilesIn(folder) ?? 1).toBe(1);
      await graph.closeAll();
      const again = await open(alias);
      await again.graph.closeAll();
    }));

  it('lets any number of disks read, also while one that came later writes', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const rigs = await Promise.all(
        Array.from({ length: 5 }, () => open(path, { 'read-only': true })),
      );
      rigs.push(await open(path));
      await Promise.all(rigs.map(({ graph }) => graph.closeAll()));
    }));

  it('lets disks share a file that do not look at the lock', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const one = await open(path);
      const other = await open(path, { locking: 'off' });
      await one.disk.write(5, Uint8Array.of(1));
      const found = new Uint8Array(1);
      await other.disk.read(5, found);
      expect(found[0]).toBe(1);
      await one.graph.closeAll();
      await other.graph.closeAll();
    }));

  it('asks again for a lock that somebody may only be looking at', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const real = nodeEnv();
      let refusals = 0;
      const lock = async (identity: Parameters<typeof real.files.lock>[0]) => {
        refusals += 1;
        return refusals > 1 ? real.files.lock(identity) : undefined;
      };
      const graph = new BlockGraph({ ...real, files: { ...real.files, lock } }, drivers);
      await graph.open({ driver: 'file', filename: path });
      expect(refusals).toBe(2);
      await graph.closeAll();
    }));

  it('leaves nothing open and nothing locked when it fails, wherever that is', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const cache = { direct: skipDirect === undefined };
      /** Opens the disk; the call of that number fails. @returns How many there were. */
      const openFailing = async (failing: number) => {
        let count = 0;
        const { graph } = await open(path, { cache }, ({ operation }) => {
          if (operation === 'close') return;
          count += 1;
          if (count === failing) throw new BlockError('EIO', operation, 'the test wants it');
        });
        await graph.closeAll();
        return count;
      };
      const count = await openFailing(0);
      expect(count).toBeGreaterThan(4);
      for (let failing = 1; failing <= count; failing += 1) {
        const failed = openFailing(failing);
        await expect(failed, `at call ${failing}`).rejects.toMatchObject({ code: 'EIO' });
        expect(openFilesIn(folder) ?? 0).toBe(0);
        await openFailing(0);
      }
    }));

  it('goes by the size the file has once it is locked', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', 20_000);
      const cache = { direct: skipDirect === undefined };
      const { disk, graph } = await open(path, { cache }, async ({ operation }) => {
        if (operation === 'lock') await truncate(path, 10_000);
      });
      expect(disk.size).toBe(10_000);
      await disk.write(0, pattern(10_000));
      await graph.closeAll();
      expect(Buffer.compare(await readFile(path), pattern(10_000))).toBe(0);
    }));
});

describe('file driver: reading, writing, flushing', () => {
  it('reads zeroes where the file has become shorter', () =>
    withFile(2 * MiB, {}, async ({ disk, path }) => {
      await disk.write(0, pattern(2 * MiB));
      await truncate(path, MiB + 100);
      const found = new Uint8Array(2 * MiB).fill(0xcc);
      await disk.read(0, found);
      expect(Buffer.compare(found.subarray(0, MiB + 100), pattern(MiB + 100))).toBe(0);
      expect(isZero(found.subarray(MiB + 100))).toBe(true);
    }));

  it('keeps any number of requests in flight', () =>
    withFile(2 * MiB, {}, async ({ disk, hold }) => {
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
    withFile(MiB, {}, async ({ disk, calls }) => {
      calls.length = 0;
      await disk.flush();
      await disk.write(0, pattern(512), { forceUnitAccess: true });
      expect(calls.map(({ operation }) => operation)).toEqual(['sync', 'write', 'sync']);
    }));

  it('takes a flush for done with no-flush', () =>
    withFile(MiB, { cache: { 'no-flush': true } }, async ({ disk, calls }) => {
      calls.length = 0;
      await disk.flush();
      expect(calls).toEqual([]);
    }));

  it('fails every flush after one has failed, and nothing else', () =>
    withFile(MiB, {}, async ({ disk, hooks }) => {
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
    withFile(MiB, {}, async ({ disk, hooks }) => {
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
    withFile(MiB, {}, async ({ disk, path }) => {
      await disk.resize(5000);
      expect((await stat(path)).size).toBe(5000);
      await disk.resize(3 * MiB);
      expect((await stat(path)).size).toBe(3 * MiB);
    }));

  it('fails a write that a smaller size has overtaken, and lengthens nothing', () =>
    withFile(MiB, {}, async ({ disk, path, hold }) => {
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

describe('file driver: holes', () => {
  it('knows what was never written to a file that was all hole', () =>
    withFile(MiB, {}, async ({ disk }) => {
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
    withFile(MiB, {}, async ({ disk, hold }) => {
      const held = hold(({ operation }) => operation === 'write');
      const write = watch(() => disk.write(0, pattern(512)));
      expect(await disk.blockStatus(0, MiB)).toMatchObject({ data: true, length: 64 * KiB });
      held.letGo();
      while (disk.inFlight > 0) await settle();
      expect(write.state).toBe('done');
    }));

  it('leaves holes as they are when they are zeroed or discarded', () =>
    withFile(64 * MiB, { discard: 'unmap' }, async ({ disk, path, calls }) => {
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
    withFile(MiB, {}, async ({ disk, calls }) => {
      await disk.write(MiB / 2, pattern(512));
      calls.length = 0;
      const fast = disk.writeZeroes(0, MiB, { noFallback: true });
      await expect(fast).rejects.toMatchObject({ code: 'ENOTSUP' });
      expect(calls).toEqual([]);
    }));

  it('calls everything data in a file that had storage, and does not zero it fast', () =>
    withFolder(async (folder) => {
      const path = await makeStoredFile(folder, 'disk', MiB);
      const { disk, graph } = await open(path);
      expect(await disk.blockStatus(0, MiB)).toMatchObject({ length: MiB, data: true });
      const fast = disk.writeZeroes(0, MiB, { noFallback: true });
      await expect(fast).rejects.toMatchObject({ code: 'ENOTSUP' });
      await graph.closeAll();
    }));

  it('calls everything data that somebody else may write to', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      for (const options of [{ 'read-only': true }, { locking: 'off' }]) {
        const { disk, graph } = await open(path, options);
        expect(await disk.blockStatus(0, MiB)).toMatchObject({ length: MiB, data: true });
        await graph.closeAll();
      }
    }));

  it('looks twice at a file without storage, having had it written back', () =>
    withFile(MiB, {}, async ({ calls }) => {
      const operations = calls.map(({ operation }) => operation);
      expect(operations.slice(-3)).toEqual(['status', 'sync', 'status']);
    }));
});

describe('file driver: unmapping', () => {
  it('gives back storage at the end of the file, and only there', () =>
    withStoredFile(8 * MiB, { discard: 'unmap' }, async ({ disk, path, calls }) => {
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
    withStoredFile(MiB, {}, async ({ disk, calls }) => {
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
        openChild: () => Promise.reject(new Error('a file has no children')),
      };
      const cache = { direct: false, 'no-flush': false };
      const disk = await drivers.file.open({ filename, cache, locking: 'on' }, context);
      await disk.discard?.(0, MiB);
      const options = { forceUnitAccess: false, mayUnmap: true, noFallback: false };
      const zeroing = async () => disk.writeZeroes?.(0, MiB, options);
      await expect(zeroing()).rejects.toMatchObject({ code: 'ENOTSUP' });
      expect(truncations).toBe(0);
      await disk.close();
    }));

  it('never makes a file shorter that it shares', () =>
    withStoredFile(MiB, { discard: 'unmap', locking: 'off' }, async ({ disk, calls }) => {
      calls.length = 0;
      await disk.discard(0, MiB);
      await disk.writeZeroes(0, MiB, { mayUnmap: true });
      expect(calls.some(({ operation }) => operation === 'truncate')).toBe(false);
    }));

  it('knows of the holes in a file that it has emptied', () =>
    withStoredFile(MiB, { discard: 'unmap' }, async ({ disk }) => {
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
    withFile(2 * MiB, { discard: 'unmap' }, async ({ disk, hold }) => {
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
    withFile(2 * MiB, { discard: 'unmap' }, async ({ disk, hold, calls }) => {
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

describe.skipIf(skipDirect)('file driver: past the page cache', () => {
  const direct = { cache: { direct: true } };

  it('sends whole blocks past the page cache, and the odd end of the file by way of it', () =>
    withFile(10_000, direct, async ({ disk, path, calls }) => {
      calls.length = 0;
      await disk.write(0, pattern(10_000));
      expect(calls).toMatchObject([
        { operation: 'write', direct: true, offset: 0, length: 8192 },
        { operation: 'write', direct: false, offset: 8192, length: 1808 },
      ]);
      calls.length = 0;
      const found = new Uint8Array(10_000);
      await disk.read(0, found);
      expect(Buffer.compare(found, pattern(10_000))).toBe(0);
      expect(calls.map((call) => call.direct)).toEqual([true, false]);
      expect((await stat(path)).size).toBe(10_000);
    }));

  it('follows the end of the file when that moves', () =>
    withFile(10_000, direct, async ({ disk, path, calls }) => {
      for (const size of [20_000, 4096, 4097, 100, 12_288]) {
        await disk.resize(size);
        calls.length = 0;
        await disk.write(0, pattern(size, size));
        const lengths = calls.filter((call) => call.direct).map(({ length }) => length);
        expect(lengths).toEqual(size < 4096 ? [] : [size - (size % 4096)]);
        expect(Buffer.compare(await readFile(path), pattern(size, size))).toBe(0);
      }
    }));

  it('uses a buffer of its kind as it is', () =>
    withFile(MiB, direct, async ({ disk, calls }) => {
      const buffer = nodeEnv().files.directBuffer(128 * KiB);
      buffer.set(pattern(128 * KiB));
      calls.length = 0;
      await disk.write(0, buffer);
      await disk.read(0, buffer.subarray(4096, 8192));
      expect(calls.map(({ bytes }) => bytes?.buffer === buffer.buffer)).toEqual([true, true]);
      expect(calls.every((call) => call.direct)).toBe(true);
    }));

  it('tries memory that looks right once, and never again when the kernel refuses it', () =>
    withFile(MiB, direct, async ({ disk, hooks, calls }) => {
      const bytes = pattern(128 * KiB);
      hooks.push((call) => {
        if (call.bytes?.buffer !== bytes.buffer) return;
        throw new BlockError('EINVAL', 'write', 'the address is odd');
      });
      calls.length = 0;
      await disk.write(0, bytes);
      await disk.write(128 * KiB, bytes);
      const refused = calls.filter((call) => call.bytes?.buffer === bytes.buffer);
      expect(refused.length).toBe(1);
      expect(calls.length).toBe(3);
      const found = new Uint8Array(256 * KiB);
      await disk.read(0, found);
      expect(Buffer.compare(found.subarray(128 * KiB), bytes)).toBe(0);
    }));

  it('bounces other buffers by way of 16 at most', () =>
    withFile(4 * MiB, direct, async ({ disk, hold }) => {
      await disk.write(0, pattern(4 * MiB));
      const held = hold(({ operation }) => operation === 'read');
      const found = Array.from({ length: 40 }, () => new Uint8Array(4096));
      const reads = found.map((into, index) => watch(() => disk.read(index * 4096, into)));
      await settle();
      expect(held.calls.length).toBe(16);
      held.letGo();
      while (disk.inFlight > 0) await settle();
      expect(reads.every(({ state }) => state === 'done')).toBe(true);
      for (const [index, into] of found.entries()) {
        expect(Buffer.compare(into, pattern(4096, 1 + index * 4096))).toBe(0);
      }
    }));

  it('gives its buffers back after a failure', () =>
    withFile(MiB, direct, async ({ disk, hooks }) => {
      hooks.push(({ operation }) => {
        if (operation === 'read') throw new BlockError('EIO', 'read', 'the test wants it');
      });
      for (let times = 0; times < 40; times += 1) {
        await expect(disk.read(0, new Uint8Array(4096))).rejects.toMatchObject({ code: 'EIO' });
      }
      hooks.pop();
      await disk.read(0, new Uint8Array(4096));
    }));

  it('unmaps the tail of a file of odd size', () =>
    withStoredFile(MiB + 513, { ...direct, discard: 'unmap' }, async ({ disk, path }) => {
      await disk.write(0, pattern(MiB + 513));
      await disk.discard(64 * KiB, MiB + 513 - 64 * KiB);
      const found = await readFile(path);
      expect(found.length).toBe(MiB + 513);
      expect(Buffer.compare(found.subarray(0, 64 * KiB), pattern(64 * KiB))).toBe(0);
      expect(isZero(found.subarray(64 * KiB))).toBe(true);
    }));
});

describe('file driver: opening past the page cache', () => {
  const direct = { cache: { direct: true } };

  it('says so when the file system does not have it', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const refused = open(path, direct, (call) => {
        if (call.operation !== 'open' || !call.direct) return;
        throw new BlockError('EINVAL', `open "${path}"`, 'Invalid argument');
      });
      await expect(refused).rejects.toMatchObject({ code: 'EINVAL' });
      await expect(refused).rejects.toThrow(`Cannot open "${path}": its file system does not`);
      expect(openFilesIn(folder) ?? 0).toBe(0);
    }));

  it.skipIf(skipDirect)('does not take two files for one', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const refused = open(path, direct, (call) => {
        if (call.operation !== 'open' || !call.direct) return;
        execFileSync('sh', ['-c', 'mv "$1" "$1.old" && : > "$1"', 'sh', path]);
      });
      await expect(refused).rejects.toMatchObject({ code: 'EBUSY' });
      expect(openFilesIn(folder) ?? 0).toBe(0);
    }),
  );
});

describe('file driver: block devices', async () => {
  const skip = await whyNoLoopDevice();
  const directly = [false, ...(skipDirect ? [] : [true])];

  it.skipIf(skip)(`serves one of odd size${skip ? ` (skipped: ${skip})` : ''}`, async () => {
    for (const direct of directly) {
      await withLoopDevice(MiB + 512, async (device) => {
        const options = { cache: { direct }, discard: 'unmap' };
        const { disk, graph } = await open(device, options);
        expect(disk.size).toBe(MiB + 512);
        expect(await disk.blockStatus(0, disk.size)).toMatchObject({ data: true });
        await disk.write(0, pattern(disk.size));
        await disk.writeZeroes(100, 5000, { mayUnmap: true });
        await disk.discard(MiB, 512);
        await disk.flush();
        await expect(disk.resize(MiB)).rejects.toMatchObject({ code: 'ENOTSUP' });
        await expect(open(device)).rejects.toMatchObject({ code: 'EBUSY' });
        await graph.closeAll();
        const bytes = pattern(MiB + 512).fill(0, 100, 5100);
        expect(Buffer.compare(await readFile(device), bytes)).toBe(0);
      });
    }
  });

  it.skipIf(skip)(`locks one by all its names${skip ? ` (skipped: ${skip})` : ''}`, () =>
    withLoopDevice(MiB, (device) =>
      withFolder(async (folder) => {
        const { rdev } = await stat(device);
        const alias = join(folder, 'device');
        const [major, minor] = [Math.floor(rdev / 256), rdev % 256].map(String);
        execFileSync('mknod', [alias, 'b', major ?? '', minor ?? '']);
        const { graph } = await open(device);
        await expect(open(alias)).rejects.toMatchObject({ code: 'EBUSY' });
        await graph.closeAll();
      }),
    ),
  );
});

interface FileRig {
  readonly disk: BlockNode;
  readonly graph: BlockGraph;
  readonly path: string;
  /** What was asked of files, in order. */
  readonly calls: FileCall[];
  /** Are asked before every call. */
  readonly hooks: FileHook[];
  /** Holds up the calls that `matches` from now on. */
  hold(matches: (call: FileCall) => boolean): Held;
}

interface Held {
  readonly calls: FileCall[];
  letGo(): void;
}

async function open(path: string, options: object = {}, hook: FileHook = () => {}) {
  const real = nodeEnv();
  const graph = new BlockGraph({ ...real, files: hookedFiles(real.files, hook) }, drivers);
  const disk = await graph.open({ driver: 'file', filename: path, ...options });
  return { graph, disk };
}

function withFile(size: number, options: object, body: (rig: FileRig) => Promise<void>) {
  return withFolder(async (folder) => runRig(await makeFile(folder, 'disk', size), options, body));
}

function withStoredFile(size: number, options: object, body: (rig: FileRig) => Promise<void>) {
  return withFolder(async (folder) =>
    runRig(await makeStoredFile(folder, 'disk', size), options, body),
  );
}

async function runRig(path: string, options: object, body: (rig: FileRig) => Promise<void>) {
  const calls: FileCall[] = [];
  const hooks: FileHook[] = [];
  const { disk, graph } = await open(path, options, async (call) => {
    calls.push(call);
    for (const hook of hooks) await hook(call);
  });
  const hold = (matches: (call: FileCall) => boolean): Held => {
    const gate = deferred();
    const held: FileCall[] = [];
    hooks.push((call) => {
      if (!matches(call)) return undefined;
      held.push(call);
      return gate.promise;
    });
    return { calls: held, letGo: () => gate.resolve() };
  };
  try {
    await body({ disk, graph, path, calls, hooks, hold });
  } finally {
    hooks.length = 0;
    await graph.closeAll();
  }
}

/** A file of zeroes that takes storage. */
async function makeStoredFile(folder: string, name: string, size: number): Promise<string> {
  const path = join(folder, name);
  const file = await openFile(path, 'wx');
  await file.writeFile(new Uint8Array(size));
  await file.sync();
  await file.close();
  return path;
}
