import { describe, expect, it } from 'vitest';
import { openDisk } from '../../src/machine/disk.ts';
import { SimClock } from '../../src/sim/clock.ts';
import { simEnv } from '../../src/sim/env.ts';
import { SimFiles } from '../../src/sim/files.ts';

async function fileOf(files: SimFiles, path: string, text: string) {
  const file = await files.open(path, { access: 'read-write', create: true });
  await file.write(0, Buffer.from(text));
  return file;
}

async function textOf(files: SimFiles, path: string): Promise<string> {
  const file = await files.open(path, { access: 'read' });
  const into = new Uint8Array(100);
  const length = await file.read(0, into);
  await file.close();
  return Buffer.from(into.subarray(0, length)).toString();
}

describe('simulated files', () => {
  it('hold what is written, and lose at a power cut what was not synced', async () => {
    const files = new SimFiles();
    const file = await fileOf(files, 'a', 'one');
    await file.sync();
    await file.write(0, Buffer.from('twice'));
    expect(await textOf(files, 'a')).toBe('twice');
    files.cut();
    expect(await textOf(files, 'a')).toBe('one');
  });

  it('have sizes, which change', async () => {
    const files = new SimFiles();
    const file = await fileOf(files, 'a', 'abc');
    await file.truncate(5);
    expect((await file.status()).size).toBe(5);
    expect(await textOf(files, 'a')).toBe('abc\0\0');
    await file.truncate(1);
    expect((await files.status('a'))?.size).toBe(1);
  });

  it.each([
    ['ENOENT', (files: SimFiles) => files.open('b', { access: 'read' })],
    ['EEXIST', (files: SimFiles) => files.open('a', { access: 'read-write', create: true })],
    ['ENOENT', (files: SimFiles) => files.rename('b', 'c')],
    ['EEXIST', (files: SimFiles) => files.rename('a', 'a')],
    ['ENOENT', (files: SimFiles) => files.remove('b')],
  ])('refuse with %s what cannot be', async (code, act) => {
    const files = new SimFiles();
    await fileOf(files, 'a', '');
    await expect(act(files)).rejects.toMatchObject({ code });
  });

  it('refuse a write to what was opened for reading, and anything once closed', async () => {
    const files = new SimFiles();
    await fileOf(files, 'a', 'x');
    const file = await files.open('a', { access: 'read' });
    await expect(file.write(0, new Uint8Array(1))).rejects.toMatchObject({ code: 'EACCES' });
    await file.close();
    await expect(file.status()).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('have names that move and go, and locks that one has at a time', async () => {
    const files = new SimFiles();
    const file = await fileOf(files, 'a', 'x');
    await files.rename('a', 'b');
    expect(files.paths).toEqual(['b']);
    const identity = await file.status();
    const lock = await files.lock(identity);
    expect(await files.lock(identity)).toBeUndefined();
    await lock?.release();
    expect(await files.lock(identity)).toBeDefined();
    await files.remove('b');
    expect(await files.status('b')).toBeUndefined();
  });

  it('carry a disk as real ones do', async () => {
    const files = new SimFiles();
    const file = await files.open('disk.img', { access: 'read-write', create: true });
    await file.truncate(4096);
    const env = simEnv({ clock: new SimClock(), files });
    const disk = await openDisk('disk.img', { env });
    await disk.write(512, new Uint8Array(512).fill(5));
    await disk.flush();
    files.cut();
    expect((await disk.read(512, 512))[0]).toBe(5);
    await disk.close();
  });
});
