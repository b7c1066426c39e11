import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DIRECT_ALIGNMENT } from '../../src/env/files.ts';
import { nodeFiles } from '../../src/env/node-files.ts';
import { pattern } from '../support/drivers.ts';
import {
  makeFile,
  openFilesIn,
  whyNoLoopDevice,
  whyNotDirect,
  withFolder,
  withLoopDevice,
} from '../support/temporary.ts';

const MiB = 1024 * 1024;
/** Some megabytes, of which one call gives at most 4 KiB. */
const MEAGRE_FILE = '/proc/kallsyms';
const SYSFS_FILE = '/sys/kernel/mm/transparent_hugepage/enabled';

describe('files of Node', () => {
  it('know what they are wherever the process has gone', () =>
    withFolder(async (folder) => {
      await makeFile(folder, 'file', 512);
      const before = process.cwd();
      process.chdir(folder);
      try {
        const file = await nodeFiles.open('file', { access: 'read-write' });
        const status = await file.status();
        process.chdir('/');
        expect(status).toMatchObject({ size: 512, writable: true });
        expect(await file.status()).toEqual(status);
        await file.close();
      } finally {
        process.chdir(before);
      }
    }));

  it('reads and writes at places, many at a time', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'file', 0);
      const file = await nodeFiles.open(path, { access: 'read-write' });
      const bytes = pattern(MiB);
      const pieces = Array.from({ length: 100 }, (_, index) => index * 10_000);
      await Promise.all(
        pieces.map((at) => file.write(at, bytes.subarray(at, Math.min(at + 10_000, MiB)))),
      );
      const found = new Uint8Array(MiB);
      await Promise.all(
        pieces.map((at) => file.read(at, found.subarray(at, Math.min(at + 10_000, MiB)))),
      );
      const end = 100 * 10_000;
      expect(Buffer.compare(found.subarray(0, end), bytes.subarray(0, end))).toBe(0);
      await file.sync();
      await file.close();
      expect(openFilesIn(folder) ?? 0).toBe(0);
    }));

  it('comes short of a read only at the end of the file', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'file', 1000);
      const file = await nodeFiles.open(path, { access: 'read' });
      const read = (offset: number, length: number) => file.read(offset, new Uint8Array(length));
      expect(await read(0, 1000)).toBe(1000);
      expect(await read(900, 200)).toBe(100);
      expect(await read(1000, 10)).toBe(0);
      expect(await read(5000, 10)).toBe(0);
      expect(await read(0, 0)).toBe(0);
      await file.close();
    }));

  it.skipIf(!existsSync(MEAGRE_FILE))(
    'goes on reading where the system gives a page at a time',
    async () => {
      const file = await nodeFiles.open(MEAGRE_FILE, { access: 'read' });
      const found = new Uint8Array(100_000);
      expect(await file.read(10, found)).toBe(100_000);
      const whole = await readFile(MEAGRE_FILE);
      expect(Buffer.compare(found, whole.subarray(10, 100_010))).toBe(0);
      await file.close();
    },
  );

  it('says what could not be done to which file', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'file', 1000);
      const missing = join(folder, 'missing');
      await expect(nodeFiles.open(missing, { access: 'read' })).rejects.toMatchObject({
        code: 'ENOENT',
        message: `Cannot open "${missing}": No such file or directory`,
      });
      await expect(nodeFiles.open(folder, { access: 'read-write' })).rejects.toMatchObject({
        code: 'EISDIR',
      });
      const file = await nodeFiles.open(path, { access: 'read' });
      const write = async () => file.write(3, new Uint8Array(5));
      await expect(write()).rejects.toThrow(`Cannot write 5 bytes at 3 of "${path}"`);
      await expect(file.truncate(3)).rejects.toThrow(`Cannot set the size of "${path}"`);
      await file.close();
    }));

  it('makes a file only where there is none', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'new');
      const options = { access: 'read-write', create: true } as const;
      await (await nodeFiles.open(path, options)).close();
      await expect(nodeFiles.open(path, options)).rejects.toMatchObject({ code: 'EEXIST' });
    }));

  it('sets sizes, whose zeroes take no storage', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'file', 0);
      const file = await nodeFiles.open(path, { access: 'read-write' });
      await file.write(0, pattern(8192));
      await file.truncate(100);
      await file.truncate(1024 * MiB);
      const found = new Uint8Array(8192);
      await file.read(0, found);
      expect(found.lastIndexOf(pattern(100)[99] ?? 0)).toBe(99);
      const status = await file.status();
      expect(status.size).toBe(1024 * MiB);
      expect(status.allocated).toBeLessThan(MiB);
      await file.close();
    }));

  it('tells what there is under a name', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'file', 1000);
      const alias = join(folder, 'alias');
      await symlink(path, alias);
      await mkdir(join(folder, 'inner'));
      const status = await nodeFiles.status(path);
      expect(status).toMatchObject({ kind: 'regular', size: 1000, allocated: 0, writable: true });
      expect(await nodeFiles.status(alias)).toEqual(status);
      expect(await nodeFiles.status(join(folder, 'inner'))).toMatchObject({ kind: 'directory' });
      expect(await nodeFiles.status(join(folder, 'missing'))).toBeUndefined();
      expect(await nodeFiles.status(join(path, 'below'))).toBeUndefined();
      expect(await nodeFiles.status('/dev/null')).toMatchObject({ kind: 'other' });
      await chmod(path, 0o400);
      const isRoot = process.getuid?.() === 0;
      expect(await nodeFiles.status(path)).toMatchObject({ writable: isRoot });
      await writeFile(join(folder, 'stored'), 'x');
      const stored = await nodeFiles.status(join(folder, 'stored'));
      expect(stored?.allocated).toBeGreaterThan(0);
    }));

  it.skipIf(!existsSync(SYSFS_FILE))(
    'does not call a file a hole because its file system keeps no account of storage',
    async () => {
      const found = await stat(SYSFS_FILE);
      expect(found.blocks).toBe(0);
      expect(found.size).toBeGreaterThan(0);
      expect(await nodeFiles.status(SYSFS_FILE)).toMatchObject({ allocated: found.size });
    },
  );

  it('gives a file a free name, and no other', () =>
    withFolder(async (folder) => {
      const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, name));
      if (!a || !b || !c) throw new Error('three names');
      await writeFile(a, 'one');
      await writeFile(b, 'two');
      await expect(nodeFiles.rename(a, b)).rejects.toMatchObject({ code: 'EEXIST' });
      await nodeFiles.rename(a, c);
      expect(await readFile(c, 'utf8')).toBe('one');
      expect(existsSync(a)).toBe(false);
      await nodeFiles.remove(c);
      expect(existsSync(c)).toBe(false);
      await expect(nodeFiles.remove(c)).rejects.toMatchObject({ code: 'ENOENT' });
    }));
});

