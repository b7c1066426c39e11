// Goes into test/scenario/mirror-sync-modes.test.ts; its helpers are repeated here.
import { describe, expect, it } from 'vitest';
import { pattern } from '../support/drivers.ts';
import { bytesOf } from '../support/layers.ts';
import { MachineRig } from '../support/machine-rig.ts';

const KiB = 1024;
const SIZE = 256 * KiB;
const CLUSTER = 4 * KiB;

/**
 * A disk called "source" over one called "base". The base has bytes up to its end; the source has
 * its own in its clusters 1 and 5, and zeroes in 6.
 */
async function openChain(rig: MachineRig, baseSize = SIZE): Promise<Uint8Array> {
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
async function openTarget(
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

async function complete(rig: MachineRig, options = {}) {
  const { job } = await rig.readyMirror({ granularity: CLUSTER, ...options });
  job.complete();
  await rig.runUntil(() => job.status === 'null');
  expect(await job.finished).toEqual({ status: 'completed' });
}

describe('a target that nothing can be put behind without harm', () => {
  it('is refused where that is asked for, before anything is done', async () => {
    for (const sync of ['top', 'none'] as const) {
      await using rig = new MachineRig();
      await openChain(rig);
      // A memory disk without a cluster size forgets what was zeroed in it.
      await openTarget(rig);
      await rig.open('flat', { size: SIZE });
      for (const target of ['target', 'flat']) {
        const mirror = rig.mirror({ sync, target, targetBacking: 'source' });
        await expect(mirror).rejects.toMatchObject({
          code: expect.stringMatching(/EINVAL|ENOTSUP/),
        });
      }
      expect(rig.machine.jobs).toEqual([]);
    }
  });

  it('is taken for sync full, after which it has none', async () => {
    await using rig = new MachineRig();
    await openChain(rig);
    await rig.open('flat', { size: SIZE });
    await complete(rig, { target: 'flat', targetBacking: 'source' });
  });
});
