import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine } from '../../src/machine/machine.ts';
import { type ImageFile, openImage } from '../../src/machine/open-image.ts';
import { makeFile, withFolder } from '../support/temporary.ts';

/** Opens an image in a machine of its own. @returns Its nodes, the top one first, and warnings. */
async function opened(image: ImageFile) {
  const warnings: string[] = [];
  const onWarning = (text: string) => void warnings.push(text);
  const machine = new Machine(nodeEnv(), {}, { onWarning });
  try {
    const { name } = await openImage(machine, image);
    const drivers = machine.graph.nodes.map(({ options }) => options.driver).reverse();
    return { warnings, drivers, name, nodes: machine.graph.nodes };
  } finally {
    await machine.close();
  }
}

describe('openImage()', () => {
  it('opens a file in the format that it is said to have, without a word', async () => {
    await withFolder(async (folder) => {
      const filename = await makeFile(folder, 'a.img', 1024);
      const { warnings, drivers } = await opened({ filename, format: 'raw' });
      expect([drivers, warnings]).toEqual([['raw', 'file'], []]);
    });
  });

  it('takes an image for raw that looks like nothing else, and warns of that', async () => {
    await withFolder(async (folder) => {
      const filename = await makeFile(folder, 'a.img', 1024);
      const { warnings, drivers } = await opened({ filename });
      expect(drivers).toEqual(['raw', 'file']);
      expect(warnings).toEqual([
        `WARNING: Image format was not specified for '${filename}' and probing guessed raw.
         Automatically detecting the format is dangerous for raw images, \
write operations on block 0 will be restricted.
         Specify the 'raw' format explicitly to remove the restrictions.`,
      ]);
    });
  });

  it('refuses an image of a format that there is not here', async () => {
    await withFolder(async (folder) => {
      const filename = join(folder, 'a.qcow2');
      await writeFile(filename, Uint8Array.from([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]));
      await expect(opened({ filename })).rejects.toThrow("Unknown driver 'qcow2'");
    });
  });

  it('gives options to the node and to that below it', async () => {
    await withFolder(async (folder) => {
      const filename = await makeFile(folder, 'a.img', 2048);
      const file = { 'node-name': 'below' };
      const options = { 'node-name': 'top', size: '512', file };
      const { nodes } = await opened({ filename, format: 'raw', options });
      expect(nodes.map(({ name, size }) => [name, size])).toEqual([
        ['below', 2048],
        ['top', 512],
      ]);
    });
  });

  it('puts the file below all nodes that are raw', async () => {
    await withFolder(async (folder) => {
      const filename = await makeFile(folder, 'a.img', 2048);
      const options = { size: '512', file: { driver: 'raw', size: '1024' } };
      const { nodes, drivers } = await opened({ filename, format: 'raw', options });
      expect(drivers).toEqual(['raw', 'raw', 'file']);
      expect(nodes.map(({ size }) => size).reverse()).toEqual([512, 1024, 2048]);
    });
  });

  it('opens what needs no file, and options in the place of a name', async () => {
    expect((await opened({ format: 'null-co' })).drivers).toEqual(['null-co']);
    const filename = 'json:{"driver": "null-co", "size": 512}';
    expect((await opened({ filename })).drivers).toEqual(['null-co']);
    expect((await opened({ filename: 'null-co://', format: 'raw' })).drivers).toEqual([
      'raw',
      'null-co',
    ]);
  });

  // What qemu-system-x86_64 7.2 says.
  it.each<[ImageFile, string]>([
    [{ filename: '/x', format: 'bar' }, "Unknown driver 'bar'"],
    [{ options: { 'node-name': 'x' } }, 'Must specify either driver or file'],
    [{ format: 'raw' }, 'A block device must be specified for "file"'],
    [
      { filename: '/x', format: 'raw', options: { foo: '1' } },
      "Block format 'raw' does not support the option 'foo'",
    ],
    [
      { filename: '/x', format: 'raw', options: { file: { foo: '1' } } },
      "Block protocol 'file' doesn't support the option 'foo'",
    ],
    [
      { filename: '/x', options: { file: { filename: '/y' } } },
      "Can't specify 'file' and 'filename' options at the same time",
    ],
    [
      { filename: '/x', format: 'raw', options: { driver: 'raw' } },
      "Cannot specify both 'driver' and 'format'",
    ],
    [
      { filename: '/x', format: 'raw', options: { backing: 'n' } },
      "Driver doesn't support backing files",
    ],
    [
      { filename: '/x', format: 'null-co' },
      "The only allowed filename for this driver is 'null-co://'",
    ],
  ])('refuses %j', async (image, reason) => {
    await expect(opened(image)).rejects.toThrow(expect.objectContaining({ reason }));
  });
});
