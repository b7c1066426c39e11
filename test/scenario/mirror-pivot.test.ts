import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { STATUS } from '../../src/device/request.ts';
import { pattern } from '../support/drivers.ts';
import { bytesOf } from '../support/layers.ts';
import { MachineRig, SIZE } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

/** A machine with a source full of one pattern and a target full of another. */
async function openRig(): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source');
  await rig.open('target', { start: 100 });
  return rig;
}

async function completeMirror(rig: MachineRig, options = {}) {
  const started = await rig.readyMirror(options);
  started.job.complete();
  await rig.runUntil(() => started.job.status === 'null');
  return started;
}

/** A request that is refused. @returns Why. */
async function refusalOf(request: Promise<unknown>): Promise<BlockError> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof BlockError) return error;
  throw new Error(`it was not refused: ${String(error)}`);
}

describe('a pivot', () => {
  it('moves every parent of the source: two readers, an export, and a filter', async () => {
    await using rig = await openRig();
    const first = rig.plug('source', { name: 'vda', readOnly: true });
    const second = rig.plug('source', { name: 'vdb', readOnly: true });
    const exported = new BlockEdge(rig.node('source'), {
      name: 'export0',
      kind: 'export',
      needs: ['consistent-read'],
    });
    const throttle = { driver: 'throttle', 'node-name': 'slow', limits: {}, file: 'source' };
    await rig.machine.graph.open(throttle);
    const third = rig.plug('slow', { name: 'vdc', readOnly: true });
    await completeMirror(rig);
    expect(rig.node('source').parents.size).toBe(0);
    expect(exported.node).toBe(rig.node('target'));
    expect(rig.node('slow').filtered).toBe(rig.node('target'));
    const { calls } = rig.disk('target');
    const before = calls.length;
    for (const device of [first, second, third]) {
      const data = new Uint8Array(512);
      expect(await device.request({ type: 'in', sector: 1, data })).toBe(STATUS.OK);
      expect(data).toEqual(rig.disk('source').bytes.subarray(512, 1024));
    }
    expect(calls).toHaveLength(before + 3);
    exported.close();
  });

  it('keeps a filter over the source over the target, with what it does', async () => {
    for (const driver of ['copy-on-read', 'throttle'] as const) {
      await using rig = await openRig();
      const limits = driver === 'throttle' ? { limits: { 'iops-total': 1000 } } : {};
      await rig.machine.graph.open({ driver, 'node-name': 'top', file: 'source', ...limits });
      const device = rig.plug('top');
      await completeMirror(rig);
      expect(rig.node('top').filtered).toBe(rig.node('target'));
      const data = pattern(512, 77);
      await device.request({ type: 'out', sector: 3, data });
      expect(rig.disk('target').bytes.subarray(3 * 512, 4 * 512)).toEqual(data);
      expect(rig.disk('source').bytes.subarray(3 * 512, 4 * 512)).not.toEqual(data);
    }
  });

  it('finds its target open, also when only the job stands on it', async () => {
    await using rig = await openRig();
    const file = { driver: 'test', 'node-name': 'inner', size: SIZE };
    const over = { driver: 'throttle', 'node-name': 'over', limits: {}, file };
    const outer = await rig.machine.graph.open(over);
    const device = rig.plug('source');
    const { job } = await rig.readyMirror({ target: 'inner' });
    await rig.machine.graph.close(outer);
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(await device.request({ type: 'out', sector: 0, data: pattern(512, 77) })).toBe(0);
    expect(rig.disk('inner').bytes.subarray(0, 512)).toEqual(pattern(512, 77));
  });

  it('leaves the source as it was then, and free to be used again', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    await completeMirror(rig);
    const source = rig.disk('source').bytes.slice();
    await device.request({ type: 'out', sector: 0, data: pattern(512, 9) });
    await device.request({ type: 'flush' });
    expect(rig.disk('source').bytes).toEqual(source);
    const other = rig.plug('source', { name: 'vdb' });
    expect(await other.request({ type: 'out', sector: 0, data: pattern(512, 3) })).toBe(STATUS.OK);
    await rig.machine.unplug(other);
    await rig.machine.graph.close(rig.node('source'));
    expect(rig.machine.graph.nodes.map(({ name }) => name)).toEqual(['target']);
  });

  it('and one back again leave the guest with all it wrote', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    await completeMirror(rig);
    await device.request({ type: 'out', sector: 5, data: pattern(512, 5) });
    await completeMirror(rig, { source: 'target', target: 'source' });
    await device.request({ type: 'out', sector: 6, data: pattern(512, 6) });
    const { bytes } = rig.disk('source');
    expect(bytes.subarray(5 * 512, 7 * 512)).toEqual(
      Uint8Array.from([...pattern(512, 5), ...pattern(512, 6)]),
    );
    expect(rig.node('target').parents.size).toBe(0);
  });

  it.each(['background', 'write-blocking'] as const)(
    'under a guest that never rests loses no write and mixes up no read: %s',
    async (copyMode) => {
      await using rig = await openRig();
      for (const disk of [rig.disk('source'), rig.disk('target')]) disk.gate.mode = 'async';
      const device = rig.plug('source');
      const last = new Map<number, number>();
      let isOver = false;
      let count = 0;
      const writer = async (lane: number) => {
        for (let at = lane; !isOver; at += 4) {
          const sector = at % 64;
          const value = (count % 250) + 1;
          count += 1;
          const data = new Uint8Array(512).fill(value);
          expect(await device.request({ type: 'out', sector, data })).toBe(STATUS.OK);
          last.set(sector, value);
          const read = new Uint8Array(512);
          expect(await device.request({ type: 'in', sector, data: read })).toBe(STATUS.OK);
          expect(read).toEqual(data);
          await settle();
        }
      };
      const writers = Promise.all([0, 1, 2, 3].map(writer));
      const { job } = await rig.mirror({ copyMode });
      await rig.runUntil(() => job.status === 'ready');
      const atReady = count;
      await rig.runUntil(() => count > atReady + 100);
      job.complete();
      await rig.runUntil(() => job.status === 'null');
      const atPivot = count;
      await rig.runUntil(() => count > atPivot + 100);
      isOver = true;
      await writers;
      const { bytes } = rig.disk('target');
      for (const [sector, value] of last) expect(bytes[sector * 512]).toBe(value);
    },
  );
});

