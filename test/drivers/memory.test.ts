import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../src/block/edge.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { passThrough } from '../../src/filters/pass-through.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { pattern } from '../support/drivers.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
const PiB = 1024 ** 5;

driverContract({ name: 'memory', options: (size) => ({ driver: 'memory', size }) });

describe('memory driver', () => {
  it('needs a size', async () => {
    const graph = new BlockGraph(nodeEnv(), drivers);
    await expect(graph.open({ driver: 'memory' })).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(graph.open({ driver: 'memory', size: -1 })).rejects.toThrow(/'size'/);
  });

  it('completes every request before it returns', async () => {
    const disk = await openMemory(MiB);
    expect(disk.write(1, new Uint8Array(5000))).toBeUndefined();
    expect(disk.read(1, new Uint8Array(5000))).toBeUndefined();
    expect(disk.flush()).toBeUndefined();
    expect(disk.blockStatus(0, 1)).not.toBeInstanceOf(Promise);
  });

  it('holds a petabyte, at both ends and at places beyond 2^31 pages', async () => {
    const disk = await openMemory(PiB);
    const places = [0, 2 ** 31 - 2, 2 ** 32 - 3, 2 ** 43 + 5, 2 ** 44 - 100, PiB - 5000];
    for (const [index, offset] of places.entries()) {
      await disk.write(offset, new Uint8Array(5000).fill(index + 1));
    }
    for (const [index, offset] of places.entries()) {
      const found = new Uint8Array(5000);
      await disk.read(offset, found);
      expect(
        found.every((byte) => byte === index + 1),
        `at ${offset}`,
      ).toBe(true);
    }
  });

  it('holds the largest disk there can be', async () => {
    const disk = await openMemory(Number.MAX_SAFE_INTEGER);
    await disk.write(disk.size - 10, new Uint8Array(10).fill(9));
    const found = new Uint8Array(11);
    await disk.read(disk.size - 11, found);
    expect([...found]).toEqual([0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
    expect(await disk.blockStatus(0, disk.size)).toMatchObject({ zero: true, data: false });
    await disk.writeZeroes(0, disk.size);
    expect(await disk.blockStatus(0, disk.size)).toMatchObject({ length: disk.size, zero: true });
  });

  it('finds the one page that was written in a petabyte, and the end of a long run', async () => {
    const disk = await openMemory(PiB);
    const page = 600 * 1024 ** 4;
    await disk.write(page + 17, Uint8Array.of(1));
    expect(await disk.blockStatus(5, PiB - 5)).toEqual({
      length: page - 5,
      data: false,
      zero: true,
      allocated: true,
    });
    expect(await disk.blockStatus(page, PiB - page)).toEqual({
      length: 4096,
      data: true,
      zero: false,
      allocated: true,
    });
    await disk.write(0, new Uint8Array(64 * MiB).fill(1));
    expect((await disk.blockStatus(1, PiB - 1)).length).toBe(64 * MiB - 1);
  });

  it('gives back zeroed and discarded pages, over any length', async () => {
    const disk = await openMemory(64 * GiB, 'unmap');
    await disk.writeZeroes(0, 64 * GiB);
    expect(await disk.blockStatus(0, 64 * GiB)).toMatchObject({ length: 64 * GiB, zero: true });
    await disk.write(100, new Uint8Array(32 * MiB).fill(1));
    expect(await disk.blockStatus(0, 64 * GiB)).toMatchObject({ length: 32 * MiB + 4096 });
    await disk.writeZeroes(0, 16 * MiB);
    expect(await disk.blockStatus(0, 64 * GiB)).toMatchObject({ length: 16 * MiB, zero: true });
    await disk.discard(16 * MiB, GiB);
    expect(await disk.blockStatus(0, 64 * GiB)).toMatchObject({ length: 64 * GiB, zero: true });
  });

  it('zeroes the parts of pages that a discard begins and ends in', async () => {
    const disk = await openMemory(MiB, 'unmap');
    await disk.write(0, new Uint8Array(MiB).fill(7));
    await disk.discard(100, 20_000);
    const found = new Uint8Array(20_200);
    await disk.read(0, found);
    expect(found.indexOf(0)).toBe(100);
    expect(found.lastIndexOf(0)).toBe(20_099);
    expect(await disk.blockStatus(4096, MiB - 4096)).toMatchObject({ length: 12_288, zero: true });
  });

  it('does not show old bytes of a page that is used again', async () => {
    const disk = await openMemory(MiB);
    await disk.write(0, new Uint8Array(MiB).fill(0xaa));
    await disk.writeZeroes(0, MiB);
    await disk.write(4096 * 3 + 5, Uint8Array.of(1));
    const found = new Uint8Array(MiB);
    await disk.read(0, found);
    expect(found.filter((byte) => byte !== 0).length).toBe(1);
  });

  it('forgets what a smaller size cuts off, also in the middle of a page', async () => {
    const disk = await openMemory(MiB);
    await disk.write(0, new Uint8Array(MiB).fill(5));
    await disk.resize(6000);
    await disk.resize(PiB);
    const found = new Uint8Array(10_000);
    await disk.read(0, found);
    expect(found.lastIndexOf(5)).toBe(5999);
    expect(await disk.blockStatus(8192, PiB - 8192)).toMatchObject({ length: PiB - 8192 });
    await disk.write(PiB - 1, Uint8Array.of(1));
  });

  it('shows what it has lent until the end, though it is written and closed', async () => {
    const graph = new BlockGraph(nodeEnv(), drivers);
    const disk = await graph.open({ driver: 'memory', size: MiB });
    await disk.write(0, pattern(MiB));
    const loan = disk.lend(0, MiB);
    expect(disk.inFlight).toBe(0);
    await disk.write(0, new Uint8Array(MiB));
    await graph.closeAll();
    expect(loan && Buffer.compare(Buffer.concat(loan.parts), pattern(MiB))).toBe(0);
    loan?.end();
  });

  it('copies what it had placed when a filter came between, who may keep it', async () => {
    const graph = new BlockGraph(nodeEnv(), drivers);
    const disk = await graph.open({ driver: 'memory', size: MiB });
    const guest = new BlockEdge(disk, { name: 'guest' });
    const memory = guest.place(0, MiB) ?? pattern(0);
    memory.set(pattern(MiB));
    let seen = pattern(0);
    await graph.insertFilter(disk, { driver: 'pass' }, (child) =>
      passThrough(child, {
        write(offset, from, options) {
          seen = from;
          return child.write(offset, from, options);
        },
      }),
    );
    await guest.write(0, memory, { placed: true });
    await disk.write(0, new Uint8Array(MiB));
    expect(seen).toBe(memory);
    expect(Buffer.compare(seen, pattern(MiB))).toBe(0);
    guest.close();
    await graph.closeAll();
  });
});

async function openMemory(size: number, discard = 'ignore'): Promise<BlockNode> {
  return new BlockGraph(nodeEnv(), drivers).open({ driver: 'memory', size, discard });
}
