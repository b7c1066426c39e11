import { describe, expect, it } from 'vitest';
import { CLUSTER, openChain, openTarget } from '../support/backing-rig.ts';
import { pattern } from '../support/drivers.ts';
import { bytesOf } from '../support/layers.ts';
import { MachineRig } from '../support/machine-rig.ts';

const KiB = 1024;

/** The clusters of 4 KiB that a node itself has allocated. */
async function allocatedIn(rig: MachineRig, name: string): Promise<readonly number[]> {
  const node = rig.node(name);
  const found: number[] = [];
  for (let at = 0; at < node.size; at += CLUSTER) {
    const { allocated } = await node.blockStatus(at, CLUSTER);
    if (allocated) found.push(at / CLUSTER);
  }
  return found;
}

async function complete(rig: MachineRig, options = {}) {
  const { job } = await rig.readyMirror({ granularity: CLUSTER, ...options });
  job.complete();
  await rig.runUntil(() => job.status === 'null');
  expect(await job.finished).toEqual({ status: 'completed' });
}

describe('sync full', () => {
  it('makes the target read as the source does, with holes where that is zero', async () => {
    for (const old of [false, true]) {
      await using rig = new MachineRig();
      const before = await openChain(rig);
      const target = await openTarget(rig, { old });
      const device = rig.plug('source');
      await complete(rig);
      expect(Buffer.compare(await bytesOf(target), before)).toBe(0);
      expect(target.backing).toBeUndefined();
      expect((await target.blockStatus(6 * CLUSTER, CLUSTER)).data).toBe(false);
      await device.request({ type: 'out', sector: 0, data: pattern(512, 9) });
      expect((await bytesOf(target, 0, 512))[0]).toBe(pattern(1, 9)[0]);
    }
  });

  it('writes zeroes for what lies beyond the end of a shorter backing', async () => {
    await using rig = new MachineRig();
    const before = await openChain(rig, 40 * KiB + 77);
    const target = await openTarget(rig, { old: true });
    await complete(rig);
    const after = await bytesOf(target);
    expect(Buffer.compare(after, before)).toBe(0);
    expect(after.subarray(44 * KiB).every((byte) => byte === 0)).toBe(true);
  });

  it('drops the backing of the target for targetBacking "source"', async () => {
    await using rig = new MachineRig();
    const before = await openChain(rig);
    const target = await openTarget(rig, { backing: 'base' });
    await complete(rig, { targetBacking: 'source' });
    expect(target.backing).toBeUndefined();
    expect(Buffer.compare(await bytesOf(target), before)).toBe(0);
  });
});

describe('sync top', () => {
  it('copies only what the uppermost image holds', async () => {
    await using rig = new MachineRig();
    const before = await openChain(rig);
    const target = await openTarget(rig, { backing: 'base' });
    const { job, work } = await rig.readyMirror({ sync: 'top', granularity: CLUSTER });
    expect(work.progress().offset).toBe(3 * CLUSTER);
    expect(await allocatedIn(rig, 'target')).toEqual([1, 5, 6]);
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(Buffer.compare(await bytesOf(target), before)).toBe(0);
    expect(target.backing?.name).toBe('base');
  });

  it.each(['background', 'write-blocking'] as const)(
    'puts the backing of the source behind the target at the end: %s',
    async (copyMode) => {
      await using rig = new MachineRig();
      const before = await openChain(rig);
      const target = await openTarget(rig, { clusterSize: CLUSTER });
      const device = rig.plug('source');
      const options = { sync: 'top', granularity: CLUSTER, copyMode } as const;
      const { job } = await rig.readyMirror({ ...options, targetBacking: 'source' });
      expect(target.backing).toBeUndefined();
      await device.request({ type: 'out', sector: 20 * 8 + 3, data: pattern(512, 88) });
      before.set(pattern(512, 88), 20 * CLUSTER + 3 * 512);
      job.complete();
      await rig.runUntil(() => job.status === 'null');
      expect(target.backing?.name).toBe('base');
      expect(Buffer.compare(await bytesOf(target), before)).toBe(0);
      expect(await allocatedIn(rig, 'target')).toEqual([1, 5, 6, 20]);
    },
  );

  it('leaves the backing of the target alone for targetBacking "keep"', async () => {
    await using rig = new MachineRig();
    await openChain(rig);
    const target = await openTarget(rig, { clusterSize: CLUSTER });
    await complete(rig, { sync: 'top' });
    expect(target.backing).toBeUndefined();
  });

  it('is sync full where nothing is behind the source', async () => {
    await using rig = new MachineRig();
    await rig.open('source');
    await rig.open('target', { start: 100 });
    await complete(rig, { sync: 'top' });
    expect(rig.disk('target').bytes).toEqual(rig.disk('source').bytes);
  });
});

