import { expect, it } from 'vitest';
import { MonitorRig } from '../../support/monitor-rig.ts';

async function monitor() {
  const rig = new MonitorRig();
  await rig.machine.graph.open({ driver: 'memory', size: 512, 'node-name': 'disk' });
  const client = await rig.client();
  const add = (given: object) =>
    client.execute('device_add', { driver: 'virtio-blk', drive: 'disk', ...given });
  return { machine: rig.machine, client, add };
}

it('takes the properties of a device as texts, whatever they are', async () => {
  const { machine, add } = await monitor();
  const odd = { 'share-rw': true, serial: 3, bootindex: '1', addr: null };
  expect(await add({ id: 'v0', ...odd })).toEqual({});
  const device = machine.devices.find('v0');
  expect(device?.place.bootIndex).toBe(1);
  const data = new Uint8Array(20);
  await device?.front?.request({ type: 'getId', data });
  expect(String.fromCharCode(...data.subarray(0, 2))).toBe('3\0');
  expect(await add({ driver: 5 })).toEqual({
    class: 'GenericError',
    desc: "'5' is not a valid device model name",
  });
  await machine.close();
});

it('answers before the device leaves, and refuses what is gone or on its way', async () => {
  const { machine, client, add } = await monitor();
  await add({ id: 'v0' });
  const unplug = { execute: 'device_del', arguments: { id: 'v0' } };
  const said = await client.ask(unplug);
  expect(said.map(({ event, return: answer }) => event ?? answer)).toEqual([
    {},
    'DEVICE_DELETED',
    'DEVICE_DELETED',
  ]);
  expect(await client.execute('device_del', { id: 'v0' })).toEqual({
    class: 'DeviceNotFound',
    desc: "Device 'v0' not found",
  });
  await machine.runState.stop();
  await add({ id: 'v1' });
  await client.execute('device_del', { id: 'v1' });
  expect(await client.execute('device_del', { id: 'v1' })).toEqual({
    class: 'GenericError',
    desc: 'Device v1 is already in the process of unplug',
  });
  await machine.close();
});