describe('replaces', () => {
  /** A throttle called `top` over the source, with the guest on it. */
  async function rigWithFilter() {
    const rig = await openRig();
    const top = { driver: 'throttle', 'node-name': 'top', limits: {}, file: 'source' };
    await rig.machine.graph.open(top);
    return { rig, device: rig.plug('top') };
  }

  it('a filter over the source takes the target’s place of both', async () => {
    const { rig: opened, device } = await rigWithFilter();
    await using rig = opened;
    await completeMirror(rig, { replaces: 'top' });
    const data = pattern(512, 77);
    await device.request({ type: 'out', sector: 0, data });
    expect(rig.disk('target').bytes.subarray(0, 512)).toEqual(data);
    expect(rig.node('top').parents.size).toBe(0);
    // The filter is still over the source, and nobody is over the filter.
    expect(rig.node('top').filtered).toBe(rig.node('source'));
    await rig.machine.graph.close(rig.node('top'));
  });

  it('a node that shows other bytes is refused, and so is one that is not there', async () => {
    await using rig = await openRig();
    await rig.open('other');
    const before = rig.machine.graph.nodes.length;
    const text = "Cannot replace 'other' by a node mirrored from 'source', because it cannot be";
    expect((await refusalOf(rig.mirror({ replaces: 'other' }))).message).toContain(text);
    expect((await refusalOf(rig.mirror({ replaces: 'none' }))).message).toContain(
      "Failed to find node with node-name='none'",
    );
    expect(rig.machine.graph.nodes).toHaveLength(before);
    expect(rig.machine.jobs.all).toEqual([]);
  });

  it('a node that has gone when it comes to it fails the job, the guest where it was', async () => {
    const { rig: opened, device } = await rigWithFilter();
    await using rig = opened;
    const { job } = await rig.readyMirror({ replaces: 'top' });
    await rig.machine.graph.removeFilter(rig.node('top'));
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toMatchObject({ status: 'failed', error: { code: 'ENODEV' } });
    const data = pattern(512, 77);
    expect(await device.request({ type: 'out', sector: 0, data })).toBe(STATUS.OK);
    expect(rig.disk('source').bytes.subarray(0, 512)).toEqual(data);
    expect(rig.node('target').parents.size).toBe(0);
  });

  it('a node that has gone does not matter to a mirror that is cancelled in phase 2', async () => {
    const { rig: opened } = await rigWithFilter();
    await using rig = opened;
    const { job } = await rig.readyMirror({ replaces: 'top' });
    await rig.machine.graph.removeFilter(rig.node('top'));
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toMatchObject({ status: 'completed' });
    expect(rig.disk('target').bytes).toEqual(rig.disk('source').bytes);
  });
});