describe('sync none', () => {
  it('is ready at once, with nothing done and nothing to do', async () => {
    await using rig = new MachineRig();
    await openChain(rig);
    await openTarget(rig);
    const { job, work } = await rig.mirror({ sync: 'none', granularity: CLUSTER });
    expect(work.progress()).toMatchObject({ offset: 0, len: 0 });
    const startMs = rig.clock.nowMs();
    await rig.runUntil(() => job.status === 'ready', 1);
    expect(rig.clock.nowMs() - startMs).toBeLessThan(5);
    expect(rig.dataOf('BLOCK_JOB_READY')).toMatchObject([{ offset: 0, len: 0 }]);
  });

  it.each(['background', 'write-blocking'] as const)(
    'with the source behind the target at the end makes a layer of what was written: %s',
    async (copyMode) => {
      await using rig = new MachineRig();
      const before = await openChain(rig);
      const target = await openTarget(rig, { clusterSize: CLUSTER });
      const device = rig.plug('source');
      const options = { sync: 'none', granularity: CLUSTER, copyMode } as const;
      const { job } = await rig.readyMirror({ ...options, targetBacking: 'source' });
      await device.request({ type: 'out', sector: 8 * 8 + 1, data: pattern(512, 88) });
      before.set(pattern(512, 88), 8 * CLUSTER + 512);
      job.complete();
      await rig.runUntil(() => job.status === 'null');
      expect(target.backing).toBe(rig.node('source'));
      expect(await allocatedIn(rig, 'target')).toEqual([8]);
      expect(Buffer.compare(await bytesOf(target), before)).toBe(0);
      const source = await bytesOf(rig.node('source'));
      await device.request({ type: 'out', sector: 0, data: pattern(512, 99) });
      // The guest writes to the layer now, and what is behind it stays.
      expect(Buffer.compare(await bytesOf(rig.node('source')), source)).toBe(0);
    },
  );
});

describe('clusters of the target that are larger than a granule', () => {
  for (const clusterSize of [16 * KiB, 64 * KiB]) {
    for (const copyMode of ['background', 'write-blocking'] as const) {
      it(`of ${clusterSize / KiB} KiB are copied whole around a part: ${copyMode}`, async () => {
        for (const sync of ['top', 'none'] as const) {
          await using rig = new MachineRig();
          const before = await openChain(rig);
          const target = await openTarget(rig, { clusterSize });
          const device = rig.plug('source');
          const options = {
            sync,
            granularity: 4 * KiB,
            copyMode,
            targetBacking: 'source',
          } as const;
          const { job } = await rig.readyMirror(options);
          const sectors = [3, 40, 41, 200, 255, 300, 511];
          for (const sector of sectors) {
            await device.request({ type: 'out', sector, data: pattern(512, sector) });
            before.set(pattern(512, sector), sector * 512);
          }
          // Within a cluster that has just been copied, and over the ends of two.
          const data = pattern(32 * KiB, 120);
          await device.request({ type: 'out', sector: 130, data });
          before.set(data, 130 * 512);
          job.complete();
          await rig.runUntil(() => job.status === 'null');
          expect(Buffer.compare(await bytesOf(target), before)).toBe(0);
          expect(target.backing?.name).toBe(sync === 'top' ? 'base' : 'source');
        }
      });
    }
  }

  it('are not widened for a target with a backing, which does it by itself', async () => {
    await using rig = new MachineRig();
    const before = await openChain(rig);
    const target = await openTarget(rig, { clusterSize: 16 * KiB, backing: 'base' });
    const { job, work } = await rig.readyMirror({ sync: 'top', granularity: 4 * KiB });
    expect(work.progress().offset).toBe(3 * CLUSTER);
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(Buffer.compare(await bytesOf(target), before)).toBe(0);
  });
});

describe('a granule that the target lacks and gets a part of', () => {
  const cases = [512, 4 * KiB, 64 * KiB].flatMap((granularity) =>
    [4 * KiB, 16 * KiB].map((clusterSize) => [granularity, clusterSize] as const),
  );

  it.each(cases)(
    'of %i bytes has the rest of it too: clusters of %s',
    async (granularity, size) => {
      for (const sync of ['top', 'none'] as const) {
        for (const copyMode of ['background', 'write-blocking'] as const) {
          await using rig = new MachineRig();
          const before = await openChain(rig);
          const target = await openTarget(rig, { clusterSize: size });
          const device = rig.plug('source');
          const options = { sync, granularity, copyMode, targetBacking: 'source' } as const;
          const { job } = await rig.readyMirror(options);
          for (const sector of [3, 40, 200, 511]) {
            await device.request({ type: 'out', sector, data: pattern(512, sector) });
            before.set(pattern(512, sector), sector * 512);
            const segments = [{ sector: sector - 2, sectors: 1, unmap: true }];
            await device.request({ type: 'writeZeroes', segments });
            before.fill(0, (sector - 2) * 512, (sector - 1) * 512);
          }
          job.complete();
          await rig.runUntil(() => job.status === 'null');
          expect(Buffer.compare(await bytesOf(target), before)).toBe(0);
        }
      }
    },
  );
});

describe('the backing of the target', () => {
  const ends = ['complete', 'cancel', 'force'] as const;
  const backings = { full: undefined, top: 'base', none: 'source' } as const;

  for (const sync of ['full', 'top', 'none'] as const) {
    for (const end of ends) {
      it(`after sync ${sync} is by a ${end} what targetBacking says`, async () => {
        for (const targetBacking of ['keep', 'source'] as const) {
          await using rig = new MachineRig();
          await openChain(rig);
          const target = await openTarget(rig, { clusterSize: CLUSTER });
          const { job } = await rig.readyMirror({ sync, granularity: CLUSTER, targetBacking });
          if (end === 'complete') job.complete();
          else job.cancel({ force: end === 'force' });
          await rig.runUntil(() => job.status === 'null');
          // A forced cancel changes nothing.
          const isChanged = targetBacking === 'source' && end !== 'force';
          expect(target.backing?.name).toBe(isChanged ? backings[sync] : undefined);
        }
      });
    }
  }
});
