/** A device that is unplugged while its disk is mirrored (blockdev_mirror_hotunplug). */

import { describe, expect, it } from 'vitest';
import { STATUS } from '../../src/device/request.ts';
import { submitting, write } from '../support/device-rig.ts';
import { MachineRig } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

const BYTES = new Uint8Array(512).fill(3);

async function disks() {
  const rig = new MachineRig();
  const source = await rig.open('source');
  const target = await rig.open('target', { start: 100 });
  return { rig, source, target };
}

describe('a device that is unplugged', () => {
  it('in phase 1 leaves the mirror going, to its end', async () => {
    const { rig, source, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const { job } = await machine.mirror({ speed: 4096 });
    await guest.request(write(0, BYTES));
    await machine.machine.unplug(guest);
    expect(machine.dataOf('DEVICE_DELETED')).toHaveLength(2);
    expect(job.status).toBe('running');
    job.setSpeed(0);
    await machine.runUntil(() => job.status === 'ready');
    job.complete();
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
  });

  it.each(['complete', 'cancel'] as const)(
    'in phase 2 has everything that it wrote on the target after a %s',
    async (verb) => {
      const { rig, source, target } = await disks();
      await using machine = rig;
      const guest = machine.plug('source');
      const { job } = await machine.readyMirror();
      const { statuses } = submitting(guest, write(0, BYTES), write(90, BYTES));
      await machine.machine.unplug(guest);
      expect(statuses).toEqual([STATUS.OK, STATUS.OK]);
      if (verb === 'complete') job.complete();
      else job.cancel({ force: false });
      await machine.runUntil(() => job.status === 'null');
      expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
      expect(target.bytes.subarray(0, 512)).toEqual(BYTES);
    },
  );

  it('in write-blocking mode is gone only when both disks have what it wrote', async () => {
    const { rig, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    await machine.readyMirror({ copyMode: 'write-blocking' });
    target.gate.mode = 'held';
    const { statuses } = submitting(guest, write(0, BYTES));
    let isGone = false;
    const leaving = machine.machine.unplug(guest).then(() => {
      isGone = true;
    });
    await machine.pass(1000);
    expect([isGone, statuses]).toEqual([false, []]);
    expect(machine.dataOf('DEVICE_DELETED')).toEqual([]);
    target.gate.mode = 'sync';
    machine.completeHeld('target');
    await leaving;
    expect(statuses).toEqual([STATUS.OK]);
    expect(target.bytes.subarray(0, 512)).toEqual(BYTES);
  });

  it('while the mirror waits to be finalized leaves when that has let its writes go', async () => {
    const { rig, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const { job } = await machine.readyMirror({ autoFinalize: false });
    job.complete();
    await machine.runUntil(() => job.status === 'pending');
    const { statuses } = submitting(guest, write(0, BYTES));
    let isGone = false;
    const leaving = machine.machine.unplug(guest).then(() => {
      isGone = true;
    });
    await machine.pass(1000);
    expect(isGone).toBe(false);
    job.finalize();
    await machine.runUntil(() => isGone);
    await leaving;
    expect(statuses).toEqual([STATUS.OK]);
    expect(target.bytes.subarray(0, 512)).toEqual(BYTES);
  });

  it('leaves a disk that another one can be plugged in on, whose writes are mirrored', async () => {
    const { rig, source, target } = await disks();
    await using machine = rig;
    const first = machine.plug('source');
    const { job } = await machine.readyMirror();
    await machine.machine.unplug(first);
    const second = machine.plug('source', { name: 'vdb' });
    await second.request(write(5, BYTES));
    job.complete();
    await machine.runUntil(() => job.status === 'null');
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
  });

  it('leaves disks that stay in use until the mirror is over', async () => {
    const { rig } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const { job } = await machine.readyMirror();
    await machine.machine.unplug(guest);
    const { graph } = machine.machine;
    for (const name of ['source', 'target']) {
      await expect(graph.close(machine.node(name))).rejects.toThrow(
        expect.objectContaining({ code: 'EBUSY' }),
      );
    }
    job.cancel({ force: false });
    await machine.runUntil(() => job.status === 'null');
    await settle();
    for (const name of ['source', 'target']) await graph.close(machine.node(name));
  });
});
