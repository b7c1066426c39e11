import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import type { CopyMode } from '../../src/jobs/mirror/options.ts';
import type { JobStatus } from '../../src/jobs/states.ts';
import { pattern } from '../support/drivers.ts';
import { GRANULARITY, MachineRig, SIZE } from '../support/machine-rig.ts';
import { settle, watch } from '../support/settle.ts';

const WRITE_BLOCKING = { copyMode: 'write-blocking' } as const;
const broken = new BlockError('EIO', 'write', 'broken');

async function openRig(): Promise<MachineRig> {
  const rig = new MachineRig();
  await rig.open('source');
  await rig.open('target', { start: 100 });
  return rig;
}

function out(sector: number, data: Uint8Array) {
  return { type: 'out', sector, data } as const;
}

function demandEqual(rig: MachineRig, source = 'source', target = 'target'): void {
  expect(Buffer.compare(rig.disk(target).bytes, rig.disk(source).bytes)).toBe(0);
}

/** Lets queries of the target go until that many writes are held there. */
async function reachWrites(rig: MachineRig, count: number): Promise<void> {
  const { gate } = rig.disk('target');
  await rig.runUntil(() => {
    for (const held of [...gate.held]) if (held.operation !== 'write') held.complete();
    return gate.held.length === count;
  });
}

async function finish(rig: MachineRig, job: { readonly status: JobStatus; complete(): void }) {
  job.complete();
  await rig.runUntil(() => job.status === 'null');
}

describe('in write-blocking mode from the start', () => {
  it('what is written after READY is on both disks when it completes, never dirty', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    const { job, work } = await rig.readyMirror(WRITE_BLOCKING);
    expect(work.progress()).toMatchObject({ activelySynced: true, remaining: 0 });
    for (const [sector, length] of [
      [0, 512],
      [7, 1024],
      [9, 8192],
      [120, 4096],
    ] as const) {
      await device.request(out(sector, pattern(length, sector)));
      demandEqual(rig);
      expect(work.progress()).toMatchObject({ activelySynced: true, remaining: 0 });
    }
    await device.request({
      type: 'writeZeroes',
      segments: [{ sector: 3, sectors: 30, unmap: true }],
    });
    await device.request({ type: 'discard', segments: [{ sector: 64, sectors: 8, unmap: false }] });
    demandEqual(rig);
    await finish(rig, job);
    demandEqual(rig);
  });

  it('a write during the copy goes to both where it must not wait for the copy', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    rig.disk('target').gate.mode = 'held';
    const { job } = await rig.mirror({ ...WRITE_BLOCKING, bufSize: GRANULARITY });
    await reachWrites(rig, 1);
    const last = SIZE - GRANULARITY;
    const write = watch(() => device.request(out(last / 512, pattern(GRANULARITY, 9))));
    await settle();
    const own = rig.disk('target').gate.held.find(({ offset }) => offset === last);
    expect(own?.length).toBe(GRANULARITY);
    expect(write.state).toBe('pending');
    own?.complete();
    await settle();
    expect(write.state).toBe('done');
    rig.disk('target').gate.mode = 'sync';
    for (const held of [...rig.disk('target').gate.held]) held.complete();
    await rig.runUntil(() => job.status === 'ready');
    demandEqual(rig);
    // That granule was not copied again.
    const writes = rig
      .disk('target')
      .calls.filter(({ operation, offset }) => operation === 'write' && offset === last);
    expect(writes).toHaveLength(1);
  });

  it('requests that intersect one in flight come after it, and all reach the target', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    const { job } = await rig.readyMirror(WRITE_BLOCKING);
    const target = rig.disk('target');
    target.gate.mode = 'held';
    const requests = [
      out(0, pattern(2048, 1)),
      out(2, pattern(3072, 2)),
      out(1, pattern(512, 3)),
      out(6, pattern(4096, 4)),
      { type: 'writeZeroes', segments: [{ sector: 3, sectors: 6, unmap: true }] },
    ] as const;
    const watched = requests.map((request) => watch(() => device.request(request)));
    await settle();
    expect(target.gate.held).toHaveLength(1);
    await rig.runUntil(() => {
      // The one that came last is answered first.
      target.gate.held.at(-1)?.complete();
      return watched.every(({ state }) => state === 'done');
    });
    demandEqual(rig);
    target.gate.mode = 'sync';
    await finish(rig, job);
    expect(await job.finished).toEqual({ status: 'completed' });
  });

  it('goes on while the job is paused: only copies rest', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    const { job, work } = await rig.readyMirror(WRITE_BLOCKING);
    job.pause();
    await rig.runUntil(() => job.status === 'standby');
    await device.request(out(8, pattern(512, 9)));
    demandEqual(rig);
    expect(work.progress().activelySynced).toBe(true);
    job.resume();
    await rig.runUntil(() => job.status === 'ready');
  });
});

