import { describe, expect, it } from 'vitest';
import { DirtyBitmaps } from '../../src/block/dirty-bitmaps.ts';
import { filterOver, nodeOf, pattern, TestDisk } from '../support/drivers.ts';

const SIZE = 256 * 1024;
const refusal = (code: string) => expect.objectContaining({ code });

function rig() {
  return { bitmaps: new DirtyBitmaps(), node: nodeOf(new TestDisk({ size: SIZE })) };
}

describe('dirty bitmaps with names', () => {
  it('mark what changes from when they are added until they are removed', async () => {
    const { bitmaps, node } = rig();
    await node.write(0, pattern(512));
    const bitmap = bitmaps.add(node, { name: 'b0', granularity: 4096 });
    await node.write(8192, pattern(512));
    expect([...bitmap.ranges()]).toEqual([{ offset: 8192, length: 4096 }]);
    expect(bitmaps.of(node)).toEqual(new Map([['b0', bitmap]]));
    bitmaps.remove(node, 'b0');
    await node.write(16_384, pattern(512));
    expect(bitmap.dirtyBytes).toBe(4096);
    expect(bitmaps.of(node).size).toBe(0);
  });

  it('have a granularity of QEMU’s where none is given', () => {
    const { bitmaps, node } = rig();
    expect(bitmaps.add(node, { name: 'b0' }).granularity).toBe(65_536);
    const clustered = (clusterSize: number) =>
      nodeOf(Object.assign(new TestDisk({ size: SIZE }), { clusterSize }));
    expect(bitmaps.add(clustered(512), { name: 'b0' }).granularity).toBe(4096);
    expect(bitmaps.add(clustered(16_384), { name: 'b0' }).granularity).toBe(16_384);
  });

  it('are found on the node, and on those whose bytes it shows', () => {
    const { bitmaps, node } = rig();
    bitmaps.add(node, { name: 'b0' });
    const { node: filter } = filterOver(node, 'filter');
    expect(bitmaps.layerWith(filter, 'b0')).toBe(node);
    expect(() => bitmaps.layerWith(filter, 'b1')).toThrow(refusal('ENOENT'));
    expect(() => bitmaps.remove(filter, 'b0')).toThrow(refusal('ENOENT'));
  });

  it('are not removed while somebody has claimed them', () => {
    const { bitmaps, node } = rig();
    const bitmap = bitmaps.add(node, { name: 'b0' });
    bitmaps.claim(bitmap);
    expect(() => bitmaps.remove(node, 'b0')).toThrow(refusal('EBUSY'));
    bitmaps.giveBack(bitmap);
    bitmaps.remove(node, 'b0');
  });

  it('change their size with the disk, and keep what is dirty', async () => {
    const { bitmaps, node } = rig();
    bitmaps.add(node, { name: 'b0', granularity: 4096 });
    bitmaps.add(node, { name: 'b1', granularity: 4096, isRecording: false });
    await node.write(0, pattern(512));
    await node.write(SIZE - 512, pattern(512));
    await bitmaps.resize(node, SIZE / 2);
    await node.write(SIZE / 2 - 512, pattern(512));
    expect([...bitmaps.get(node, 'b0').ranges()]).toEqual([
      { offset: 0, length: 4096 },
      { offset: SIZE / 2 - 4096, length: 4096 },
    ]);
    expect(bitmaps.get(node, 'b1')).toMatchObject({ size: SIZE / 2, dirtyBytes: 0 });
  });

  it('keep the size of the disk while somebody has claimed one, and go on to record', async () => {
    const { bitmaps, node } = rig();
    const free = bitmaps.add(node, { name: 'b0' });
    const claimed = bitmaps.add(node, { name: 'b1' });
    bitmaps.claim(claimed);
    await expect(bitmaps.resize(node, SIZE / 2)).rejects.toThrow(refusal('EBUSY'));
    expect(node.size).toBe(SIZE);
    expect(node.bitmaps).toEqual(new Set([free, claimed]));
  });

  it.each([
    ['', 65_536, 'EINVAL'],
    ['x'.repeat(1024), 65_536, 'EINVAL'],
    ['b0', 65_536, 'EEXIST'],
    ['b1', 3000, 'EINVAL'],
    ['b1', 256, 'EINVAL'],
    ['b1', 2 ** 32, 'EINVAL'],
  ])('cannot be called %j with a granularity of %i', (name, granularity, code) => {
    const { bitmaps, node } = rig();
    bitmaps.add(node, { name: 'b0' });
    expect(() => bitmaps.add(node, { name, granularity })).toThrow(refusal(code));
    expect(bitmaps.of(node).size).toBe(1);
  });
});
