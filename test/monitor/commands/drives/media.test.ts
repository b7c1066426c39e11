import { describe, expect, it } from 'vitest';
import { addDevice } from '../../../../src/machine/device-models.ts';
import { MonitorRig } from '../../../support/monitor-rig.ts';

async function monitor() {
  const rig = new MonitorRig();
  const { machine } = rig;
  const names = ['disk', 'medium', 'other'];
  for (const name of names) {
    await machine.graph.open({ driver: 'memory', size: 512, 'node-name': name });
  }
  machine.drives.add({ name: 'd0' }).insert(machine.graph.find('disk'));
  machine.drives.add({ name: 'empty' });
  const plug = (given: Readonly<Record<string, string>>) =>
    addDevice(machine, { given, notation: 'keyval', isHotplug: false });
  plug({ driver: 'virtio-blk', drive: 'd0', id: 'v0' });
  plug({ driver: 'ide-cd', id: 'cd' });
  return { machine, client: await rig.client() };
}

const generic = (desc: string) => ({ class: 'GenericError', desc });

describe('a drive', () => {
  // What QEMU 7.2 says.
  it.each([
    [{}, generic("Need exactly one of 'device' and 'id'")],
    [{ device: 'd0', id: 'v0' }, generic("Need exactly one of 'device' and 'id'")],
    [{ device: 'nix' }, { class: 'DeviceNotFound', desc: "Device 'nix' not found" }],
    [{ id: 'nix' }, { class: 'DeviceNotFound', desc: "Device 'nix' not found" }],
    [{ id: 'v0' }, generic('Device does not have a block device backend')],
    [{ device: 'd0' }, generic("Device 'd0' is not removable")],
    [
      { id: '/machine/peripheral/v0/virtio-backend' },
      generic("Device '/machine/peripheral/v0/virtio-backend' is not removable"),
    ],
  ])('is named by %j', async (given, answer) => {
    const { client, machine } = await monitor();
    expect(await client.execute('eject', given)).toEqual(answer);
    await machine.close();
  });

  it('has its tray and its medium moved', async () => {
    const { client, machine } = await monitor();
    const insert = (node: string) =>
      client.execute('blockdev-insert-medium', { id: 'cd', 'node-name': node });
    expect(await insert('medium')).toEqual(generic('Tray of the device is not open'));
    const said = await client.ask({ execute: 'blockdev-open-tray', arguments: { id: 'cd' } });
    expect(said).toMatchObject([
      { event: 'DEVICE_TRAY_MOVED', data: { device: '', id: 'cd', 'tray-open': true } },
      { return: {} },
    ]);
    expect(await insert('nix')).toEqual(generic("Node 'nix' not found"));
    expect(await insert('disk')).toEqual(generic("Node 'disk' is already in use"));
    expect(await insert('medium')).toEqual({});
    expect(await insert('other')).toEqual(generic('There already is a medium in the device'));
    const [, , cd] = machine.drives.all;
    expect(cd?.medium?.name).toBe('medium');
    expect(await client.execute('blockdev-close-tray', { id: 'cd' })).toEqual({});
    expect(await client.execute('blockdev-remove-medium', { id: 'cd' })).toEqual(
      generic("Tray of device 'cd' is not open"),
    );
    expect(await client.execute('eject', { id: 'cd' })).toEqual({});
    expect(cd?.medium).toBeUndefined();
    await machine.close();
  });

  it('gets another image, or keeps what it has', async () => {
    const { client, machine } = await monitor();
    const change = (filename: string) =>
      client.execute('blockdev-change-medium', { device: 'empty', filename, format: 'raw' });
    expect(await change('null-co://')).toEqual({});
    expect(await change('foo:x')).toEqual(generic("Unknown protocol 'foo'"));
    expect(machine.drives.find('empty')?.medium?.options.driver).toBe('raw');
    await machine.close();
  });
});
