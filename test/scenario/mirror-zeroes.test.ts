import { describe, expect, it } from 'vitest';
import { pattern } from '../support/drivers.ts';
import { bytesOf } from '../support/layers.ts';
import { GRANULARITY, MachineRig } from '../support/machine-rig.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const SIZE = 8 * MiB;
/** Where the source has bytes: everything else is a hole. */
const DATA = [0, 64 * KiB, 100 * KiB, 5 * MiB + 4096] as const;

async function openSparse(rig: MachineRig, target: object = {}): Promise<Uint8Array> {
  const { graph } = rig.machine;
  const common = { driver: 'memory', size: SIZE, discard: 'unmap' };
  const source = await graph.open({ ...common, 'node-name': 'source' });
  for (const at of DATA) await source.write(at, pattern(4096, at % 250));
  await graph.open({ ...common, 'node-name': 'target', ...target });
  return bytesOf(source);
}

/** How many bytes of a disk are stored. */
async function storedIn(rig: MachineRig, name: string): Promise<number> {
  const node = rig.node(name);
  let stored = 0;
  for (let at = 0; at < node.size; ) {
    const { length, data } = await node.blockStatus(at, node.size - at);
    if (data) stored += length;
    at += length;
  }
  return stored;
}

async function fill(rig: MachineRig, name: string): Promise<void> {
  await rig.node(name).write(0, pattern(SIZE, 99));
}

async function demandEqual(rig: MachineRig): Promise<void> {
  const [source, target] = [await bytesOf(rig.node('source')), await bytesOf(rig.node('target'))];
  expect(Buffer.compare(source, target)).toBe(0);
}

describe('a sparse source', () => {
  it.each([false, true])(
    'makes a target that is as sparse, old bytes on it or not: %s',
    async (old) => {
      await using rig = new MachineRig();
      await openSparse(rig);
      if (old) await fill(rig, 'target');
      const { work } = await rig.readyMirror();
      await demandEqual(rig);
      expect(await storedIn(rig, 'target')).toBe(DATA.length * 4096);
      expect(work.progress().offset).toBe(SIZE);
    },
  );

  it('is mirrored without a zero being sent to a target that reads as zeroes', async () => {
    await using rig = new MachineRig();
    await openSparse(rig);
    const target = await rig.open('blank', {
      size: SIZE,
      operations: ['writeZeroes', 'blockStatus'],
    });
    target.bytes.fill(0);
    for (const options of [{}, { targetIsZero: true }]) {
      target.extentAt = (_, length) =>
        'targetIsZero' in options
          ? { length, data: true, zero: false, allocated: true }
          : { length, data: false, zero: true, allocated: true };
      target.calls.length = 0;
      const { job } = await rig.readyMirror({ target: 'blank', ...options });
      expect(target.operations).not.toContain('writeZeroes');
      const sent = target.calls.filter(({ operation }) => operation === 'write');
      expect(sent.reduce((sum, { length }) => sum + length, 0)).toBe(DATA.length * 4096);
      job.cancel({ force: true });
      await rig.runUntil(() => job.status === 'null');
    }
  });

  it('is mirrored whole to a target that has to be sent zeroes', async () => {
    await using rig = new MachineRig();
    const content = await openSparse(rig);
    const target = await rig.open('weak', { size: SIZE, start: 50, operations: [] });
    await rig.readyMirror({ target: 'weak' });
    expect(Buffer.compare(target.bytes, content)).toBe(0);
  });
});

describe('with unmap off', () => {
  it('no zero write lets the target give storage back', async () => {
    await using rig = new MachineRig();
    await openSparse(rig);
    const target = await rig.open('kept', {
      size: SIZE,
      operations: ['writeZeroes', 'blockStatus'],
    });
    const device = rig.plug('source');
    const options = { target: 'kept', unmap: false, copyMode: 'write-blocking' } as const;
    await rig.readyMirror(options);
    const segments = [{ sector: 0, sectors: 64, unmap: true }];
    await device.request({ type: 'writeZeroes', segments });
    const zeroed = target.calls.filter(({ operation }) => operation === 'writeZeroes');
    expect(zeroed.length).toBeGreaterThan(0);
    for (const { options: asked } of zeroed) expect(asked).toMatchObject({ mayUnmap: false });
  });
});

