/** A source over a backing, and targets for it, in the machine of a test. */

import { pattern } from './drivers.ts';
import { bytesOf } from './layers.ts';
import type { MachineRig } from './machine-rig.ts';

const KiB = 1024;
/** The size of source and target, in bytes. */
export const SIZE = 256 * KiB;
/** What the source allocates at a time, in bytes. */
export const CLUSTER = 4 * KiB;

/**
 * A disk called "source" over one called "base". The base has bytes up to its end; the source has
 * its own in its clusters 1 and 5, and zeroes in 6.
 */
export async function openChain(rig: MachineRig, baseSize = SIZE): Promise<Uint8Array> {
  const { graph } = rig.machine;
  const base = await graph.open({ driver: 'memory', 'node-name': 'base', size: baseSize });
  await base.write(0, pattern(baseSize, 1));
  const source = await graph.open({
    driver: 'memory',
    'node-name': 'source',
    size: SIZE,
    discard: 'unmap',
    backing: 'base',
  });
  await source.write(CLUSTER + 100, pattern(500, 33));
  await source.write(5 * CLUSTER, pattern(CLUSTER, 55));
  await source.writeZeroes(6 * CLUSTER, CLUSTER);
  return bytesOf(source);
}

/** A target of the same size, in clusters if it is given a size for them, full of old bytes. */
export async function openTarget(
  rig: MachineRig,
  options: {
    readonly clusterSize?: number;
    readonly backing?: string;
    readonly old?: boolean;
  } = {},
) {
  const { clusterSize, backing, old = false } = options;
  const target = await rig.machine.graph.open({
    driver: 'memory',
    'node-name': 'target',
    size: SIZE,
    discard: 'unmap',
    ...(clusterSize && { 'cluster-size': clusterSize }),
    ...(backing && { backing }),
  });
  if (old) await target.write(0, pattern(SIZE, 200));
  return target;
}
