import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDisk } from '../../../src/index.ts';
import { runMain } from '../../support/fake-io.ts';
import { withServed } from '../../support/served.ts';
import { makeFile, whyNoLoopDevice, withFolder, withLoopDevice } from '../../support/temporary.ts';

const noLoopDevice = await whyNoLoopDevice();

describe('mirrordisk info', () => {
  it('tells size, storage and whether it is in use', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk.img', 10_000);
      expect((await runMain(['info', path])).stdout.split('\n')).toEqual([
        `image: ${path}`,
        'kind: raw file',
        'size: 9.8 KiB (10000 bytes)',
        'storage: 0 B',
        'in use: no',
      ]);
    }));

  it('tells the same as JSON, with the names of qemu-img', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk.img', 10_000);
      const { io } = await runMain(['info', '--json', path]);
      const sizes = { 'virtual-size': 10_000, 'actual-size': 0 };
      expect(io.json).toEqual([{ filename: path, format: 'raw', ...sizes, 'in-use': false }]);
    }));

  it('tells of an image that somebody has open for writing', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'disk.img', 4096);
      await using _ = await openDisk(path);
      const { exitCode, stdout } = await runMain(['info', path]);
      expect([exitCode, stdout]).toEqual([0, expect.stringContaining('in use: yes')]);
    }));

  it.skipIf(noLoopDevice)('tells the capacity of a block device', () =>
    withLoopDevice(1024 * 1024, async (device) => {
      const { stdout } = await runMain(['info', device]);
      expect(stdout).toMatch(/kind: block device\nsize: 1 MiB \(1048576 bytes\)/);
    }),
  );

  it.each([
    ['missing', () => {}, 'there is no such file'],
    ['folder', (path: string) => mkdirSync(path), 'it is a directory'],
    ['file/in', (path: string) => writeFileSync(join(path, '..'), ''), 'there is no such file'],
  ])('names %s, which is no image', (name, make, reason) =>
    withFolder(async (folder) => {
      const path = join(folder, name);
      make(path);
      const { exitCode, stderr } = await runMain(['info', path]);
      expect([exitCode, stderr]).toEqual([
        2,
        `mirrordisk info: Cannot look at "${path}": ${reason}`,
      ]);
    }),
  );

  it('does not wait for what is no file', async () => {
    const { exitCode, stderr } = await runMain(['info', '/dev/null']);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('neither a regular file nor')]);
  });

  it('tells the size of an NBD export', () =>
    withServed({ driver: 'memory', size: 65_536 }, async (uri) => {
      const { stdout } = await runMain(['info', uri]);
      expect(stdout).toBe(`image: ${uri}\nkind: NBD export\nsize: 64 KiB (65536 bytes)`);
      const { io } = await runMain(['info', uri, '--json']);
      expect(io.json).toEqual([{ filename: uri, format: 'raw', 'virtual-size': 65_536 }]);
    }));
});
