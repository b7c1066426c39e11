import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Disk, openDisk } from '../../src/machine/disk.ts';
import type { ServedDisk } from '../../src/machine/served-disk.ts';
import { pattern } from '../support/drivers.ts';
import { withFolder } from '../support/temporary.ts';

const SIZE = 256 * 1024;
const SECTOR = new Uint8Array(512).fill(7);

interface Place {
  readonly disk: Disk;
  readonly target: string;
  serve(): Promise<ServedDisk>;
}

/** Runs `body` with a disk in a file. */
function withDisk(body: (place: Place) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const image = join(folder, 'disk.img');
    await writeFile(image, pattern(SIZE));
    await using disk = await openDisk(image);
    const address = { type: 'unix', path: join(folder, 'nbd.sock') } as const;
    await body({ disk, target: join(folder, 'copy.img'), serve: () => disk.serve({ address }) });
  });
}

const refusal = (code: string) => expect.objectContaining({ code });

describe('a disk that is served', () => {
  it('is shared by its clients and whoever has the disk', () =>
    withDisk(async ({ disk, serve }) => {
      const served = await serve();
      await using client = await openDisk(served.uri);
      await client.write(0, SECTOR);
      expect(await disk.read(0, 512)).toEqual(SECTOR);
      await disk.write(512, SECTOR);
      expect(await client.read(512, 512)).toEqual(SECTOR);
      expect(served.statistics()).toMatchObject({ connections: 1, write: { requests: 1 } });
    }));

  it('is served at one place at a time', () =>
    withDisk(async ({ serve }) => {
      const first = await serve();
      await expect(serve()).rejects.toThrow(refusal('EBUSY'));
      await first.close();
      await first.closed;
      await using second = await serve();
      await using client = await openDisk(second.uri);
      expect(client.size).toBe(SIZE);
    }));

  it('is served no more when the disk is closed', () =>
    withDisk(async ({ disk, serve }) => {
      const { uri } = await serve();
      await disk.close();
      await expect(openDisk(uri)).rejects.toThrow(refusal('ENOENT'));
    }));

  it('can be served while a mirror is at work, which misses no write of its clients', () =>
    withDisk(async ({ disk, target, serve }) => {
      const mirror = await disk.mirror(target, { copyMode: 'write-blocking' });
      await mirror.ready;
      await using served = await serve();
      await using client = await openDisk(served.uri);
      for (let at = 0; at < SIZE; at += 4096) {
        await client.write(at, SECTOR);
        // In this mode both disks have it when the guest learns of it.
        expect(readFileSync(target).subarray(at, at + 512)).toEqual(Buffer.from(SECTOR));
      }
      await mirror.switch();
      await client.write(512, SECTOR);
      expect(readFileSync(target).subarray(512, 1024)).toEqual(Buffer.from(SECTOR));
    }));

  it('keeps a persistent mirror right that is closed under its clients', () =>
    withDisk(async ({ disk, target, serve }) => {
      const mirror = await disk.mirror(target, { persist: true });
      await mirror.ready;
      const served = await serve();
      const client = await openDisk(served.uri);
      let isOver = false;
      const writing = (async () => {
        for (let at = 0; !isOver; at = (at + 4096) % SIZE) await client.write(at, SECTOR);
      })().catch(() => {});
      await client.flush();
      await disk.close();
      isOver = true;
      await writing;
      await client.close();
      await using again = await openDisk(join(target, '..', 'disk.img'));
      const second = await again.mirror(target, { persist: true });
      expect(second.resumedBytes).toBeLessThanOrEqual(SIZE);
      await second.ready;
      await second.finish();
      const source = readFileSync(join(target, '..', 'disk.img'));
      expect(Buffer.compare(source, readFileSync(target))).toBe(0);
    }));
});
