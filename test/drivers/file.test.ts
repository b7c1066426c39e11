import { execFileSync } from 'node:child_process';
import { link, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { pattern } from '../support/drivers.ts';
import { makeStoredFile, openFileDisk } from '../support/file-rig.ts';
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
        openFileDisk(filename).then(
          () => 'opened',
          (error: BlockError) => error.code,
        );
      expect(await code(folder)).toBe('EISDIR');
      expect(await code(join(folder, 'missing'))).toBe('ENOENT');
      await writeFile(join(folder, 'file'), '');
      const inside = join(folder, 'file', 'inside');
      await expect(openFileDisk(inside)).rejects.toMatchObject({
        code: 'ENOTDIR',
        reason: `Could not open '${inside}': Not a directory`,
      });
      expect(await code(pipe)).toBe('EINVAL');
      expect(await code('/dev/null')).toBe('EINVAL');
      // To open a pipe for reading alone is to wait for somebody who writes.
      const piped = openFileDisk(pipe, { 'read-only': true });
      await expect(piped).rejects.toMatchObject({ code: 'EINVAL' });
      expect(openFilesIn(folder) ?? 0).toBe(0);
    }));

  it('lets only one disk write to a file, under whatever name', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const alias = join(folder, 'alias');
      await link(path, alias);
      const { graph } = await openFileDisk(path);
      for (const name of [path, alias]) {
        for (const readOnly of [false, true]) {
          const refused = openFileDisk(name, { 'read-only': readOnly });
          await expect(refused).rejects.toMatchObject({ code: 'EBUSY' });
          await expect(refused).rejects.toThrow(
            `Cannot open "${name}": it is in use for writing by another process or disk`,
          );
        }
      }
      expect(openFilesIn(folder) ?? 1).toBe(1);
      await graph.closeAll();
      const again = await openFileDisk(alias);
      await again.graph.closeAll();
    }));

  it('lets any number of disks read, also while one that came later writes', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const rigs = await Promise.all(
        Array.from({ length: 5 }, () => openFileDisk(path, { 'read-only': true })),
      );
      rigs.push(await openFileDisk(path));
      await Promise.all(rigs.map(({ graph }) => graph.closeAll()));
    }));

  it('lets disks share a file that do not look at the lock', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk', MiB);
      const one = await openFileDisk(path);
      const other = await openFileDisk(path, { locking: 'off' });
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
        const { graph } = await openFileDisk(path, { cache }, ({ operation }) => {
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
      const { disk, graph } = await openFileDisk(path, { cache }, async ({ operation }) => {
        if (operation === 'lock') await truncate(path, 10_000);
      });
      expect(disk.size).toBe(10_000);
      await disk.write(0, pattern(10_000));
      await graph.closeAll();
      expect(Buffer.compare(await readFile(path), pattern(10_000))).toBe(0);
    }));
});

describe('file driver: block devices', async () => {
  const skip = await whyNoLoopDevice();
  const directly = [false, ...(skipDirect ? [] : [true])];

  it.skipIf(skip)(`serves one of odd size${skip ? ` (skipped: ${skip})` : ''}`, async () => {
    for (const direct of directly) {
      await withLoopDevice(MiB + 512, async (device) => {
        const options = { cache: { direct }, discard: 'unmap' };
        const { disk, graph } = await openFileDisk(device, options);
        expect(disk.size).toBe(MiB + 512);
        expect(await disk.blockStatus(0, disk.size)).toMatchObject({ data: true });
        await disk.write(0, pattern(disk.size));
        await disk.writeZeroes(100, 5000, { mayUnmap: true });
        await disk.discard(MiB, 512);
        await disk.flush();
        await expect(disk.resize(MiB)).rejects.toMatchObject({ code: 'ENOTSUP' });
        await expect(openFileDisk(device)).rejects.toMatchObject({ code: 'EBUSY' });
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
        const { graph } = await openFileDisk(device);
        await expect(openFileDisk(alias)).rejects.toMatchObject({ code: 'EBUSY' });
        await graph.closeAll();
      }),
    ),
  );
});
