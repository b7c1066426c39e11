import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDisk } from '../../../src/index.ts';
import { pattern } from '../../support/drivers.ts';
import { type FakeIoOptions, runMain } from '../../support/fake-io.ts';
import { withFolder } from '../../support/temporary.ts';

const MiB = 1024 * 1024;

/** Compares two images of these bytes. */
function compare(
  left: Uint8Array,
  right: Uint8Array,
  { args = [], io = {} }: { readonly args?: readonly string[]; readonly io?: FakeIoOptions } = {},
) {
  return withFolder(async (folder) => {
    const paths = [join(folder, 'left'), join(folder, 'right')];
    [left, right].forEach((bytes, index) => {
      writeFileSync(paths[index] ?? '', bytes);
    });
    return runMain(['compare', ...paths, ...args], io);
  });
}

/** The pattern with other bytes at some places. */
function changed(size: number, ...places: readonly number[]): Uint8Array {
  const bytes = pattern(size);
  for (const place of places) bytes[place] = (bytes[place] ?? 0) ^ 1;
  return bytes;
}

describe('mirrordisk compare', () => {
  it.each([0, 1, 1000, 3 * MiB])('says that images of %d bytes are identical', async (size) => {
    const { exitCode, stdout } = await compare(pattern(size), pattern(size));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^The images are identical: ${size} bytes?$`));
  });

  it.each([
    [0, 'The images differ in 512 bytes at 0'],
    [1000, 'The images differ in 512 bytes at 512'],
    [2 * MiB - 1, `The images differ in 512 bytes at ${2 * MiB - 512}`],
    [3 * MiB, `The images differ in 1 byte at ${3 * MiB}`],
  ])('finds one other byte, at %d', async (place, text) => {
    const size = 3 * MiB + 1;
    const { exitCode, stdout } = await compare(pattern(size), changed(size, place));
    expect([exitCode, stdout]).toEqual([1, text]);
  });

  it('tells the first difference, and all of them with --list', async () => {
    const images = [pattern(MiB), changed(MiB, 0, 600, 5000)] as const;
    expect((await compare(...images)).stdout).toBe('The images differ in 1024 bytes at 0');
    const { stdout } = await compare(...images, { args: ['--list'] });
    expect(stdout.split('\n')).toEqual([
      'The images differ in 1024 bytes at 0',
      'The images differ in 512 bytes at 4608',
    ]);
  });

  it('takes what is missing at the end for zeroes, unless --strict', async () => {
    const longer = new Uint8Array(2000);
    longer.set(pattern(1000));
    expect((await compare(pattern(1000), longer)).exitCode).toBe(0);
    const { exitCode, stdout } = await compare(pattern(1000), longer, { args: ['--strict'] });
    expect([exitCode, stdout]).toEqual([1, 'The images have different sizes: 1000 and 2000 bytes']);
    longer[1999] = 1;
    expect((await compare(pattern(1000), longer)).exitCode).toBe(1);
  });

  it('says nothing with --quiet', async () => {
    const { exitCode, stdout, stderr } = await compare(pattern(1000), changed(1000, 5), {
      args: ['--quiet'],
    });
    expect([exitCode, stdout, stderr]).toEqual([1, '', '']);
  });

  it('writes JSON with --json', async () => {
    const args = ['--json', '--list'];
    const same = await compare(pattern(1000), pattern(1000), { args });
    expect(same.io.json).toEqual([{ identical: true, bytes: 1000 }]);
    const different = await compare(pattern(1000), changed(1000, 5), { args });
    expect(different.io.json).toEqual([{ identical: false, offset: 0, length: 512 }]);
    const strict = await compare(pattern(1000), pattern(999), { args: ['--json', '--strict'] });
    expect(strict.io.json).toEqual([{ identical: false, sizes: [1000, 999] }]);
  });

  it('shows how far it is, and nothing at the end', async () => {
    const { io } = await compare(pattern(3 * MiB), pattern(3 * MiB), { io: { columns: 80 } });
    expect(io.drawings[0]?.[0]).toMatch(/^comparing \[.*\] .* % {2}.* of 3 MiB$/);
    expect(io.drawings.at(-1)).toEqual([]);
  });

  it('names an image that cannot be read', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'disk.img');
      writeFileSync(path, pattern(4096));
      const missing = join(folder, 'missing');
      const { exitCode, stderr } = await runMain(['compare', path, missing]);
      expect([exitCode, stderr]).toEqual([
        2,
        expect.stringContaining(`"${missing}": No such file`),
      ]);
      await using _ = await openDisk(path);
      const busy = await runMain(['compare', path, path]);
      expect([busy.exitCode, busy.stderr]).toEqual([2, expect.stringContaining('it is in use')]);
    }));
});
