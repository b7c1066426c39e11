import { describe, expect, it } from 'vitest';
import { GuestSetup } from '../../src/cli/daemon-devices.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine } from '../../src/machine/machine.ts';

function setup() {
  const machine = new Machine(nodeEnv());
  const warnings: string[] = [];
  return { machine, warnings, guest: new GuestSetup(machine, (text) => warnings.push(text)) };
}

const NULL = 'file=null-co://,format=raw';

describe('the options of a guest', () => {
  it('make devices last, those of drives after all others, wherever they stood', async () => {
    const { machine, guest } = setup();
    await guest.addDrive(`${NULL}`, '--drive one');
    guest.addDevice('virtio-blk,drive=later', '--device two');
    await guest.addDrive(`${NULL},if=none,id=later`);
    expect(machine.devices.all).toEqual([]);
    expect(guest.devices.map(({ location }) => location)).toEqual(['--device two', '--drive one']);
    for (const { make } of guest.devices) make();
    expect(machine.devices.all.map(({ drive, root }) => [drive.name, root])).toEqual([
      ['later', '/machine/peripheral-anon/device[0]'],
      ['virtio0', '/machine/peripheral-anon/device[1]'],
    ]);
    await machine.close();
  });

  it('name drives by their places, each of which is had once', async () => {
    const { machine, guest } = setup();
    for (const place of ['if=none', 'index=1', 'if=none', '', '']) {
      await guest.addDrive(`${NULL},${place}`);
    }
    expect(machine.drives.all.map(({ name }) => name)).toEqual([
      ...['none0', 'virtio1', 'none1', 'virtio0', 'virtio2'],
    ]);
    await expect(guest.addDrive(`${NULL},index=1`)).rejects.toThrow(
      'drive with bus=0, unit=1 (index=1) exists',
    );
    await machine.close();
  });

  it('take an id once, and leave nothing of a drive that cannot be', async () => {
    const { machine, guest } = setup();
    await guest.addDrive('if=none,id=d0');
    await expect(guest.addDrive('if=none,id=d0')).rejects.toThrow("Duplicate ID 'd0' for drive");
    guest.addDevice('virtio-blk,id=v0');
    expect(() => guest.addDevice('virtio-blk,id=v0')).toThrow("Duplicate ID 'v0' for device");
    const tooMuch = 'if=none,id=d1,bps=1,bps_rd=1';
    await expect(guest.addDrive(tooMuch)).rejects.toThrow('cannot be used at the same time');
    await expect(guest.addDrive(`if=none,id=d2,file=foo:x`)).rejects.toThrow("protocol 'foo'");
    expect(machine.drives.all.map(({ name }) => name)).toEqual(['d0']);
    await machine.close();
  });

  it('take a device as JSON, whose values have types', async () => {
    const { machine, guest } = setup();
    await guest.addDrive(`${NULL},if=none,id=d0`);
    guest.addDevice('{"driver": "virtio-blk", "drive": "d0", "bootindex": "1"}');
    const [device] = guest.devices;
    expect(() => device?.make()).toThrow("Invalid parameter type for 'bootindex'");
    await machine.close();
  });

  it('name the machine, and warn of a word that should be on or off', async () => {
    const { machine, guest, warnings } = setup();
    guest.nameMachine('vm,debug-threads=on');
    expect(machine.name).toBe('vm');
    expect(() => guest.nameMachine('a=b')).toThrow("Invalid parameter 'a'");
    await guest.addDrive(`${NULL},if=none,readonly`);
    expect(warnings).toEqual([
      "warning: short-form boolean option 'readonly' deprecated\nPlease use readonly=on instead",
    ]);
    await machine.close();
  });
});
