/**
 * Who may use the disks of a mirror, and for what (QEMU's permissions;
 * blockdev_mirror_qemuio_target and forbidden_actions).
 */

import { describe, expect, it } from 'vitest';
import { STATUS } from '../../src/device/request.ts';
import { write } from '../support/device-rig.ts';
import { MachineRig } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

const BYTES = new Uint8Array(512).fill(3);

async function disks() {
  const rig = new MachineRig();
  const source = await rig.open('source');
  const target = await rig.open('target', { start: 100 });
  return { rig, source, target };
}

/** The error of something that is not allowed now. */
function busy(text: string) {
  return expect.objectContaining({ code: 'EBUSY', message: expect.stringContaining(text) });
}

const CONFLICT =
  "Permission conflict on node 'target': permissions 'consistent read, write' are both required by";
const DEVICE = "block device 'vda' (uses node 'target' as 'root' child)";
const MIRROR = "an unnamed block device (uses node 'target' as 'root' child)";

describe('the target of a mirror', () => {
  it('is not for a device that writes, and the refused one leaves nothing behind', async () => {
    const { rig } = await disks();
    await using machine = rig;
    const { job } = await machine.readyMirror();
    expect(() => machine.plug('target')).toThrow(
      busy(`permissions 'write' are both required by ${MIRROR} and unshared by ${DEVICE}.`),
    );
    const names = [...machine.node('target').parents].map(({ parent }) => parent.name);
    expect(names).not.toContain('vda');
    job.cancel({ force: false });
    await machine.runUntil(() => job.status === 'null');
    await settle();
    expect(await machine.plug('target').request(write(0, BYTES))).toBe(STATUS.OK);
  });

  it('is not for a device that only reads: it is no copy of anything yet', async () => {
    const { rig } = await disks();
    await using machine = rig;
    await machine.readyMirror();
    expect(() => machine.plug('target', { readOnly: true, shareRw: true })).toThrow(
      busy(`permissions 'consistent read' are both required by ${DEVICE} and unshared by`),
    );
  });

  it('is not a disk that a device writes to', async () => {
    const { rig } = await disks();
    await using machine = rig;
    machine.plug('target');
    await expect(machine.mirror()).rejects.toThrow(
      busy(`${CONFLICT} ${DEVICE} and unshared by ${MIRROR}.`),
    );
    await settle();
    expect(machine.told).toEqual(['created', 'null']);
    expect(machine.node('source').parents.size).toBe(0);
    expect(machine.node('target').parents.size).toBe(1);
  });

  it('is not for another job, in either direction', async () => {
    const { rig } = await disks();
    await using machine = rig;
    await machine.open('third');
    await machine.readyMirror();
    const inUse = busy('block device is in use by block job: mirror');
    const other = { id: 'job1' };
    for (const ends of [
      { source: 'third', target: 'target' },
      { source: 'target', target: 'third' },
      { source: 'third', target: 'source' },
    ]) {
      await expect(machine.mirror({ ...other, ...ends })).rejects.toThrow(inUse);
    }
  });

  it('neither grows nor shrinks while the job runs, and nor does the source', async () => {
    const { rig } = await disks();
    await using machine = rig;
    const { job } = await machine.readyMirror();
    for (const name of ['source', 'target']) {
      await expect(machine.node(name).resize(32 * 1024)).rejects.toThrow(
        expect.objectContaining({ code: 'EBUSY' }),
      );
    }
    job.cancel({ force: true });
    await machine.runUntil(() => job.status === 'null');
    await machine.node('target').resize(32 * 1024);
    expect(machine.node('target').size).toBe(32 * 1024);
  });
});

describe('the source of a mirror', () => {
  it('keeps the device that writes to it until that goes to the target', async () => {
    const { rig, source, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source');
    const { job } = await machine.readyMirror();
    job.complete();
    await machine.runUntil(() => job.status === 'null');
    expect(await guest.request(write(0, BYTES))).toBe(STATUS.OK);
    expect(target.bytes.subarray(0, 512)).toEqual(BYTES);
    // The device has left the source to others.
    const other = machine.plug('source', { name: 'vdb' });
    expect(await other.request(write(1, BYTES))).toBe(STATUS.OK);
    expect(source.bytes.subarray(512, 1024)).toEqual(BYTES);
  });

  it('can be given a device that writes while the mirror runs, and nothing is missed', async () => {
    for (const copyMode of ['background', 'write-blocking'] as const) {
      const { rig, source, target } = await disks();
      await using machine = rig;
      const { job } = await machine.readyMirror({ copyMode });
      const guest = machine.plug('source');
      expect(await guest.request(write(9, BYTES))).toBe(STATUS.OK);
      job.cancel({ force: false });
      await machine.runUntil(() => job.status === 'null');
      expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
      expect(target.bytes.subarray(9 * 512, 10 * 512)).toEqual(BYTES);
    }
  });

  it('that a device has for reading only is mirrored, and stays read-only for it', async () => {
    const { rig, source, target } = await disks();
    await using machine = rig;
    const guest = machine.plug('source', { readOnly: true });
    const { job } = await machine.readyMirror();
    expect(await guest.request(write(0, BYTES))).toBe(STATUS.IOERR);
    job.complete();
    await machine.runUntil(() => job.status === 'null');
    expect(await guest.request(write(0, BYTES))).toBe(STATUS.IOERR);
    expect(Buffer.compare(target.bytes, source.bytes)).toBe(0);
  });
});
