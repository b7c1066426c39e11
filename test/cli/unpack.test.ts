import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { withUnpacked } from '../../src/cli/unpack.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { pattern } from '../support/drivers.ts';
import { FakeIo } from '../support/fake-io.ts';
import { hookedFiles } from '../support/hooked-files.ts';
import { withFolder } from '../support/temporary.ts';

const KiB = 1024;

describe('withUnpacked()', () => {
  it('gives an image that is not compressed as it is', async () => {
    const io = new FakeIo();
    const image = await withUnpacked('some/disk.img', io, async (given) => given);
    expect(image).toEqual({ path: 'some/disk.img', name: 'some/disk.img' });
  });

  it.each([0, 1, 65_536, 65_537, 1_000_000])('gives all %d bytes of one that is', (size) =>
    withFolder(async (folder) => {
      const packed = join(folder, 'disk.img.gz');
      writeFileSync(packed, gzipSync(pattern(size)));
      await withUnpacked(packed, new FakeIo(), async ({ path, name }) => {
        expect(name).toBe(`${packed} (unpacked)`);
        expect(Buffer.compare(readFileSync(path), pattern(size))).toBe(0);
      });
    }),
  );

  it('leaves holes where it is zero, at the end too', () =>
    withFolder(async (folder) => {
      const packed = join(folder, 'disk.img.gz');
      const bytes = new Uint8Array(1024 * KiB);
      bytes[512 * KiB] = 1;
      writeFileSync(packed, gzipSync(bytes));
      await withUnpacked(packed, new FakeIo(), async ({ path }) => {
        expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
        const { size, blocks } = statSync(path);
        expect(size).toBe(1024 * KiB);
        expect(blocks * 512).toBeLessThanOrEqual(128 * KiB);
      });
    }));

  it('removes what it has unpacked, also after an error', () =>
    withFolder(async (folder) => {
      const packed = join(folder, 'disk.img.gz');
      writeFileSync(packed, gzipSync(pattern(1000)));
      const io = new FakeIo();
      let image = '';
      const failing = withUnpacked(packed, io, async ({ path }) => {
        image = path;
        throw new Error('enough');
      });
      await expect(failing).rejects.toThrow('enough');
      expect([existsSync(image), existsSync(dirname(image))]).toEqual([false, false]);
      expect(io.cleaners.size).toBe(0);
    }));

  it('lets it be removed when the process ends before', () =>
    withFolder(async (folder) => {
      const packed = join(folder, 'disk.img.gz');
      writeFileSync(packed, gzipSync(pattern(1000)));
      const io = new FakeIo();
      await withUnpacked(packed, io, async ({ path }) => {
        for (const clean of io.cleaners) clean();
        expect(existsSync(dirname(path))).toBe(false);
      });
    }));

  it.each([
    ['text.gz', (path: string) => writeFileSync(path, 'hello'), 'it is no gzip file'],
    [
      'cut.gz',
      (path: string) => writeFileSync(path, gzipSync(pattern(100_000)).subarray(0, -10)),
      'it is no gzip file: unexpected end of file',
    ],
    ['folder.gz', (path: string) => mkdirSync(path), 'Is a directory'],
    ['missing.gz', () => {}, 'No such file or directory'],
  ])('names %s, which cannot be unpacked, and leaves nothing', (name, make, reason) =>
    withFolder(async (folder) => {
      const packed = join(folder, name);
      make(packed);
      const made: string[] = [];
      const files = hookedFiles(nodeEnv().files, ({ path }) => void made.push(path));
      const unpacking = withUnpacked(packed, new FakeIo({ env: { files } }), async () => {});
      await expect(unpacking).rejects.toThrow(`Cannot unpack "${packed}": ${reason}`);
      expect(made.filter((path) => existsSync(path))).toEqual([]);
    }),
  );

  it('fails when the disk is full, and leaves nothing', () =>
    withFolder(async (folder) => {
      const packed = join(folder, 'disk.img.gz');
      writeFileSync(packed, gzipSync(pattern(200 * KiB)));
      let image = '';
      const files = hookedFiles(nodeEnv().files, ({ operation, path, offset }) => {
        image = path;
        if (operation === 'write' && offset > 0) {
          throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
        }
      });
      const unpacking = withUnpacked(packed, new FakeIo({ env: { files } }), async () => {});
      await expect(unpacking).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(existsSync(dirname(image))).toBe(false);
    }));
});
