import { describe, expect, it } from 'vitest';
import { pattern } from '../support/drivers.ts';
import { bytesOf } from '../support/layers.ts';
import { MachineRig } from '../support/machine-rig.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** A memory disk with some bytes here and there, and a target full of old ones. */
async function openDisks(rig: MachineRig, size: number): Promise<Uint8Array> {
  const { graph } = rig.machine;
  for (const name of ['source', 'target']) {
    await graph.open({ driver: 'memory', 'node-name': name, size, discard: 'unmap' });
  }
  const source = rig.node('source');
  for (let at = 0; at < size; at += Math.max(Math.floor(size / 7), 1)) {
    await source.write(at, pattern(Math.min(1500, size - at), at % 250));
  }
  await rig.node('target').write(0, pattern(Math.min(size, MiB), 77));
  return bytesOf(source);
}

async function mirrorWhole(rig: MachineRig, size: number, options = {}): Promise<void> {
  const content = await openDisks(rig, size);
  const device = rig.plug('source');
  const { job } = await rig.readyMirror(options);
  const sectors = size / 512;
  for (const sector of new Set([0, Math.floor(sectors / 2), sectors - 1])) {
    if (sector < 0 || sector >= sectors) continue;
    await device.request({ type: 'out', sector, data: pattern(512, 200) });
    content.set(pattern(512, 200), sector * 512);
  }
  job.complete();
  await rig.runUntil(() => job.status === 'null');
  expect(await job.finished).toEqual({ status: 'completed' });
  expect(Buffer.compare(await bytesOf(rig.node('target')), content)).toBe(0);
}

const MODES = ['background', 'write-blocking', 'adaptive'] as const;

describe('a disk is mirrored whole', () => {
  it.each([0, 512, 4096, 65_536, 3 * 65_536])('of %i bytes', async (size) => {
    for (const copyMode of MODES) {
      await using rig = new MachineRig();
      await mirrorWhole(rig, size, { granularity: 0, copyMode });
    }
  });

  it.each([512, 4096, 65_536, MiB, 64 * MiB])(
    'that is some granules of %i bytes and a sector',
    async (granularity) => {
      for (const copyMode of MODES) {
        await using rig = new MachineRig();
        const size = Math.min(3 * granularity, 65 * MiB) + 512;
        await mirrorWhole(rig, size, { granularity, copyMode });
      }
    },
  );

  it.each([1, 511, 4096, 100_000, 1_234_567, 16 * MiB, 64 * MiB])(
    'with a buffer of %i bytes',
    async (bufSize) => {
      for (const granularity of [512, 64 * KiB, 2 * MiB]) {
        await using rig = new MachineRig();
        await mirrorWhole(rig, 3 * MiB + 512, { granularity, bufSize });
      }
    },
  );

  it('smaller than one granule of 64 MiB', async () => {
    await using rig = new MachineRig();
    await mirrorWhole(rig, 1536, { granularity: 64 * MiB });
  });
});

describe('sizes that differ', () => {
  it.each([
    [64 * KiB, 64 * KiB + 512],
    [64 * KiB, 32 * KiB],
    [0, 512],
  ])('of %i and %i bytes end the job, and do not refuse it', async (source, target) => {
    await using rig = new MachineRig();
    await rig.open('source', { size: source });
    await rig.open('target', { size: target });
    const device = rig.plug('source');
    const { job } = await rig.mirror();
    await rig.runUntil(() => job.status === 'null');
    expect(rig.told).toEqual([
      'created',
      'running',
      'aborting',
      'BLOCK_JOB_COMPLETED',
      'concluded',
      'null',
    ]);
    const outcome = await job.finished;
    expect(outcome).toMatchObject({ status: 'failed' });
    if (outcome.status === 'failed') {
      expect(outcome.error.message).toContain('Source and target image have different sizes');
    }
    expect(rig.disk('target').operations).not.toContain('write');
    expect(await device.request({ type: 'flush' })).toBe(0);
  });
});