describe('the filter of a mirror', () => {
  it('has the size of the source, which stays as it is while there is a mirror', async () => {
    await using rig = await openRig();
    const { job } = await rig.readyMirror({ filterNodeName: 'mirror-top' });
    const filter = rig.node('mirror-top');
    const { size } = filter;
    expect((await refusalOf(filter.resize(2 * size))).code).toBe('EBUSY');
    expect(rig.node('source').size).toBe(size);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });

  it('is found by the name given, between the guest and the source, until the end', async () => {
    await using rig = await openRig();
    rig.plug('source');
    const { job } = await rig.readyMirror({ filterNodeName: 'mirror-top' });
    const filter = rig.node('mirror-top');
    expect(filter.options).toMatchObject({ driver: 'mirror_top', implicit: false });
    expect(filter.filtered).toBe(rig.node('source'));
    const names = [...filter.parents].map(({ parent }) => parent.name);
    expect(names).toContain('vda');
    expect(await bytesOf(filter)).toEqual(rig.disk('source').bytes);
    expect((await refusalOf(rig.machine.graph.close(filter))).code).toBe('EBUSY');
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(() => rig.node('mirror-top')).toThrow("Failed to find node with node-name='mirror-top'");
    expect(filter.isClosed).toBe(true);
  });

  it('is not shown to a user who has not named it', async () => {
    await using rig = await openRig();
    const { job } = await rig.readyMirror();
    const [filter] = [...rig.node('source').parents].flatMap(({ owner }) => owner ?? []);
    expect(filter?.options.implicit).toBe(true);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });

  it.each(['source', 'top', 'no name!'])('must not be called "%s"', async (filterNodeName) => {
    await using rig = await openRig();
    await rig.open('top');
    expect((await refusalOf(rig.mirror({ filterNodeName }))).code).toBe('EINVAL');
    expect(rig.node('source').parents.size + rig.node('target').parents.size).toBe(0);
  });
});

describe('while a mirror runs', () => {
  /** What is refused, and whether the disk that it is done to is as before. */
  async function refusedWhileRunning(act: (rig: MachineRig) => Promise<unknown>) {
    await using rig = await openRig();
    await rig.open('other');
    rig.plug('source');
    const { job } = await rig.readyMirror();
    const error = await refusalOf(act(rig));
    expect(job.status).toBe('ready');
    job.complete();
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    return error;
  }

  it.each(['source', 'target'])('its %s cannot be closed', async (name) => {
    const error = await refusedWhileRunning((rig) => rig.machine.graph.close(rig.node(name)));
    expect(error.code).toBe('EBUSY');
    expect(error.message).toContain(`node '${name}' is in use by`);
  });

  it.each(['source', 'target'])('its %s cannot be resized', async (name) => {
    const error = await refusedWhileRunning(async (rig) => rig.node(name).resize(2 * SIZE));
    expect(error.code).toBe('EBUSY');
    expect(error.message).toContain("permissions 'resize' are both required by");
  });

  it('its source cannot be resized by way of its filter', async () => {
    const error = await refusedWhileRunning(async (rig) => {
      const [filter] = [...rig.node('source').parents].flatMap(({ owner }) => owner ?? []);
      await filter?.resize(2 * SIZE);
    });
    expect(error.code).toBe('EBUSY');
  });

  it.each([
    ['source', 'other'],
    ['target', 'other'],
    ['other', 'source'],
    ['other', 'target'],
  ])('no other mirror uses its disks: from %s to %s', async (source, target) => {
    const error = await refusedWhileRunning((rig) => rig.mirror({ id: 'job1', source, target }));
    expect(error.code).toBe('EBUSY');
    const name = source === 'other' ? target : source;
    const reason = `Node '${name}' is busy: block device is in use by block job: mirror`;
    expect(error.message).toContain(reason);
  });

  it('nobody else can come to write to its target', async () => {
    const error = await refusedWhileRunning(async (rig) => rig.plug('target', { name: 'vdb' }));
    expect(error.code).toBe('EBUSY');
    expect(error.message).toContain("Permission conflict on node 'target'");
  });
});

