import { rename, stat, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import type { BlockGraph } from '../../src/block/graph.ts';
import { BlockGraph as Graph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { type FileRig, withFileDisk, withStoredFileDisk } from '../support/file-rig.ts';
import { openFilesIn, whyNotDirect } from '../support/temporary.ts';

const KiB = 1024;
const SIZE = 64 * KiB;
const NAMED = { 'node-name': 'disk' };
const READING = { 'read-only': true };
const DIRECT = { cache: { direct: true } };

const skipDirect = await whyNotDirect();

const reopen = ({ graph, path }: FileRig, more: object = {}) =>
  graph.reopen([{ driver: 'file', filename: path, ...NAMED, ...more }]);

/** Whether another may write to the file meanwhile. */
async function isFree(path: string): Promise<boolean> {
  const graph: BlockGraph = new Graph(nodeEnv(), drivers);
  try {
    await graph.close(await graph.open({ driver: 'file', filename: path }));
    return true;
  } catch (error) {
    if (error instanceof BlockError && error.code === 'EBUSY') return false;
    throw error;
  }
}

describe('reopening a file', () => {
  it('opens it once more for other access, and only then', () =>
    withStoredFileDisk(SIZE, NAMED, async (rig) => {
      const opens = () => rig.calls.filter(({ operation }) => operation === 'open').length;
      const before = opens();
      await reopen(rig, { discard: 'unmap', 'detect-zeroes': 'on', cache: { 'no-flush': true } });
      expect(opens()).toBe(before);
      await reopen(rig, READING);
      expect(opens()).toBe(before + 1);
      expect(openFilesIn(rig.path.replace(/\/[^/]*$/, '')) ?? 1).toBe(1);
    }));

  it('gives up the lock with the right to write, and takes it again', () =>
    withFileDisk(SIZE, NAMED, async (rig) => {
      expect(await isFree(rig.path)).toBe(false);
      await reopen(rig, READING);
      expect(await isFree(rig.path)).toBe(true);
      await reopen(rig);
      expect(await isFree(rig.path)).toBe(false);
      await reopen(rig, { cache: { 'no-flush': true } });
      expect(await isFree(rig.path)).toBe(false);
    }));

  it('leaves it read-only while another writes to it', () =>
    withFileDisk(SIZE, { ...NAMED, ...READING }, async (rig) => {
      const other = new Graph(nodeEnv(), drivers);
      const writer = await other.open({ driver: 'file', filename: rig.path });
      await expect(reopen(rig)).rejects.toMatchObject({ code: 'EBUSY' });
      await rig.disk.read(0, new Uint8Array(SIZE));
      expect(rig.disk.options.readOnly).toBe(true);
      await other.close(writer);
      await reopen(rig);
      await rig.disk.write(0, new Uint8Array(SIZE));
    }));

  it('goes on with the file and the lock that it has when another node fails', () =>
    withFileDisk(SIZE, NAMED, async (rig) => {
      await rig.graph.open({ driver: 'null-co', 'node-name': 'null' });
      const wrong = { driver: 'null-co', 'node-name': 'null', size: 1 };
      const reading = { driver: 'file', filename: rig.path, ...NAMED, ...READING };
      await expect(rig.graph.reopen([reading, wrong])).rejects.toThrow("'size'");
      expect(await isFree(rig.path)).toBe(false);
      await rig.disk.write(0, new Uint8Array(SIZE).fill(1));
      const closed = rig.calls.filter(({ operation }) => operation === 'close');
      expect(closed).toHaveLength(1);
    }));

  it('knows no holes any more once others could write to it', () =>
    withFileDisk(SIZE, NAMED, async (rig) => {
      const status = () => rig.disk.blockStatus(0, SIZE);
      expect(await status()).toMatchObject({ zero: true });
      await reopen(rig, { cache: { 'no-flush': true } });
      expect(await status()).toMatchObject({ zero: true });
      await reopen(rig, READING);
      expect(await status()).toMatchObject({ data: true });
      await writeFile(rig.path, new Uint8Array(SIZE).fill(1));
      await reopen(rig);
      expect(await status()).toMatchObject({ data: true });
    }));

  it.skipIf(skipDirect)(
    'keeps the lock, and what it knows of holes, where it goes on writing',
    () =>
      withFileDisk(2 * SIZE, NAMED, async (rig) => {
        await rig.disk.write(0, new Uint8Array(SIZE).fill(1));
        await reopen(rig, DIRECT);
        expect(await isFree(rig.path)).toBe(false);
        expect(await rig.disk.blockStatus(0, SIZE)).toMatchObject({ data: true });
        expect(await rig.disk.blockStatus(SIZE, SIZE)).toMatchObject({ zero: true });
      }),
  );

  it('takes on the size that others have given it', () =>
    withFileDisk(SIZE, { ...NAMED, ...READING }, async (rig) => {
      await truncate(rig.path, 2 * SIZE);
      await reopen(rig);
      expect(rig.disk.size).toBe(2 * SIZE);
    }));

  it('refuses another file that has got its name', () =>
    withFileDisk(SIZE, NAMED, async (rig) => {
      await rename(rig.path, `${rig.path}.old`);
      await writeFile(rig.path, 'another');
      await expect(reopen(rig, READING)).rejects.toThrow('another file has this name');
      await rig.disk.write(0, new Uint8Array(SIZE).fill(1));
      expect((await stat(rig.path)).size).toBe('another'.length);
      expect(await isFree(`${rig.path}.old`)).toBe(false);
    }));

  it('flushes, or does not, as it is told', () =>
    withStoredFileDisk(SIZE, NAMED, async (rig) => {
      await reopen(rig, { cache: { 'no-flush': true } });
      rig.calls.length = 0;
      await rig.disk.flush();
      expect(rig.calls).toEqual([]);
      await reopen(rig);
      await rig.disk.flush();
      expect(rig.calls.at(-1)).toMatchObject({ operation: 'sync' });
    }));

  it.skipIf(skipDirect)('goes past the page cache, and back', () =>
    withStoredFileDisk(SIZE, NAMED, async (rig) => {
      await rig.disk.write(0, new Uint8Array(SIZE).fill(1));
      await reopen(rig, DIRECT);
      expect(rig.disk.limits.alignment).toBe(4096);
      await rig.disk.write(512, new Uint8Array(512).fill(2));
      await reopen(rig);
      expect(rig.disk.limits.alignment).toBe(1);
      const bytes = new Uint8Array(1536);
      await rig.disk.read(0, bytes);
      expect([bytes[511], bytes[512], bytes[1023], bytes[1024]]).toEqual([1, 2, 2, 1]);
    }),
  );

  it('opens it for reading where it may not write and that will do', () =>
    withStoredFileDisk(SIZE, { ...NAMED, ...READING }, async (rig) => {
      rig.hooks.push(({ operation }) => {
        const isAgain = rig.calls.filter((call) => call.operation === 'open').length === 2;
        if (operation === 'open' && isAgain) throw new BlockError('EACCES', 'open it', 'no');
      });
      await expect(reopen(rig)).rejects.toMatchObject({ code: 'EACCES' });
      rig.calls.length = 1;
      await reopen(rig, { 'auto-read-only': true });
      expect(rig.disk.options.readOnly).toBe(true);
    }));
});
