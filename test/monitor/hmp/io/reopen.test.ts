import { describe, expect, it } from 'vitest';
import { HmpRig } from '../../../support/hmp-rig.ts';

const USAGE = 'reopen [(-r|-w)] [-c cache] [-o options] -- reopens an image with new options\n';

/** A machine with a raw node `raw` over a disk `disk` of 64 KiB. */
async function open(): Promise<HmpRig> {
  const rig = new HmpRig();
  const { graph } = rig.rig.machine;
  await graph.open({ driver: 'null-co', 'node-name': 'disk', size: 65_536 });
  await graph.open({ driver: 'raw', 'node-name': 'raw', file: 'disk', size: 1024 });
  return rig;
}

describe('reopen of qemu-io', () => {
  it('changes what it is given, and leaves the rest as it is', async () => {
    await using rig = await open();
    const node = rig.rig.machine.graph.find('raw');
    const opened = node.options;
    expect(await rig.io('raw', 'reopen')).toBe('');
    expect(node.options).toMatchObject({ ...opened, given: {} });
    expect(await rig.io('raw', 'reopen -r -c none -o offset=512,detect-zeroes=on')).toBe('');
    expect(await rig.io('raw', 'reopen -o size=2048')).toBe('');
    expect(node.options).toMatchObject({
      readOnly: true,
      detectZeroes: 'on',
      cache: { direct: true, noFlush: false },
      given: { offset: 512, size: 2048 },
    });
    expect(await rig.io('raw', 'reopen -w -o cache.no-flush=on')).toBe('');
    expect(node.options).toMatchObject({
      readOnly: false,
      cache: { direct: false, noFlush: true },
    });
    expect(node.size).toBe(2048);
  });

  it.each([
    ['reopen x', USAGE],
    ['reopen -r -w', 'Only one -r/-w option may be given\n'],
    ['reopen -r -o read-only=on', "Cannot set both -r/-w and 'read-only'\n"],
    ['reopen -c none -o cache.direct=on', 'Cannot set both -c and the cache options\n'],
    ['reopen -c fast', 'Invalid cache option: fast\n'],
    ['reopen -o file.size=1', "Cannot change the option 'file.size'\n"],
    ['reopen -o node-name=x', "Cannot change the option 'node-name'\n"],
    ['reopen -o file=none', "Cannot find device='' nor node-name='none'\n"],
    ['reopen -o none=1', "Parameter 'none' is unexpected\n"],
  ])('refuses %j', async (command, text) => {
    await using rig = await open();
    expect(await rig.io('raw', command)).toBe(text);
  });

  it('finds an empty drive empty', async () => {
    await using rig = await open();
    rig.rig.machine.drives.add({ name: 'empty' });
    expect(await rig.io('empty', 'reopen')).toBe('No medium inserted\n');
  });
});