describe('a mirror is refused', () => {
  it.each([
    ['to a disk onto itself', 'source', 'source', "Can't mirror node into itself"],
    ['to a filter over its source', 'source', 'over', "Can't mirror node into itself"],
    ['from a filter over its target', 'over', 'source', "Can't mirror node into itself"],
    ['from a node that is not there', 'none', 'target', "node-name='none'"],
    ['to a node that is not there', 'source', 'none', "node-name='none'"],
  ])('%s', async (_, source, target, reason) => {
    await using rig = await openRig();
    const over = { driver: 'throttle', 'node-name': 'over', limits: {}, file: 'source' };
    await rig.machine.graph.open(over);
    expect((await refusalOf(rig.mirror({ source, target }))).message).toContain(reason);
    expect(rig.machine.jobs.all).toEqual([]);
    expect(rig.node('target').parents.size).toBe(0);
  });

  it.each([true, false])('to a disk that a guest uses: read-only %s', async (readOnly) => {
    await using rig = await openRig();
    const device = rig.plug('target', { name: 'vdb', readOnly });
    const error = await refusalOf(rig.mirror());
    expect(error.code).toBe('EBUSY');
    expect(error.message).toContain("Permission conflict on node 'target'");
    expect(rig.node('source').parents.size).toBe(0);
    await rig.machine.unplug(device);
    await completeMirror(rig);
  });

  it('under an id that is in use, and under none that QEMU would take', async () => {
    await using rig = await openRig();
    await rig.open('a');
    await rig.open('b');
    await rig.readyMirror();
    expect((await refusalOf(rig.mirror({ source: 'a', target: 'b' }))).message).toContain(
      "Job ID 'job0' already in use",
    );
    const free = { id: '0job', source: 'a', target: 'b' };
    expect((await refusalOf(rig.mirror(free))).message).toContain("Invalid job ID '0job'");
  });

  it('to a disk that cannot be written', async () => {
    await using rig = await openRig();
    const target = { driver: 'memory', 'node-name': 'fixed', size: SIZE, 'read-only': true };
    await rig.machine.graph.open(target);
    const error = await refusalOf(rig.mirror({ target: 'fixed' }));
    expect(error.message).toContain('Block node is read-only');
    expect(rig.machine.jobs.all).toEqual([]);
  });
});

describe('a read-only source', () => {
  it('is mirrored, and its reader moves to the target', async () => {
    await using rig = await openRig();
    const fixed: BlockNode = await rig.machine.graph.open({
      driver: 'throttle',
      'node-name': 'fixed',
      limits: {},
      file: 'source',
      'read-only': true,
    });
    const device = rig.plug('fixed');
    await completeMirror(rig, { source: 'fixed' });
    expect(fixed.parents.size).toBe(0);
    const data = new Uint8Array(512);
    expect(await device.request({ type: 'in', sector: 0, data })).toBe(STATUS.OK);
    expect(data).toEqual(rig.disk('target').bytes.subarray(0, 512));
  });
});
