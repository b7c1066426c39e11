import { execFileSync } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { isZero } from '../../src/base/zeroes.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { pattern } from '../support/drivers.ts';
import { openFileDisk, withFileDisk, withStoredFileDisk } from '../support/file-rig.ts';
import { settle, watch } from '../support/settle.ts';
import { makeFile, openFilesIn, whyNotDirect, withFolder } from '../support/temporary.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

const skipDirect = await whyNotDirect();

describe.skipIf(skipDirect)('file past the page cache', () => {
  const direct = { cache: { direct: true } };

  it('sends whole blocks past the page cache, and the odd end of the file by way of it', () =>
    withFileDisk(10_000, direct, async ({ disk, path, calls }) => {
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
    withFileDisk(10_000, direct, async ({ disk, path, calls }) => {
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
    withFileDisk(MiB, direct, async ({ disk, calls }) => {
      const buffer = nodeEnv().files.directBuffer(128 * KiB);
      buffer.set(pattern(128 * KiB));
      calls.length = 0;
      await disk.write(0, buffer);
      await disk.read(0, buffer.subarray(4096, 8192));
      expect(calls.map(({ bytes }) => bytes?.buffer === buffer.buffer)).toEqual([true, true]);
      expect(calls.every((call) => call.direct)).toBe(true);
    }));

  it('tries memory that looks right once, and never again when the kernel refuses it', () =>
    withFileDisk(MiB, direct, async ({ disk, hooks, calls }) => {
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
    withFileDisk(4 * MiB, direct, async ({ disk, hold }) => {
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
    withFileDisk(MiB, direct, async ({ disk, hooks }) => {
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
    withStoredFileDisk(MiB + 513, { ...direct, discard: 'unmap' }, async ({ disk, path }) => {
      await disk.write(0, pattern(MiB + 513));
      await disk.discard(64 * KiB, MiB + 513 - 64 * KiB);
      const found = await readFile(path);
      expect(found.length).toBe(MiB + 513);
      expect(Buffer.compare(found.subarray(0, 64 * KiB), pattern(64 * KiB))).toBe(0);
      expect(isZero(found.subarray(64 * KiB))).toBe(true);
    }));
});

describe('opening a file past the page cache', () => {
  const direct = { cache: { direct: true } };

  it('says so when the file system does not have it', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const refused = openFileDisk(path, direct, (call) => {
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
      const refused = openFileDisk(path, direct, (call) => {
        if (call.operation !== 'open' || !call.direct) return;
        execFileSync('sh', ['-c', 'mv "$1" "$1.old" && : > "$1"', 'sh', path]);
      });
      await expect(refused).rejects.toMatchObject({ code: 'EBUSY' });
      expect(openFilesIn(folder) ?? 0).toBe(0);
    }),
  );
});