describe('an error of the target in write-blocking mode', () => {
  for (const policy of ['ignore', 'stop'] as const) {
    it(`ends the synchrony until both have met again: ${policy}`, async () => {
      await using rig = await openRig();
      const device = rig.plug('source');
      const options = { ...WRITE_BLOCKING, onTargetError: policy };
      const { job, work } = await rig.readyMirror(options);
      const target = rig.disk('target');
      target.gate.mode = 'held';
      const write = watch(() => device.request(out(8, pattern(512, 9))));
      await settle();
      target.gate.next('write').fail(broken);
      await settle();
      expect(write.state).toBe('done');
      const action = policy;
      expect(rig.dataOf('BLOCK_JOB_ERROR')).toEqual([
        { device: 'job0', operation: 'write', action },
      ]);
      expect(work.progress()).toMatchObject({ activelySynced: false, remaining: GRANULARITY });
      target.gate.mode = 'sync';
      for (const held of [...target.gate.held]) held.complete();
      if (policy === 'stop') {
        await rig.runUntil(() => job.status === 'standby');
        // While it waits to be mended, no write meets the error again.
        await device.request(out(40, pattern(512, 9)));
        expect(rig.dataOf('BLOCK_JOB_ERROR')).toHaveLength(1);
        expect(work.progress().remaining).toBe(2 * GRANULARITY);
        job.resume();
      }
      await rig.runUntil(() => work.progress().activelySynced);
      demandEqual(rig);
      // READY was told once, and is not lost by an error.
      expect(rig.told.filter((word) => word === 'BLOCK_JOB_READY')).toHaveLength(1);
      await device.request(out(9, pattern(512, 10)));
      demandEqual(rig);
      await finish(rig, job);
    });
  }

  it('fails the job for "report", with the guest on the source and none the wiser', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    const { job } = await rig.readyMirror(WRITE_BLOCKING);
    const target = rig.disk('target');
    target.gate.mode = 'held';
    const write = device.request(out(8, pattern(512, 9)));
    await settle();
    target.gate.next('write').fail(broken);
    target.gate.mode = 'sync';
    expect(await write).toBe(0);
    await rig.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'failed', error: broken });
    const last = rig.dataOf('BLOCK_JOB_COMPLETED').at(-1);
    expect(last).toMatchObject({ error: 'Input/output error' });
  });
});

describe('a forced cancel in write-blocking mode', () => {
  it('lets go every guest write that waits for a target that never answers', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    rig.disk('target').gate.mode = 'held';
    const { job } = await rig.mirror({ ...WRITE_BLOCKING, bufSize: GRANULARITY });
    await reachWrites(rig, 1);
    const requests = [
      // Waits for a copy that has the range, …
      out(0, pattern(512, 1)),
      // … for the target, …
      out(64, pattern(GRANULARITY, 2)),
      // … and for its turn.
      out(64, pattern(2 * GRANULARITY, 3)),
    ].map((request) => watch(() => device.request(request)));
    await settle();
    expect(requests.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
    await rig.runUntil(() => requests.every(({ state }) => state === 'done'));
    expect(await job.finished).toEqual({ status: 'cancelled' });
    const { bytes } = rig.disk('source');
    expect(bytes.subarray(0, 512)).toEqual(pattern(512, 1));
    const last = pattern(2 * GRANULARITY, 3);
    expect(bytes.subarray(64 * 512, 64 * 512 + last.length)).toEqual(last);
  });
});

