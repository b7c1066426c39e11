import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../../src/base/errors.ts';
import { hmpCommands } from '../../../../src/monitor/hmp/commands/index.ts';
import { HmpRig } from '../../../support/hmp-rig.ts';

const MiB = 1024 * 1024;

/** Each line, and the command of QMP that it is. */
const TRANSLATIONS: readonly (readonly [line: string, name: string, given: object])[] = [
  ['block_job_cancel job0', 'block-job-cancel', { device: 'job0', force: false }],
  ['block_job_cancel -f job0', 'block-job-cancel', { device: 'job0', force: true }],
  ['block_job_complete job0', 'block-job-complete', { device: 'job0' }],
  ['block_job_pause job0', 'block-job-pause', { device: 'job0' }],
  ['block_job_resume job0', 'block-job-resume', { device: 'job0' }],
  ['block_job_set_speed job0 2', 'block-job-set-speed', { device: 'job0', speed: 2 * MiB }],
  ['block_resize sda 1M', 'block_resize', { device: 'sda', size: MiB }],
  ['cont', 'cont', {}],
  ['c', 'cont', {}],
  ['device_del vda', 'device_del', { id: 'vda' }],
  [
    'drive_mirror sda t.img',
    'drive-mirror',
    { device: 'sda', target: 't.img', sync: 'top', mode: 'absolute-paths', unmap: true },
  ],
  [
    'drive_mirror -n -f sda t.img raw',
    'drive-mirror',
    { device: 'sda', target: 't.img', format: 'raw', sync: 'full', mode: 'existing', unmap: true },
  ],
  ['eject -f cd', 'eject', { device: 'cd', force: true }],
  ['nbd_server_add -w sda', 'nbd-server-add', { device: 'sda', writable: true }],
  ['nbd_server_add sda n', 'nbd-server-add', { device: 'sda', name: 'n', writable: false }],
  ['nbd_server_remove n', 'nbd-server-remove', { name: 'n' }],
  ['nbd_server_remove -f n', 'nbd-server-remove', { name: 'n', mode: 'hard' }],
  ['nbd_server_stop', 'nbd-server-stop', {}],
  ['stop', 'stop', {}],
  ['system_powerdown', 'system_powerdown', {}],
  ['system_reset', 'system_reset', {}],
];

describe('commands of the human monitor', () => {
  it.each(TRANSLATIONS)('%j is %s %j', async (line, name, given) => {
    await using rig = new HmpRig({ [name]: () => {} });
    expect(await rig.type(line)).toBe('');
    expect(rig.asked).toEqual([[name, given]]);
  });

  it('end with quit', async () => {
    await using rig = new HmpRig({ quit: () => {} });
    expect(await rig.type('q')).toBe('(over)');
  });

  it('print why something cannot be done', async () => {
    await using rig = new HmpRig({
      stop: () => {
        throw new BlockError('EIO', 'stop', 'no way');
      },
    });
    expect(await rig.type('stop')).toBe('Error: no way\n');
    expect(await rig.type('cont')).toBe('Error: The command cont has not been found\n');
  });

  it('can commit nothing', async () => {
    await using rig = new HmpRig();
    const { drives } = rig.rig.machine;
    await rig.rig.open('disk');
    drives.add({ name: 'empty' });
    const full = drives.add({ name: 'full' });
    full.insert(rig.rig.node('disk'));
    expect(await rig.type('commit all')).toBe('');
    expect(await rig.type('commit none')).toBe("Device 'none' not found\n");
    expect(await rig.type('commit empty')).toBe("Device 'empty' has no medium\n");
    expect(await rig.type('commit full')).toBe(
      "'commit' error for 'full': Operation not supported\n",
    );
    await drives.remove(full);
  });

  it('use disks by the names of drives and nodes', async () => {
    await using rig = new HmpRig();
    await rig.rig.open('disk');
    const drive = rig.rig.machine.drives.add({ name: 'drive' });
    drive.insert(rig.rig.node('disk'));
    expect(await rig.io('drive', 'length')).toBe('64 KiB\n');
    expect(await rig.io('disk', 'length')).toBe('64 KiB\n');
    expect(await rig.io('none', 'length')).toBe(
      "Error: Cannot find device='' nor node-name='none'\n",
    );
    expect(await rig.io('-d drive', 'length')).toBe("Error: Device 'drive' not found\n");
    await rig.rig.machine.drives.remove(drive);
  });
});

describe('help', () => {
  it('lists all commands by name', async () => {
    await using rig = new HmpRig();
    const lines = (await rig.type('help')).split('\n');
    const names = hmpCommands.map(({ name }) => name);
    expect(
      lines.filter((line) => /^\S.* -- /.test(line)).map((line) => line.split(' ')[0]),
    ).toEqual([...names].sort());
  });

  it.each([
    ['? stop', 'stop|s  -- stop emulation\n'],
    ['help q x', 'quit|q  -- quit the emulator\n'],
    ['help info status', 'info status  -- show the current VM status (running|paused)\n'],
    ['help bogus a', "unknown command: 'bogus'\n"],
    ['help info bogus', "unknown command: 'info bogus'\n"],
    ['help "x', ''],
  ])('answers %j', async (line, printed) => {
    await using rig = new HmpRig();
    expect(await rig.type(line)).toBe(printed);
    expect(rig.takePrinted()).toBe(line.includes('"') ? 'unterminated string\n' : '');
  });
});
