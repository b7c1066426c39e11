/** Folders and files that a test has to itself, and that are gone after it. */

import { constants, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

/** @returns How many files under the folder this process has open; `undefined` where nobody tells. */
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
