/** Drains of the source and of the target by others, in every phase of a mirror. */

import { describe, expect, it } from 'vitest';
import { drained } from '../../src/block/drain.ts';
import { passThrough } from '../../src/filters/pass-through.ts';
import { type Operation, pattern, type TestDisk } from '../support/drivers.ts';
import { GRANULARITY, MachineRig } from '../support/machine-rig.ts';
import { settle, watch } from '../support/settle.ts';

const SIDES = ['source', 'target'] as const;
const MODES = ['background', 'write-blocking'] as const;

async function openRig(): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source');
  await rig.open('target', { start: 100 });
  return rig;
}

function demandEqual(rig: MachineRig): void {
  expect(Buffer.compare(rig.disk('target').bytes, rig.disk('source').bytes)).toBe(0);
}

/** Completes what is held at a disk until a request of that operation is. */
async function reach(rig: MachineRig, disk: TestDisk, operation: Operation): Promise<void> {
  await rig.runUntil(() => {
    for (const held of [...disk.gate.held]) if (held.operation !== operation) held.complete();
    return disk.gate.held.some((held) => held.operation === operation);
  });
}

function release(rig: MachineRig): void {
  for (const { gate } of rig.disks.values()) {
    gate.mode = 'sync';
    for (const held of [...gate.held]) held.complete();
  }
}

/** Puts a filter on a node and takes it out again. */
async function visit(rig: MachineRig, name: string): Promise<void> {
  const { graph } = rig.machine;
  const node = rig.node(name);
  const filter = await graph.insertFilter(node, { driver: 'pass' }, (child) => passThrough(child));
  await settle();
  await graph.removeFilter(filter);
}

/** Where the mirror is when the drain begins: a request that is held, of a disk, in a phase. */
const PLACES = [
  ['source', 'blockStatus', 'phase 1'],
  ['source', 'read', 'phase 1'],
  ['target', 'blockStatus', 'phase 1'],
  ['target', 'write', 'phase 1'],
  ['target', 'flush', 'phase 1'],
  ['source', 'read', 'phase 2'],
  ['target', 'write', 'phase 2'],
  ['target', 'flush', 'the end'],
] as const;

for (const side of SIDES) {
  for (const copyMode of MODES) {
    describe(`a drain of the ${side} of a ${copyMode} mirror`, () => {
      it.each(PLACES)(
        'while the %s has a %s of it in flight, in %s, ends, and so does the mirror',
        async (at, operation, phase) => {
          await using rig = await openRig();
          const device = rig.plug('source');
          const disk = rig.disk(at);
          if (phase === 'phase 1') disk.gate.mode = 'held';
          const { job, work } = await rig.mirror({ copyMode, bufSize: GRANULARITY });
          if (phase !== 'phase 1') {
            await rig.runUntil(() => job.status === 'ready');
            // The mode in which nothing gets dirty would have nothing to do.
            job.change(() => work.setCopyMode('background'));
            await device.request({ type: 'out', sector: 0, data: pattern(9000 - (9000 % 512)) });
            job.change(() => work.setCopyMode(copyMode));
            disk.gate.mode = 'held';
            if (phase === 'the end') job.complete();
          }
          await reach(rig, disk, operation);
          const drain = watch(() => visit(rig, side));
          const guest = watch(() =>
            device.request({ type: 'out', sector: 20, data: pattern(512, 9) }),
          );
          await settle();
          release(rig);
          await rig.runUntil(() => drain.state === 'done' && guest.state === 'done');
          if (phase !== 'the end') {
            await rig.runUntil(() => job.status === 'ready');
            job.complete();
          }
          await rig.runUntil(() => job.status === 'null');
          expect(await job.finished).toEqual({ status: 'completed' });
          expect(rig.disk('target').bytes.subarray(20 * 512, 21 * 512)).toEqual(pattern(512, 9));
        },
      );
    });
  }
}

