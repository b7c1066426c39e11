import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { addDevice } from '../../src/machine/device-models.ts';
import { Machine } from '../../src/machine/machine.ts';
import {
  changeMedium,
  closeTray,
  insertMedium,
  openTray,
  removeMedium,
} from '../../src/machine/media.ts';
import { makeFile, withFolder } from '../support/temporary.ts';

async function machineWith(driver?: 'virtio-blk' | 'ide-cd') {
  const machine = new Machine(nodeEnv());
  const node = await machine.graph.open({ driver: 'memory', size: 512, 'node-name': 'disk' });
  const drive = machine.drives.add({ name: 'd0' });
  drive.insert(node);
  const given = { driver: driver ?? '', drive: 'd0', id: 'dev' };
  if (driver) addDevice(machine, { given, notation: 'keyval', isHotplug: false });
  return { machine, node, drive, named: { drive, name: 'd0' } };
}

const reason = (text: string) => expect.objectContaining({ reason: text });

describe('the medium of a disk', () => {
  it('stays where it is', async () => {
    const { machine, node, named } = await machineWith('virtio-blk');
    const refused = reason("Device 'd0' is not removable");
    expect(() => openTray(named)).toThrow(refused);
    expect(() => closeTray(named)).toThrow(refused);
    await expect(removeMedium(machine, named)).rejects.toThrow(refused);
    expect(() => insertMedium(named, node)).toThrow(reason('Device is not removable'));
    await machine.close();
  });
});

describe('the medium of a CD drive', () => {
  it('moves only through an open tray', async () => {
    const { machine, node, drive, named } = await machineWith('ide-cd');
    await expect(removeMedium(machine, named)).rejects.toThrow(
      reason("Tray of device 'd0' is not open"),
    );
    openTray(named);
    expect(() => insertMedium(named, node)).toThrow(
      reason('There already is a medium in the device'),
    );
    await removeMedium(machine, named);
    expect(drive.medium).toBeUndefined();
    closeTray(named);
    expect(() => insertMedium(named, node)).toThrow(reason('Tray of the device is not open'));
    openTray(named);
    insertMedium(named, node);
    expect(drive.medium).toBe(node);
    await machine.close();
  });
});

describe('a drive without a device', () => {
  it('has no tray that could be closed, and may be emptied twice', async () => {
    const { machine, drive, named } = await machineWith();
    closeTray(named);
    await removeMedium(machine, named);
    await removeMedium(machine, named);
    expect(drive.medium).toBeUndefined();
    await machine.close();
  });

  it('keeps a medium that a job works on', async () => {
    const { machine, drive, named } = await machineWith();
    await machine.graph.open({ driver: 'memory', size: 512, 'node-name': 'target' });
    await machine.jobs.startMirror({ id: 'job0', source: 'disk', target: 'target' });
    await expect(removeMedium(machine, named)).rejects.toThrow(
      reason("Node 'd0' is busy: block device is in use by block job: mirror"),
    );
    expect(drive.medium).toBeDefined();
    await machine.close();
  });
});

describe('an image that takes the place of a medium', () => {
  it('is opened before, so that the medium stays when that fails', async () => {
    const { machine, node, named, drive } = await machineWith();
    await expect(
      changeMedium(machine, named, { filename: '/nowhere/x', format: 'raw' }),
    ).rejects.toThrow(reason("Could not open '/nowhere/x': No such file or directory"));
    expect(drive.medium).toBe(node);
    await machine.close();
  });

  it('is read-only as the one before, unless something else is said', async () => {
    await withFolder(async (folder) => {
      const filename = await makeFile(folder, 'a.img', 1024);
      const { machine, named, drive } = await machineWith('ide-cd');
      const change = { filename, format: 'raw' };
      await changeMedium(machine, named, { ...change, readOnly: true });
      expect([drive.medium?.options.readOnly, drive.device?.tray?.isOpen]).toEqual([true, false]);
      await changeMedium(machine, named, change);
      expect(drive.medium?.options.readOnly).toBe(true);
      await changeMedium(machine, named, { ...change, readOnly: false });
      expect(drive.medium?.options.readOnly).toBe(false);
      // What was there before is closed.
      expect(machine.graph.nodes.map(({ options }) => options.driver).sort()).toEqual([
        'file',
        'memory',
        'raw',
      ]);
      await machine.close();
    });
  });
});
