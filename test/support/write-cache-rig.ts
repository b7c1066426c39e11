/** A write cache over a disk in the hands of the test. */

import { BlockEdge } from '../../src/block/edge.ts';
import { WriteCache } from '../../src/filters/write-cache.ts';
import { type DriverCall, nodeOf, TestDisk, type TestDiskOptions } from './drivers.ts';

export const SIZE = 65_536;
export const PLAIN = { forceUnitAccess: false };
export const FUA = { forceUnitAccess: true };
export const ZEROES = { ...PLAIN, mayUnmap: false, noFallback: false };

export interface CacheRigOptions {
  readonly size?: number;
  readonly flush?: 'honest' | 'lie';
  readonly policy?: 'lose' | 'reorder' | 'tear';
  readonly seed?: number;
  readonly disk?: Partial<TestDiskOptions>;
}

export function cacheRig(options: CacheRigOptions = {}) {
  const { size = SIZE, flush = 'honest', policy = 'lose', seed = 1 } = options;
  const disk = new TestDisk({ size: SIZE, ...options.disk });
  const edge = new BlockEdge(nodeOf(disk, { name: 'image', unmap: true }), { name: 'disk' });
  const cache = new WriteCache('disk', edge, { size, flush, seed, 'on-power-cut': policy });
  const read = async (offset: number, length: number) => {
    const into = new Uint8Array(length).fill(0xcc);
    await cache.read(offset, into);
    return into;
  };
  return { disk, cache, read };
}

/** What the node below was changed by, in order. */
export function changesOf(disk: TestDisk): readonly DriverCall[] {
  return disk.calls.filter(({ operation }) => /^(write|writeZeroes|discard)$/.test(operation));
}
