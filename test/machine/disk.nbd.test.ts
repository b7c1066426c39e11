import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { describeAddress } from '../../src/env/sockets.ts';
import { openDisk } from '../../src/machine/disk.ts';
import { Machine } from '../../src/machine/machine.ts';
import { pattern } from '../support/drivers.ts';
import { withFolder } from '../support/temporary.ts';

const SIZE = 1024 * 1024;

/** Runs `body` with the URI of an export of a disk in memory. */
async function withExport(
  body: (uri: string, folder: string, server: Machine) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const server = new Machine(nodeEnv());
    try {
      await server.graph.open({ driver: 'memory', size: SIZE, 'node-name': 'disk' });
      const path = join(folder, 'socket');
      await server.exports.start({ address: { type: 'unix', path } });
      server.exports.add({ id: 'export', nodeName: 'disk', writable: true });
      await body(`nbd+unix:///disk?socket=${path}`, folder, server);
    } finally {
      await server.close();
    }
  });
}

describe('disk that is an NBD export', () => {
  it('is opened by its URI, and mirrored to a file', () =>
    withExport(async (uri, folder) => {
      await using disk = await openDisk(uri);
      expect(disk.size).toBe(SIZE);
      await disk.write(4096, pattern(8192));
      const copy = join(folder, 'copy');
      const mirror = await disk.mirror(copy);
      await mirror.ready;
      await mirror.finish();
      expect((await stat(copy)).size).toBe(SIZE);
      await using copied = await openDisk(copy);
      expect(Buffer.compare(await copied.read(4096, 8192), pattern(8192))).toBe(0);
    }));

  it('is reached over TCP', async () => {
    const server = new Machine(nodeEnv());
    onTestFinished(() => server.close());
    await server.graph.open({ driver: 'memory', size: SIZE, 'node-name': 'disk' });
    const address = { type: 'inet', host: '127.0.0.1', port: 0 } as const;
    const bound = await server.exports.start({ address });
    server.exports.add({ id: 'export', nodeName: 'disk', writable: true });
    await using disk = await openDisk(`nbd://${describeAddress(bound)}/disk`);
    await disk.write(0, pattern(SIZE));
    expect(Buffer.compare(await disk.read(0, SIZE), pattern(SIZE))).toBe(0);
  });

  it('can be read-only', () =>
    withExport(async (uri) => {
      await using disk = await openDisk(uri, { readOnly: true });
      await expect(disk.write(0, pattern(512))).rejects.toMatchObject({ code: 'EIO' });
    }));

  it('is no file when its URI is escaped', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'nbd:disk');
      await writeFile(path, pattern(512));
      await using disk = await openDisk(`file:${path}`);
      expect(disk.size).toBe(512);
    }));
});

describe('mirror to an NBD export', () => {
  it('needs leave to write over what it may hold', () =>
    withExport(async (uri) => {
      for (const overwrite of [false, true]) {
        await using disk = await openDisk({ driver: 'memory', size: SIZE });
        await disk.write(0, pattern(512, overwrite ? 2 : 1));
        if (overwrite) {
          await expect(disk.mirror(uri)).rejects.toMatchObject({ code: 'EEXIST' });
        }
        const mirror = await disk.mirror(uri, { overwrite });
        await mirror.ready;
        await mirror.switch();
        await disk.write(512, pattern(512, 3));
      }
      await using disk = await openDisk(uri);
      expect(Buffer.compare(await disk.read(0, 512), pattern(512, 2))).toBe(0);
      expect(Buffer.compare(await disk.read(512, 512), pattern(512, 3))).toBe(0);
    }));

  it('is refused when the export is the disk itself, also after a switch', () =>
    withExport(async (uri) => {
      const same = { code: 'EINVAL', reason: 'source and target are the same export' };
      await using disk = await openDisk(uri);
      await expect(disk.mirror(uri, { overwrite: true })).rejects.toMatchObject(same);
      await using other = await openDisk({ driver: 'memory', size: SIZE });
      const mirror = await other.mirror(uri, { overwrite: true });
      await mirror.ready;
      await mirror.switch();
      await expect(other.mirror(uri, { overwrite: true })).rejects.toMatchObject(same);
    }));

  it('leaves no connection when it is refused', () =>
    withExport(async (uri, _, server) => {
      await using disk = await openDisk({ driver: 'memory', size: 2 * SIZE });
      await expect(disk.mirror(uri, { granularity: 3 })).rejects.toMatchObject({ code: 'EINVAL' });
      while ((server.exports.server?.connections ?? 0) > 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }));

  it('cannot go on after a crash', () =>
    withExport(async (uri, folder) => {
      const path = join(folder, 'disk');
      await writeFile(path, pattern(SIZE));
      await using disk = await openDisk(path);
      const persisting = disk.mirror(uri, { persist: true });
      await expect(persisting).rejects.toMatchObject({ code: 'EINVAL' });
    }));
});
