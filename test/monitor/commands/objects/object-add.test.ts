import { describe, expect, it } from 'vitest';
import { MonitorRig } from '../../../support/monitor-rig.ts';

/** @returns What executes commands of a machine with a disk `d`. */
async function makeMonitor() {
  const rig = new MonitorRig();
  const client = await rig.client();
  await rig.machine.graph.open({ driver: 'null-co', 'node-name': 'd' });
  return (name: string, given: object) => client.execute(name, given);
}

function refused(desc: string, errorClass = 'GenericError') {
  return { class: errorClass, desc };
}

describe('objects over QMP', () => {
  it('are throttle groups, which stay while a disk uses them', async () => {
    const execute = await makeMonitor();
    const limits = { 'iops-total': 5 };
    const group = { 'qom-type': 'throttle-group', id: 'g', limits };
    expect(await execute('object-add', group)).toEqual({});
    expect(await execute('qom-get', { path: 'g', property: 'limits' })).toMatchObject({
      'iops-total': 5,
      'iops-read': 0,
      'bps-write-max-length': 1,
    });
    const disk = { driver: 'throttle', 'node-name': 't', 'throttle-group': 'g', file: 'd' };
    expect(await execute('blockdev-add', disk)).toEqual({});
    const reason = "object 'g' is in use, can not be deleted";
    expect(await execute('object-del', { id: 'g' })).toEqual(refused(reason));
    expect(await execute('blockdev-del', { 'node-name': 't' })).toEqual({});
    expect(await execute('object-del', { id: 'g' })).toEqual({});
    expect(await execute('object-del', { id: 'g' })).toEqual(refused("object 'g' not found"));
  });

  it('take limits by their old names as well', async () => {
    const execute = await makeMonitor();
    await execute('object-add', { 'qom-type': 'throttle-group', id: 'g', 'x-bps-read': 1000 });
    expect(await execute('qom-get', { path: '/objects/g', property: 'x-bps-read' })).toBe(1000);
    const negative = { 'qom-type': 'throttle-group', id: 'h', 'x-bps-read': -1 };
    const reason = 'Property values cannot be negative';
    expect(await execute('object-add', negative)).toEqual(refused(reason));
  });

  it('are seen in a tree, whose objects go by the end of their path', async () => {
    const execute = await makeMonitor();
    const nobody = refused("Device '/objects' not found", 'DeviceNotFound');
    expect(await execute('qom-list', { path: '/objects' })).toEqual(nobody);
    await execute('object-add', { 'qom-type': 'iothread', id: 'i', 'poll-grow': 3 });
    expect(await execute('qom-list', { path: '/objects' })).toEqual([
      { name: 'type', type: 'string' },
      { name: 'i', type: 'child<iothread>' },
    ]);
    expect(await execute('qom-get', { path: '//objects//i', property: 'poll-grow' })).toBe(3);
    expect(await execute('qom-get', { path: 'objects/i', property: 'poll-max-ns' })).toBe(32768);
    expect(await execute('qom-get', { path: '/objects', property: 'i' })).toBe('/objects/i');
    const unknown = refused("Property 'iothread.x' not found");
    expect(await execute('qom-get', { path: 'i', property: 'x' })).toEqual(unknown);
    const ambiguous = refused("Path '' is ambiguous");
    expect(await execute('qom-list', { path: '' })).toEqual(ambiguous);
  });

  it.each([
    [{ 'qom-type': 'nope' }, "Parameter 'qom-type' does not accept value 'nope'"],
    [{ 'qom-type': 'iothread', id: '1' }, "Parameter 'id' expects an identifier"],
    [{ 'qom-type': 'iothread', id: 'i' }, "attempt to add duplicate property 'i' to object"],
    [{ 'qom-type': 'tls-creds-x509' }, "Missing 'dir' property value"],
    [
      { 'qom-type': 'tls-creds-psk', dir: '/nowhere' },
      'Unable to access credentials /nowhere/keys.psk: No such file or directory',
    ],
    [{ 'qom-type': 'tls-creds-psk', dir: '/', priority: 'p' }, "Parameter 'priority' is not supp"],
    [{ 'qom-type': 'secret' }, "Either 'file' or 'data' must be provided"],
  ])("are refused with QEMU's reason: %j", async (wrong, reason) => {
    const execute = await makeMonitor();
    await execute('object-add', { 'qom-type': 'iothread', id: 'i' });
    const answer = await execute('object-add', { id: 'x', ...wrong });
    expect(answer).toMatchObject({ desc: expect.stringContaining(reason) });
  });
});
