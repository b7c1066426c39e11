import { describe, expect, it } from 'vitest';
import { pattern } from '../support/drivers.ts';
import { MachineRig } from '../support/machine-rig.ts';
import { settle, watch } from '../support/settle.ts';

async function driveOn(node = 'disk') {
  const rig = new MachineRig();
  const disk = await rig.open(node);
  const drive = rig.machine.drives.add({ name: 'd0' });
  drive.insert(rig.node(node));
  return { rig, disk, drive, drives: rig.machine.drives };
}

describe('drives', () => {
  it('share their names with nodes', async () => {
    const { rig, drives } = await driveOn();
    await using machine = rig;
    const named = (name: string) => () => drives.add({ name });
    expect(named('d0')).toThrow("Device with id 'd0' already exists");
    expect(named('disk')).toThrow("Device name 'disk' conflicts with an existing node name");
    await expect(machine.open('d0')).rejects.toThrow('node-name=d0 is conflicting with a device');
  });

  it('are found with nodes, by one name or the other', async () => {
    const { rig, drives } = await driveOn();
    await using machine = rig;
    const disk = machine.node('disk');
    expect(drives.lookup({ device: 'd0' })).toBe(disk);
    expect(drives.lookup({ device: 'disk', nodeName: 'disk' })).toBe(disk);
    expect(drives.lookupRoot('d0')).toBe(disk);
    expect(drives.nameFor('disk')).toBe('d0');
    expect(drives.nameFor('d0')).toBe('d0');
    expect(drives.nameFor('other')).toBe('');
  });

  // What QEMU 7.2 says.
  it('are not found in other words', async () => {
    const { rig, drives } = await driveOn();
    await using _machine = rig;
    drives.add({ name: 'empty' });
    const reason = (text: string) => expect.objectContaining({ code: 'ENODEV', reason: text });
    expect(() => drives.lookup({ device: 'x' })).toThrow(
      reason("Cannot find device='x' nor node-name=''"),
    );
    expect(() => drives.lookupRoot('x')).toThrow(
      reason("Cannot find device='x' nor node-name='x'"),
    );
    expect(() => drives.lookupRoot('empty')).toThrow(reason("Device 'empty' has no medium"));
  });

  it('are not roots where another node stands on their disk', async () => {
    const { rig, drives } = await driveOn();
    await using machine = rig;
    await machine.machine.graph.open({ driver: 'raw', file: 'disk' });
    expect(() => drives.lookupRoot('disk')).toThrow('Need a root block node');
  });
});

describe('the medium of a drive', () => {
  it('closes when it is taken out, if it was opened for the drive', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    const { graph, drives } = machine.machine;
    const drive = drives.add({ name: 'd0' });
    await drives.insertOwn(drive, await graph.open({ driver: 'memory', size: 512 }));
    expect(drive.medium?.size).toBe(512);
    await drives.eject(drive);
    expect([drive.medium, graph.nodes]).toEqual([undefined, []]);
  });

  it('stays when it is taken out, if a user had opened it', async () => {
    const { rig, drive, drives } = await driveOn();
    await using machine = rig;
    await drives.eject(drive);
    expect(drive.medium).toBeUndefined();
    expect(machine.node('disk').parents.size).toBe(0);
  });

  it('is exchanged by a mirror that switches, and the old one closes', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    await machine.open('source');
    await machine.open('target', { start: 9 });
    const { graph, drives } = machine.machine;
    const drive = drives.add({ name: 'd0' });
    await drives.insertOwn(drive, graph.find('source'));
    const { job } = await machine.readyMirror();
    job.complete();
    await machine.runUntil(() => job.status === 'null');
    await settle();
    expect(drive.medium?.name).toBe('target');
    expect(graph.nodes.map(({ name }) => name)).toEqual(['target']);
  });
});

describe('the limits of a drive', () => {
  it('make its requests wait, and those of nobody else', async () => {
    const { rig, drive, drives } = await driveOn();
    await using machine = rig;
    drives.throttle(drive, 'g', { 'bps-total': 1000 });
    const write = () => drive.edge?.write(0, pattern(512));
    await write();
    const limited = watch(async () => write());
    await settle();
    expect(limited.state).toBe('pending');
    await machine.node('disk').write(0, pattern(512));
    await machine.pass(1000);
    expect(limited.state).toBe('done');
  });

  it('go with the last that is set to 0, and a group of their own with them', async () => {
    const { rig, drive, drives } = await driveOn();
    await using machine = rig;
    const { throttleGroups } = machine.machine;
    drives.throttle(drive, 'g', { 'iops-total': 5 });
    expect([drive.throttle?.group, drive.throttle?.limits['iops-total']]).toEqual(['g', 5]);
    expect(throttleGroups.names).toEqual(['g']);
    drives.throttle(drive, 'g', { 'iops-total': 0 });
    expect(drive.throttle).toBeUndefined();
    expect(drive.edge?.limit).toBeUndefined();
    expect(throttleGroups.names).toEqual([]);
  });

  it('stay as they were when new ones do not go together', async () => {
    const { rig, drive, drives } = await driveOn();
    await using _machine = rig;
    drives.throttle(drive, 'g', { 'bps-total': 7 });
    expect(() => drives.throttle(drive, 'g', { 'bps-total': 1, 'bps-read': 1 })).toThrow(
      'cannot be used at the same time',
    );
    expect(drive.throttle?.limits['bps-total']).toBe(7);
  });

  it('are none after some that do not go together, where there were none', async () => {
    const { rig, drive, drives } = await driveOn();
    await using machine = rig;
    expect(() => drives.throttle(drive, 'g', { 'bps-total': 1, 'bps-read': 1 })).toThrow();
    expect([drive.throttle, machine.machine.throttleGroups.names]).toEqual([undefined, []]);
  });

  it('hold for a medium that comes later', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    await machine.open('disk');
    const { drives } = machine.machine;
    const drive = drives.add({ name: 'd0' });
    drives.throttle(drive, 'g', { 'bps-total': 1000 });
    drive.insert(machine.node('disk'));
    await drive.edge?.write(0, pattern(512));
    const limited = watch(async () => drive.edge?.write(0, pattern(512)));
    await settle();
    expect(limited.state).toBe('pending');
    await machine.pass(1000);
    expect(limited.state).toBe('done');
  });

  it('are shared in a group', async () => {
    const { rig, drive, drives } = await driveOn();
    await using machine = rig;
    const other = drives.add({ name: 'd1' });
    other.insert(machine.node('disk'));
    drives.throttle(drive, 'g', { 'iops-total': 1 });
    drives.throttle(other, 'g', { 'iops-total': 2 });
    expect(drive.throttle?.limits['iops-total']).toBe(2);
  });
});