describe('files of Node past the page cache', async () => {
  const skip = await whyNotDirect();

  it('gives buffers of any length, rounded up', () => {
    for (const length of [1, DIRECT_ALIGNMENT, 70_000, 5 * MiB]) {
      const buffer = nodeFiles.directBuffer(length);
      expect(buffer.length).toBe(Math.ceil(length / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT);
      expect(buffer.byteOffset).toBe(0);
    }
  });

  it.skipIf(skip)(`reads and writes with such a buffer${skip ? ` (skipped: ${skip})` : ''}`, () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'file', 3 * DIRECT_ALIGNMENT);
      const file = await nodeFiles.open(path, { access: 'read-write', direct: true });
      const buffer = nodeFiles.directBuffer(2 * DIRECT_ALIGNMENT);
      buffer.set(pattern(buffer.length));
      await file.write(DIRECT_ALIGNMENT, buffer);
      buffer.fill(0);
      await file.read(DIRECT_ALIGNMENT, buffer);
      expect(Buffer.compare(buffer, pattern(buffer.length))).toBe(0);
      await truncate(path, 2 * DIRECT_ALIGNMENT);
      expect(await file.read(DIRECT_ALIGNMENT, buffer)).toBe(DIRECT_ALIGNMENT);
      await file.close();
    }),
  );
});

describe('block devices', async () => {
  const skip = await whyNoLoopDevice();

  it.skipIf(skip)(`have a capacity${skip ? ` (skipped: ${skip})` : ''}`, () =>
    withLoopDevice(MiB + 512, async (device) => {
      expect(await nodeFiles.status(device)).toMatchObject({ kind: 'block', size: MiB + 512 });
      const file = await nodeFiles.open(device, { access: 'read' });
      expect(await file.status()).toEqual(await nodeFiles.status(device));
      await file.close();
    }),
  );
});
