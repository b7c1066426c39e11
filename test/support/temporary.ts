/** Folders and files that a test has to itself, and that are gone after it. */

import { execFile } from 'node:child_process';
import { constants, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs `body` with a new, empty folder, which is removed however it ends. */
export async function withFolder<T>(body: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'mirrordisk-test-'));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Makes a file of `size` bytes that takes no storage. @returns Its path. */
export async function makeFile(folder: string, name: string, size: number): Promise<string> {
  const path = join(folder, name);
  const file = await open(path, 'wx');
  await file.truncate(size);
  await file.close();
  return path;
}

/** @returns How many files under the folder this process has open, where the system tells. */
export function openFilesIn(folder: string): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const targets = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      // It was that of the listing itself.
      return '';
    }
  });
  return targets.filter((target) => target.startsWith(folder)).length;
}

/** @returns Why temporary files cannot be opened past the page cache; nothing when they can. */
export async function whyNotDirect(): Promise<string | undefined> {
  const { O_CREAT, O_DIRECT, O_RDWR } = constants;
  if (O_DIRECT === undefined) return 'this system has no O_DIRECT';
  return withFolder(async (folder) => {
    try {
      const file = await open(join(folder, 'probe'), O_RDWR | O_CREAT | O_DIRECT);
      await file.close();
      return undefined;
    } catch {
      return `the file system of ${tmpdir()} has no O_DIRECT`;
    }
  });
}

/** @returns Why files cannot be made block devices of; nothing when they can. */
export async function whyNoLoopDevice(): Promise<string | undefined> {
  try {
    await withLoopDevice(4096, () => {});
    return undefined;
  } catch {
    return 'losetup does not work here';
  }
}

/** Runs `body` with the path of a block device of `size` bytes, a multiple of 512. */
export async function withLoopDevice<T>(
  size: number,
  body: (device: string) => T | Promise<T>,
): Promise<T> {
  return withFolder(async (folder) => {
    const image = await makeFile(folder, 'image', size);
    const { stdout } = await run('losetup', ['--find', '--show', image]);
    const device = stdout.trim();
    try {
      return await body(device);
    } finally {
      await run('losetup', ['--detach', device]);
    }
  });
}
