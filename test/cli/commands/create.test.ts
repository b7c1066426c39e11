import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMain } from '../../support/fake-io.ts';
import { withServed } from '../../support/served.ts';
import { withFolder } from '../../support/temporary.ts';

describe('mirrordisk create', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    ['1000', 1000],
    ['64K', 65_536],
    ['1.5M', 1_572_864],
    ['10G', 10 * 2 ** 30],
    ['1T', 2 ** 40],
  ])('makes %s of zeroes that take no storage', (text, bytes) =>
    withFolder(async (folder) => {
      const path = join(folder, 'disk.img');
      const { exitCode, stdout } = await runMain(['create', path, text]);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(new RegExp(`disk\\.img: .* \\(${bytes} bytes?\\), no storage`));
      expect(statSync(path)).toMatchObject({ size: bytes, blocks: 0 });
    }),
  );

  it('leaves a file that exists alone', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'disk.img');
      writeFileSync(path, 'mine');
      const { exitCode, stderr } = await runMain(['create', path, '1M']);
      expect(exitCode).toBe(2);
      expect(stderr).toBe(
        `mirrordisk create: Cannot create "${path}": there is such a file already`,
      );
      expect(readFileSync(path, 'utf8')).toBe('mine');
    }));

  it.each(['', '-5', '5X', 'K', '1.0001K', '8P', '1e3', '0x10', '∞'])(
    'refuses the size %j and makes nothing',
    (size) =>
      withFolder(async (folder) => {
        const path = join(folder, 'disk.img');
        const { exitCode, stderr } = await runMain(['create', '--', path, size]);
        expect([exitCode, stderr.split('\n').length]).toEqual([2, 1]);
        expect(existsSync(path)).toBe(false);
      }),
  );

  it.each(['no/such/disk.img', '.'])('names %s, which cannot be made', (name) =>
    withFolder(async (folder) => {
      const path = join(folder, name);
      const { exitCode, stderr } = await runMain(['create', path, '1M']);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`"${path}"`);
    }),
  );
});

describe('mirrordisk create with an NBD export', () => {
  it('sees that it has the size and reads as zeroes', () =>
    withServed({ driver: 'memory', size: 65_536 }, async (uri) => {
      const { exitCode, stdout } = await runMain(['create', uri, '64K']);
      expect([exitCode, stdout]).toEqual([
        0,
        expect.stringContaining('64 KiB (65536 bytes), empty'),
      ]);
    }));

  it('refuses one of another size', () =>
    withServed({ driver: 'memory', size: 65_536 }, async (uri) => {
      const { exitCode, stderr } = await runMain(['create', uri, '32K']);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('has 65536 bytes')]);
    }));

  it('refuses one that may hold data', () =>
    withServed({ driver: 'memory', size: 65_536 }, async (uri, disk) => {
      await disk.write(512, new Uint8Array(512).fill(1));
      const { exitCode, stderr } = await runMain(['create', uri, '64K']);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('it may hold data')]);
    }));
});
