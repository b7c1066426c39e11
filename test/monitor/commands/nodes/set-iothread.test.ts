import { expect, it } from 'vitest';
import { MonitorRig } from '../../../support/monitor-rig.ts';

it('takes a node to an iothread that there is, and back', async () => {
  const rig = new MonitorRig();
  const client = await rig.client();
  await rig.machine.graph.open({ driver: 'null-co', 'node-name': 'd' });
  await client.execute('object-add', { 'qom-type': 'iothread', id: 'i' });
  const move = (given: object) =>
    client.execute('x-blockdev-set-iothread', { 'node-name': 'd', ...given });
  expect(await move({ iothread: 'i' })).toEqual({});
  expect(await move({ iothread: null })).toEqual({});
  expect(await move({ iothread: 'x' })).toMatchObject({ desc: 'Cannot find iothread x' });
  expect(await move({ iothread: 1 })).toMatchObject({
    desc: "Invalid parameter type for 'iothread', expected: StrOrNull",
  });
  expect(await move({ 'node-name': 'x', iothread: 'i' })).toMatchObject({
    desc: "Failed to find node with node-name='x'",
  });
  rig.machine.addDevice('d', { name: 'vda' });
  expect(await move({ iothread: 'i' })).toMatchObject({
    desc: expect.stringContaining('Node d is associated with a BlockBackend'),
  });
  expect(await move({ iothread: 'i', force: true })).toEqual({});
  await rig.machine.close();
});