describe('a target that looks for zeroes and unmaps them', () => {
  it('has holes where the source has stored zeroes', async () => {
    await using rig = new MachineRig();
    await openSparse(rig, { 'detect-zeroes': 'unmap' });
    await fill(rig, 'target');
    // A test disk knows nothing of its zeroes, which are therefore read.
    const source = await rig.open('plain', { size: SIZE });
    source.bytes.fill(0);
    source.bytes.set(pattern(4096, 9), 2 * MiB);
    await rig.readyMirror({ source: 'plain', granularity: 64 * KiB });
    expect(Buffer.compare(await bytesOf(rig.node('target')), source.bytes)).toBe(0);
    expect(await storedIn(rig, 'target')).toBeLessThanOrEqual(64 * KiB);
  });
});

describe('a guest’s zeroes and discards', () => {
  for (const copyMode of ['background', 'write-blocking'] as const) {
    it(`give storage back on both disks: ${copyMode}`, async () => {
      await using rig = new MachineRig();
      await openSparse(rig);
      await fill(rig, 'source');
      const device = rig.plug('source');
      const { job } = await rig.readyMirror({ copyMode, granularity: 64 * KiB });
      expect(await storedIn(rig, 'target')).toBe(SIZE);
      const zeroes = [{ sector: 2048, sectors: 2048, unmap: true }];
      const discard = [{ sector: 8192, sectors: 2048, unmap: false }];
      await device.request({ type: 'writeZeroes', segments: zeroes });
      await device.request({ type: 'discard', segments: discard });
      job.cancel({ force: false });
      await rig.runUntil(() => job.status === 'null');
      await demandEqual(rig);
      expect(await storedIn(rig, 'target')).toBe(SIZE - 2 * MiB);
    });

    it(`of any size, in the middle of the copy, leave both equal: ${copyMode}`, async () => {
      await using rig = new MachineRig();
      await openSparse(rig);
      await fill(rig, 'source');
      const device = rig.plug('source');
      const speed = 2 * MiB;
      const { job } = await rig.mirror({ copyMode, granularity: GRANULARITY, speed });
      for (let count = 0; count < 60; count += 1) {
        const sector = (count * 997) % (SIZE / 512 - 64);
        const segments = [{ sector, sectors: 1 + ((count * 7) % 60), unmap: count % 3 === 0 }];
        if (count % 2 === 0) await device.request({ type: 'writeZeroes', segments });
        else {
          const plain = segments.map((segment) => ({ ...segment, unmap: false }));
          await device.request({ type: 'discard', segments: plain });
        }
        await rig.pass(20);
      }
      job.setSpeed(0);
      await rig.runUntil(() => job.status === 'ready');
      await rig.runUntil(() => job.progress.len === job.progress.offset);
      await demandEqual(rig);
    });
  }
});

describe('an old target that is too large to be zeroed at once', () => {
  it('is zeroed up to its end, and not beyond', async () => {
    await using rig = new MachineRig();
    const size = 1536 * MiB;
    const common = { driver: 'memory', size, discard: 'unmap' };
    const source = await rig.machine.graph.open({ ...common, 'node-name': 'source' });
    const target = await rig.machine.graph.open({ ...common, 'node-name': 'target' });
    await source.write(size - 8192, pattern(4096));
    await target.write(size - 8192, pattern(8192, 99));
    await rig.readyMirror();
    const end = await bytesOf(target, size - 8192);
    expect(Buffer.compare(end, await bytesOf(source, size - 8192))).toBe(0);
  });
});
