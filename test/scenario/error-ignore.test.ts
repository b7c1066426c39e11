/** A mirror that ignores the errors of a disk: it tries again, but not as often as it could. */

import { describe, expect, it } from 'vitest';
import { GRANULARITY, MachineRig, SIZE } from '../support/machine-rig.ts';

const SECOND_MS = 1000;
const EVENTS_MAX = 5000;

async function disks() {
  const rig = new MachineRig();
  // Without this a storm that leaves time no turn would never end, rather than fail.
  rig.onEvent = () => {
    if (rig.events.length > EVENTS_MAX) throw new Error('there is a storm of events');
  };
  const source = await rig.openFaulty('source');
  const target = await rig.openFaulty('target', [], { start: 100 });
  return { rig, source, target };
}

/** How many errors are told in the seconds from now. */
async function errorsWithin(rig: MachineRig, durationMs: number): Promise<number> {
  const before = rig.dataOf('BLOCK_JOB_ERROR').length;
  await rig.pass(durationMs);
  return rig.dataOf('BLOCK_JOB_ERROR').length - before;
}

const SIDES = [
  { side: 'source', operation: 'read', option: 'onSourceError' },
  { side: 'target', operation: 'write', option: 'onTargetError' },
] as const;

describe('errors that are ignored', () => {
  it.each(SIDES)(
    'of the whole $side come less and less often, but do not cease',
    async ({ side, operation, option }) => {
      const { rig, ...sides } = await disks();
      await using machine = rig;
      sides[side].control.arm({ iotype: operation });
      const { job } = await machine.mirror({ [option]: 'ignore' });
      // All copies that were in flight fail at once: sixteen at most.
      expect(await errorsWithin(machine, 1)).toBeLessThanOrEqual(16);
      const first = await errorsWithin(machine, 10 * SECOND_MS);
      expect(first).toBeGreaterThan(10);
      expect(first).toBeLessThan(16 * 20);
      const later = await errorsWithin(machine, 60 * SECOND_MS);
      expect(later).toBeGreaterThanOrEqual(55);
      expect(later).toBeLessThanOrEqual(16 * 61);
      expect(job.state).toMatchObject({ status: 'running', ioStatus: 'ok', offset: 0 });
    },
  );

  it('of one range do not keep the others from being copied', async () => {
    const { rig, source, target } = await disks();
    await using machine = rig;
    target.control.arm({ id: 'bad', iotype: 'write', sector: 20 });
    // A copy is what fails, so copies as long as a bit of the bitmap.
    const sizes = { bufSize: SIZE };
    const { job, work } = await machine.mirror({ onTargetError: 'ignore', ...sizes });
    await machine.pass(60 * SECOND_MS);
    expect(job.status).toBe('running');
    expect(work.inspect().dirty.dirtyBytes).toBe(GRANULARITY);
    const bad = { start: 2 * GRANULARITY, end: 3 * GRANULARITY };
    for (const { disk } of [source, target]) disk.bytes.fill(0, bad.start, bad.end);
    expect(Buffer.compare(target.disk.bytes, source.disk.bytes)).toBe(0);
    source.disk.bytes.fill(7, bad.start, bad.end);
    target.control.disarm('bad');
    await machine.runUntil(() => job.status === 'ready');
    expect(Buffer.compare(target.disk.bytes, source.disk.bytes)).toBe(0);
  });

  it('once are over soon after the disk is mended, and forgotten', async () => {
    const { rig, target } = await disks();
    await using machine = rig;
    target.control.arm({ id: 'bad', iotype: 'write' });
    const { job } = await machine.mirror({ onTargetError: 'ignore' });
    await machine.pass(60 * SECOND_MS);
    target.control.disarm('bad');
    const mendedMs = machine.clock.nowMs();
    await machine.runUntil(() => job.status === 'ready');
    expect(machine.clock.nowMs() - mendedMs).toBeLessThan(2 * SECOND_MS);
    expect(job.state.ioStatus).toBe('ok');
  });

  it('of a flush come no more often than others', async () => {
    const { rig, source, target } = await disks();
    await using machine = rig;
    target.control.arm({ id: 'bad', iotype: 'flush' });
    const { job } = await machine.mirror({ onTargetError: 'ignore' });
    const seconds = 60;
    const count = await errorsWithin(machine, seconds * SECOND_MS);
    expect(count).toBeGreaterThanOrEqual(seconds - 5);
    expect(count).toBeLessThanOrEqual(seconds + 10);
    expect(job.status).toBe('running');
    target.control.disarm('bad');
    await machine.runUntil(() => job.status === 'ready');
    expect(Buffer.compare(target.disk.bytes, source.disk.bytes)).toBe(0);
  });

  it('of each guest write in write-blocking mode are one each, and the guest goes on', async () => {
    const { rig, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const options = { onTargetError: 'ignore', copyMode: 'write-blocking' } as const;
    const { job } = await machine.readyMirror(options);
    target.control.arm({ id: 'bad', iotype: 'write', initiator: 'any' });
    for (const sector of [0, 8, 16]) {
      const status = await guest.request({ type: 'out', sector, data: new Uint8Array(512) });
      expect(status).toBe(0);
    }
    expect(machine.dataOf('BLOCK_JOB_ERROR').length).toBeGreaterThanOrEqual(3);
    expect(job.status).toBe('ready');
  });

  it('do not hold up a forced cancel, nor a pause', async () => {
    const { rig, target } = await disks();
    await using machine = rig;
    target.control.arm({ iotype: 'write' });
    const { job } = await machine.mirror({ onTargetError: 'ignore' });
    await machine.pass(30 * SECOND_MS);
    const startMs = machine.clock.nowMs();
    job.pause();
    await machine.runUntil(() => job.status === 'paused');
    job.resume();
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    expect(machine.clock.nowMs() - startMs).toBeLessThan(100);
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });
});
