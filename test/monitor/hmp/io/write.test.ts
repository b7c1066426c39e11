import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HmpRig } from '../../../support/hmp-rig.ts';
import { withFolder } from '../../../support/temporary.ts';

/** A machine with a disk of 64 KiB that knows zeroes and how to be durable at once. */
async function open(): Promise<HmpRig> {
  const rig = new HmpRig();
  await rig.rig.open('disk', {
    operations: ['discard', 'blockStatus', 'resize', 'writeZeroes'],
    forceUnitAccess: true,
  });
  return rig;
}

const wrote = (length: number, amount: string) =>
  `wrote ${length}/${length} bytes at offset 0\n${amount}\n`;

describe('writing by qemu-io', () => {
  it.each([
    ['write 0 512', wrote(512, '512 bytes')],
    ['w -q 0 512', ''],
    ['write -c 0 512', 'write failed: Operation not supported\n'],
    ['write -b 0 512', 'write failed: Operation not supported\n'],
    ['write -c 0 5', "5 is not a sector-aligned value for 'count'\n"],
    ['write -b -z 0 512', '-b and -z cannot be specified at the same time\n'],
    ['write -cf 0 512', '-f and -b or -c cannot be specified at the same time\n'],
    ['write -u 0 512', '-u requires -z to be specified\n'],
    ['write -n 0 512', '-n requires -z to be specified\n'],
    ['write -z -P 1 0 512', 'Only one of -z, -P, and -s can be specified at the same time\n'],
    ['write 0 2G', 'length cannot exceed 2147483136 without -n, given 2G\n'],
    ['write 1 64k', 'write failed: Input/output error\n'],
    ['writev 0 512 512', wrote(1024, '1 KiB')],
    ['writev 64k 512', 'writev failed: Input/output error\n'],
    ['aio_write 0 512', wrote(512, '512 bytes')],
    ['aio_write 64k 512', 'aio_write failed: Input/output error\n'],
    ['aio_write -z 0 512 512', '-z supports only a single length parameter\n'],
    ['aio_write -u 0 512', '-u requires -z to be specified\n'],
    ['aio_write -i 0 512', 'injecting invalid write request\n'],
  ])('answers %j', async (command, text) => {
    await using rig = await open();
    expect(await rig.io('disk', command)).toBe(text);
  });

  it.each([
    ['write -q 0 4', 'cdcdcdcd'],
    ['write -q -P 7 0 4', '07070707'],
    ['writev -q -P 7 0 1 3', '07070707'],
    ['aio_write -q -P 7 0 4', '07070707'],
    ['write -q -z 0 4', '00000000'],
    ['aio_write -q -z 0 4', '00000000'],
  ])('%j writes %s', async (command, hex) => {
    await using rig = await open();
    const { bytes } = rig.rig.disk('disk');
    const behind = bytes.slice(4, 8);
    expect(await rig.io('disk', command)).toBe('');
    expect(Buffer.from(bytes.subarray(0, 4)).toString('hex')).toBe(hex);
    expect(bytes.subarray(4, 8)).toEqual(behind);
  });

  it.each([
    ['write -qf 0 512', 'write', { forceUnitAccess: true }],
    ['write -q 0 512', 'write', { forceUnitAccess: false }],
    ['writev -qf 0 512', 'write', { forceUnitAccess: true }],
    ['write -qzn 0 512', 'writeZeroes', { mayUnmap: false, noFallback: true }],
    [
      'write -qzuf 0 512',
      'writeZeroes',
      { mayUnmap: true, noFallback: false, forceUnitAccess: true },
    ],
    ['aio_write -qzu 0 512', 'writeZeroes', { mayUnmap: true }],
  ])('%j asks the disk for a %s as it is told', async (command, operation, options) => {
    await using rig = await open();
    await rig.io('disk', command);
    expect(rig.rig.disk('disk').calls).toMatchObject([{ operation, options }]);
  });

  it('repeats what is in a file', async () => {
    await withFolder(async (folder) => {
      await using rig = await open();
      const path = join(folder, 'pattern');
      await writeFile(path, 'abc');
      expect(await rig.io('disk', `write -q -s ${path} 0 8`)).toBe('');
      expect(Buffer.from(rig.rig.disk('disk').bytes.subarray(0, 8)).toString()).toBe('abcabcab');
      await writeFile(path, '');
      expect(await rig.io('disk', `write -s ${path} 0 8`)).toBe(`${path}: file is empty\n`);
      expect(await rig.io('disk', `write -s ${path}s 0 8`)).toBe(
        `${path}s: No such file or directory\n`,
      );
    });
  });

  it('counts asynchronous requests of a drive as its device does', async () => {
    await using rig = await open();
    const drive = rig.rig.machine.drives.add({ name: 'drive' });
    drive.insert(rig.rig.node('disk'));
    await rig.io('drive', 'aio_write 0 1k');
    await rig.io('drive', 'aio_write -z 0 1k');
    await rig.io('drive', 'aio_write -i 0 1k');
    const { requests, bytes, failed, invalid } = drive.accounts.operations.out;
    expect({ requests, bytes, failed, invalid }).toEqual({
      requests: 2,
      bytes: 2048,
      failed: 0,
      invalid: 1,
    });
    await rig.rig.machine.drives.remove(drive);
  });
});
