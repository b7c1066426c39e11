import { describe, expect, it } from 'vitest';
import { STATUS } from '../../src/device/request.ts';
import { addDevice } from '../../src/machine/device-models.ts';
import { read } from '../support/device-rig.ts';
import { MachineRig } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

/** A machine with a disk; devices are asked for as on a command line. */
async function machineWithDisk() {
  const rig = new MachineRig();
  await rig.open('disk');
  const { machine } = rig;
  const add = (given: Readonly<Record<string, string>>, isHotplug = true) =>
    addDevice(machine, {
      given: { driver: 'virtio-blk', drive: 'disk', ...given },
      notation: 'keyval',
      isHotplug,
    });
  return { rig, machine, add };
}

const DELETED = 'DEVICE_DELETED';

describe('a device', () => {
  it('has a place by its id, or by a number that even those take that cannot be made', async () => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    expect(() => add({ drive: 'nix' })).toThrow();
    const nameless = add({ 'share-rw': 'on' });
    expect(nameless.root).toBe('/machine/peripheral-anon/device[1]');
    const named = add({ id: 'v0', 'share-rw': 'on' });
    expect(named.path).toBe('/machine/peripheral/v0/virtio-backend');
    expect(add({ driver: 'virtio-blk-device', id: 'v1', 'share-rw': 'on' }).path).toBe(
      '/machine/peripheral/v1',
    );
    expect(['v0', named.root, named.path].map((name) => machine.devices.find(name))).toEqual([
      named,
      named,
      named,
    ]);
  });

  // What QEMU 7.2 says.
  it.each([
    [{ driver: 'foo' }, "'foo' is not a valid device model name"],
    [{ id: '1x' }, "Parameter 'id' expects an identifier"],
    [{ bus: 'foo' }, "Bus 'foo' not found"],
    [{ drive: 'nix' }, "Property 'virtio-blk-device.drive' can't find value 'nix'"],
    [{ foo: '1' }, "Property 'virtio-blk-pci.foo' not found"],
    [{ drive: 'empty' }, 'Device needs media, but drive is empty'],
    [{ iothread: 'x' }, "Device 'x' not found"],
    [{ driver: 'ide-cd' }, "Bus 'ide.0' does not support hotplugging"],
  ])('is refused with %j, and leaves nothing', async (given, reason) => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    machine.drives.add({ name: 'empty' });
    expect(() => add(given)).toThrow(expect.objectContaining({ reason }));
    expect([machine.devices.all, machine.drives.all.length]).toEqual([[], 1]);
    expect(rig.node('disk').parents.size).toBe(0);
  });

  it('is alone on its drive and its id, and by default on a disk that it writes to', async () => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    machine.drives.add({ name: 'd0' }).insert(rig.node('disk'));
    add({ drive: 'd0', id: 'v0', bootindex: '1' });
    expect(() => add({ drive: 'd0' })).toThrow("Drive 'd0' is already in use by another device");
    expect(() => add({ id: 'v0' })).toThrow("Duplicate device ID 'v0'");
    expect(() => add({ bootindex: '1', 'share-rw': 'on' })).toThrow(
      'The bootindex 1 has already been used',
    );
    expect(() => add({ id: 'v1' })).toThrow(
      "permissions 'write' are both required by block device 'd0' (uses node 'disk' as 'root' " +
        "child) and unshared by block device '/machine/peripheral/v1/virtio-backend'",
    );
    expect(machine.drives.find('d0')?.device?.path).toBe('/machine/peripheral/v0/virtio-backend');
  });

  it('has the error policies of its drive where it has none of its own', async () => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    const policies = { rerror: 'report', werror: 'report' } as const;
    machine.drives.add({ name: 'd0', ...policies }).insert(rig.node('disk'));
    expect(add({ drive: 'd0', 'share-rw': 'on' }).ioStatus).toBeUndefined();
    machine.drives.add({ name: 'd1', ...policies }).insert(rig.node('disk'));
    expect(add({ drive: 'd1', 'share-rw': 'on', werror: 'stop' }).ioStatus).toBe('ok');
  });

  it('counts what is not done as its drive does, where it does not say how', async () => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    const accountRules = { invalid: false, failed: false };
    machine.drives.add({ name: 'd0', accountRules }).insert(rig.node('disk'));
    const given = { drive: 'd0', 'share-rw': 'on', 'account-failed': 'on' };
    expect(add(given).drive.accounts.rules).toEqual({ invalid: false, failed: true });
  });

  it('is stopped in spite of requests that wait for its limits', async () => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    const { drive, front } = add({});
    machine.drives.throttle(drive, 'g', { 'iops-total': 1 });
    const statuses = [0, 1, 2].map(() => front?.request(read()));
    await machine.runState.stop();
    expect(await Promise.all(statuses)).toEqual([STATUS.OK, STATUS.OK, STATUS.OK]);
  });
});

describe('a device that is to leave', () => {
  it('does when its guest has let it go, from the inside out, and its drive with it', async () => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    machine.drives.add({ name: 'd0' }).insert(rig.node('disk'));
    machine.devices.requestUnplug(add({ drive: 'd0', id: 'v0' }));
    expect(rig.dataOf(DELETED)).toEqual([]);
    await settle();
    expect(rig.dataOf(DELETED)).toEqual([
      { path: '/machine/peripheral/v0/virtio-backend' },
      { device: 'v0', path: '/machine/peripheral/v0' },
    ]);
    expect([machine.devices.all, machine.drives.all]).toEqual([[], []]);
    expect(rig.node('disk').parents.size).toBe(0);
  });

  it.each(['cont', 'reset'] as const)('waits in a stopped machine for %s', async (verb) => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    await machine.runState.stop();
    const device = add({ id: 'v0' });
    machine.devices.requestUnplug(device);
    await settle();
    expect([device.isLeaving, rig.dataOf(DELETED)]).toEqual([true, []]);
    machine.runState[verb]();
    await settle();
    expect(rig.dataOf(DELETED)).toHaveLength(2);
  });
});

describe('a device whose guest has not begun', () => {
  it('leaves without being let go', async () => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    await machine.runState.stop();
    machine.runState.reset();
    machine.devices.requestUnplug(add({ id: 'v0' }));
    await settle();
    expect(rig.dataOf(DELETED)).toHaveLength(2);
  });
});

describe('a CD drive', () => {
  it('tells of its tray by its id, and of its medium nothing', async () => {
    const { rig, machine, add } = await machineWithDisk();
    await using _rig = rig;
    const { drive, tray } = add({ driver: 'ide-cd', id: 'cd', 'account-invalid': 'off' }, false);
    expect([drive.isRemovable, drive.device?.qdev, drive.medium?.name]).toEqual([
      true,
      'cd',
      'disk',
    ]);
    expect(drive.accounts.rules).toEqual({ invalid: false, failed: true });
    tray?.open();
    expect(rig.dataOf('DEVICE_TRAY_MOVED')).toEqual([{ device: '', id: 'cd', 'tray-open': true }]);
    expect(machine.devices.all).toHaveLength(1);
  });
});
