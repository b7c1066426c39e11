import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withTwoImages } from '../../src/cli/images.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { openDisk } from '../../src/index.ts';
import { Machine } from '../../src/machine/machine.ts';
import { readAll } from '../contract/driver-model.ts';
import { pattern } from '../support/drivers.ts';
import { openFilesIn, withFolder } from '../support/temporary.ts';

function inFolder(body: (left: string, right: string, folder: string) => Promise<void>) {
  return withFolder(async (folder) => {
    const [left, right] = [join(folder, 'left'), join(folder, 'right')];
    await writeFile(left, pattern(700));
    await writeFile(right, pattern(4096));
    await body(left, right, folder);
  });
}

/** Exports an image for reading. */
async function serve(image: string, path: string) {
  const machine = new Machine(nodeEnv());
  const options = { driver: 'file', filename: image, 'node-name': 'disk', 'read-only': true };
  await machine.graph.open(options);
  await machine.exports.start({ address: { type: 'unix', path } });
  machine.exports.add({ id: 'export', nodeName: 'disk' });
  const uri = `nbd+unix:///disk?socket=${path}`;
  return { uri, [Symbol.asyncDispose]: () => machine.close() };
}

describe('withTwoImages()', () => {
  it('opens both as they are, to the byte, and for reading only', () =>
    inFolder(async (left, right) => {
      const sizes = await withTwoImages(nodeEnv(), { left, right }, async (a, b) => {
        await expect((async () => a.write(0, new Uint8Array(1)))()).rejects.toThrow();
        return [a.size, b.size];
      });
      expect(sizes).toEqual([700, 4096]);
    }));

  it('opens exports of NBD servers', () =>
    inFolder(async (left, _, folder) => {
      await using server = await serve(left, join(folder, 'socket'));
      const images = { left: server.uri, right: `file:${left}` };
      const found = await withTwoImages(nodeEnv(), images, async (...nodes) => {
        return Promise.all(nodes.map(readAll));
      });
      expect(found).toEqual([pattern(700), pattern(700)]);
    }));

  it('closes both, however it ends', () =>
    inFolder(async (left, right, folder) => {
      const failing = withTwoImages(nodeEnv(), { left, right }, async () => {
        throw new Error('enough');
      });
      await expect(failing).rejects.toThrow('enough');
      expect(openFilesIn(folder) ?? 0).toBe(0);
      const missing = withTwoImages(nodeEnv(), { left, right: `${right}x` }, async () => {});
      await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
      expect(openFilesIn(folder) ?? 0).toBe(0);
    }));

  it('refuses one that somebody writes to', () =>
    inFolder(async (left, right) => {
      await using _ = await openDisk(right);
      const reading = withTwoImages(nodeEnv(), { left, right }, async () => {});
      await expect(reading).rejects.toMatchObject({ code: 'EBUSY' });
    }));
});
