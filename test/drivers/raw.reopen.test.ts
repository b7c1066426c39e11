import { describe, expect, it } from 'vitest';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';

const KiB = 1024;

const memory = (name: string, size: number) => ({ driver: 'memory', 'node-name': name, size });
const raw = (more: object = {}) => ({ driver: 'raw', 'node-name': 'raw', file: 'a', ...more });

async function open(options = raw()) {
  const graph = new BlockGraph(nodeEnv(), drivers);
  const a = await graph.open(memory('a', 8 * KiB));
  const b = await graph.open(memory('b', 4 * KiB));
  await a.write(0, new Uint8Array(8 * KiB).fill(1));
  await b.write(0, new Uint8Array(4 * KiB).fill(2));
  return { graph, a, b, disk: await graph.open(options) };
}

describe('reopening a raw disk', () => {
  it('moves it over the node below, or to another one', async () => {
    const { graph, a, b, disk } = await open();
    await graph.reopen([raw({ offset: KiB, size: 2 * KiB })]);
    expect(disk.size).toBe(2 * KiB);
    await disk.write(0, new Uint8Array(512).fill(3));
    const found = new Uint8Array(512);
    await a.read(KiB, found);
    expect(found).toEqual(new Uint8Array(512).fill(3));
    await graph.reopen([raw({ file: 'b' })]);
    expect(disk.size).toBe(4 * KiB);
    await disk.read(0, found);
    expect(found).toEqual(new Uint8Array(512).fill(2));
    await disk.resize(8 * KiB);
    expect(b.size).toBe(8 * KiB);
  });

  it.each([
    [{ offset: -1 }, "Parameter 'offset' expects"],
    [{ offset: 9 * KiB }, 'Offset (9216) cannot be greater'],
    [{ size: 513 }, 'Specified size is not multiple of 512'],
    [{ file: 'b', size: 8 * KiB }, 'The sum of offset (0) and size (8192)'],
  ])('refuses what does not lie within it: %j', async (more, reason) => {
    const { graph, a, disk } = await open();
    await expect(graph.reopen([raw(more)])).rejects.toThrow(reason);
    expect([disk.size, disk.children]).toEqual([8 * KiB, [a]]);
  });

  it('is as large as the node below will be that is reopened with it', async () => {
    const { graph, disk } = await open();
    const top = { driver: 'raw', 'node-name': 'top', file: 'raw' };
    const over = await graph.open(top);
    for (const order of [0, 1]) {
      const size = (order + 1) * KiB;
      const both = [top, raw({ size })];
      await graph.reopen(order === 0 ? both : both.reverse());
      expect([disk.size, over.size]).toEqual([size, size]);
    }
  });

  it('is moved with the node below, though it relies on its size', async () => {
    const { graph, disk } = await open();
    const top = { driver: 'raw', 'node-name': 'top', file: 'raw', offset: KiB };
    const over = await graph.open(top);
    await expect(graph.reopen([raw({ size: 4 * KiB })])).rejects.toMatchObject({ code: 'EBUSY' });
    await graph.reopen([raw({ size: 4 * KiB }), { ...top, offset: 2 * KiB }]);
    expect([disk.size, over.size]).toEqual([4 * KiB, 2 * KiB]);
    const both = [raw({ size: KiB }), { ...top, offset: 2 * KiB }];
    await expect(graph.reopen(both)).rejects.toThrow('Offset (2048) cannot be greater');
    expect([disk.size, over.size]).toEqual([4 * KiB, 2 * KiB]);
  });

  it('of a part keeps others from resizing the node below, but not itself', async () => {
    const { graph, a, disk } = await open(raw({ offset: KiB }));
    await expect(a.resize(16 * KiB)).rejects.toThrow("and unshared by node 'raw'");
    await disk.resize(9 * KiB);
    expect(a.size).toBe(10 * KiB);
    await graph.reopen([raw({ size: KiB })]);
    await expect(a.resize(16 * KiB)).rejects.toMatchObject({ code: 'EBUSY' });
    await graph.reopen([raw()]);
    await a.resize(16 * KiB);
  });
});