describe('a write that the source fails in write-blocking mode', () => {
  it('is copied again as the source has it, whatever the target got', async () => {
    for (const takesEffect of [true, false]) {
      await using rig = await openRig();
      const device = rig.plug('source', { werror: 'report' });
      const { job } = await rig.readyMirror(WRITE_BLOCKING);
      const source = rig.disk('source');
      source.gate.mode = 'held';
      const write = device.request(out(8, pattern(700 * 512, 9).subarray(0, 1024)));
      await settle();
      const held = source.gate.next('write');
      if (takesEffect) held.takeEffect();
      // The target has what the source has perhaps not.
      expect(rig.disk('target').bytes[8 * 512]).toBe(pattern(1, 9)[0]);
      held.fail(broken);
      source.gate.mode = 'sync';
      expect(await write).not.toBe(0);
      await finish(rig, job);
      expect(await job.finished).toEqual({ status: 'completed' });
      demandEqual(rig);
    }
  });
});

describe('the copy mode', () => {
  /** Brings a job to a status. */
  const statuses: Readonly<
    Record<string, (rig: MachineRig) => Promise<Awaited<ReturnType<MachineRig['mirror']>>>>
  > = {
    running: async (rig) => {
      rig.disk('target').gate.mode = 'held';
      const started = await rig.mirror();
      await reachWrites(rig, 1);
      return started;
    },
    paused: async (rig) => {
      const started = await rig.mirror({ speed: 4096 });
      started.job.pause();
      await rig.runUntil(() => started.job.status === 'paused');
      return started;
    },
    ready: (rig) => rig.readyMirror(),
    standby: async (rig) => {
      const started = await rig.readyMirror();
      started.job.pause();
      await rig.runUntil(() => started.job.status === 'standby');
      return started;
    },
  };

  for (const [status, reach] of Object.entries(statuses)) {
    it(`can be changed while the job is ${status}`, async () => {
      await using rig = await openRig();
      const device = rig.plug('source');
      const { job, work } = await reach(rig);
      expect(job.status).toBe(status);
      job.change(() => work.setCopyMode('write-blocking'));
      expect(work.copyMode).toBe('write-blocking');
      for (const { gate } of [rig.disk('target')]) {
        gate.mode = 'sync';
        for (const held of [...gate.held]) held.complete();
      }
      if (job.state.paused) job.resume();
      job.setSpeed(0);
      await rig.runUntil(() => job.status === 'ready' && work.progress().activelySynced);
      await device.request(out(8, pattern(512, 9)));
      demandEqual(rig);
      expect(work.progress().remaining).toBe(0);
      await finish(rig, job);
    });
  }

  it('is background again for what comes after it was changed back', async () => {
    await using rig = await openRig();
    const device = rig.plug('source');
    const { job, work } = await rig.readyMirror(WRITE_BLOCKING);
    job.change(() => work.setCopyMode('background'));
    const calls = rig.disk('target').calls.length;
    await device.request(out(8, pattern(512, 9)));
    expect(rig.disk('target').calls).toHaveLength(calls);
    expect(work.progress()).toMatchObject({ activelySynced: false, remaining: GRANULARITY });
    await finish(rig, job);
    demandEqual(rig);
  });

  it('cannot be changed once the job is over', async () => {
    await using rig = await openRig();
    const { job, work } = await rig.readyMirror({ autoDismiss: false });
    job.complete();
    await rig.runUntil(() => job.status === 'concluded');
    expect(() => job.change(() => work.setCopyMode('background'))).toThrow(
      "Job 'job0' in state 'concluded' cannot accept command verb 'change'",
    );
  });

  it('that is changed with all buffers in use leaves the copies as fast as before', async () => {
    for (const copyMode of ['background', 'write-blocking', 'adaptive'] satisfies CopyMode[]) {
      await using rig = new MachineRig();
      const size = 512 * GRANULARITY;
      await rig.open('source', { size });
      await rig.open('target', { size, start: 100 });
      const target = rig.disk('target');
      target.gate.mode = 'held';
      const { job, work } = await rig.mirror({ bufSize: 16 * GRANULARITY });
      await reachWrites(rig, 16);
      job.change(() => work.setCopyMode(copyMode));
      for (const held of [...target.gate.held]) held.complete();
      await reachWrites(rig, 16);
    }
  });
});
