import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runMain } from '../../support/fake-io.ts';
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