describe('a drain with guest writes in flight on both disks', () => {
  for (const side of SIDES) {
    it(`of the ${side} waits for them, holds back what comes, and loses none`, async () => {
      await using rig = await openRig();
      const device = rig.plug('source');
      const { job, work } = await rig.readyMirror({ copyMode: 'write-blocking' });
      for (const { gate } of rig.disks.values()) gate.mode = 'held';
      const before = [0, 1, 9].map((sector) =>
        watch(() => device.request({ type: 'out', sector, data: pattern(1024, sector) })),
      );
      await settle();
      let isDrained = false;
      let letGo = () => {};
      const drain = watch(() =>
        drained(rig.node(side), () => {
          isDrained = true;
          return new Promise<void>((resolve) => {
            letGo = resolve;
          });
        }),
      );
      const later = watch(() =>
        device.request({ type: 'out', sector: 3, data: pattern(1024, 77) }),
      );
      await settle();
      expect(isDrained).toBe(false);
      await rig.runUntil(() => {
        for (const { gate } of rig.disks.values()) gate.held.at(-1)?.complete();
        return isDrained;
      });
      expect(before.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
      expect(job.status).toBe('standby');
      demandEqual(rig);
      const calls = [...rig.disks.values()].map((disk) => disk.calls.length);
      await rig.pass(5000);
      expect([...rig.disks.values()].map((disk) => disk.calls.length)).toEqual(calls);
      expect([later.state, drain.state]).toEqual(['pending', 'pending']);
      letGo();
      release(rig);
      await rig.runUntil(() => later.state === 'done' && job.status === 'ready');
      demandEqual(rig);
      expect(work.progress().activelySynced).toBe(true);
    });
  }
});

describe('the graph', () => {
  it('can be changed under a mirror: what takes the place of filters stays in place', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    const { graph } = rig.machine;
    const { job } = await rig.readyMirror({ copyMode: 'write-blocking' });
    const over = await graph.insertFilter(rig.node('source'), { driver: 'pass' }, (child) =>
      passThrough(child),
    );
    await device.request({ type: 'out', sector: 0, data: pattern(512, 9) });
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    // The filter over the source is over the target now.
    expect(over.filtered).toBe(rig.node('target'));
    await device.request({ type: 'out', sector: 1, data: pattern(512, 8) });
    expect(rig.disk('target').bytes.subarray(0, 1024)).toEqual(
      Uint8Array.from([...pattern(512, 9), ...pattern(512, 8)]),
    );
  });

  it('can get another disk in the place of the source, and the mirror keeps its own', async () => {
    await using rig = await openRig();
    await rig.open('other', { start: 50 });
    const device = rig.plug('source');
    const { job } = await rig.readyMirror({ filterNodeName: 'top' });
    const { graph } = rig.machine;
    await graph.replace(rig.node('top'), rig.node('other'));
    await device.request({ type: 'out', sector: 0, data: pattern(512, 9) });
    expect(rig.disk('other').bytes.subarray(0, 512)).toEqual(pattern(512, 9));
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    demandEqual(rig);
    expect(rig.node('target').parents.size).toBe(0);
  });
});

describe('drains that are within one another', () => {
  it('end in any order while a mirror ends', async () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      await using rig = await openRig();
      rig.plug('source');
      const { job } = await rig.readyMirror();
      job.complete();
      const ends: (() => void)[] = [];
      const drains = ['source', 'target', 'source'].map((name) =>
        watch(() =>
          drained(rig.node(name), () => new Promise<void>((resolve) => ends.push(resolve))),
        ),
      );
      await rig.runUntil(() => ends.length === 3);
      for (const index of order) {
        await rig.pass(200);
        ends[index]?.();
      }
      await rig.runUntil(() => job.status === 'null');
      expect(drains.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
      expect(await job.finished).toEqual({ status: 'completed' });
      demandEqual(rig);
    }
  });
});
