/** Folders whose files are in memory, and stay there. */

import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A tmpfs, as Linux has it. */
export const MEMORY = '/dev/shm';

/** @returns How many bytes there is room for in it; 0 where there is none. */
export function memoryRoom(): Promise<number> {
  return statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
}

/**
 * Makes a folder in memory, where there is room for so many bytes: the pages that a file on a disk
 * has in the page cache may be taken away at any time.
 */
export async function memoryFolder(name: string, bytes: number): Promise<string> {
  const folder = (await memoryRoom()) > bytes ? MEMORY : tmpdir();
  return mkdtemp(join(folder, `mirrordisk-bench-${name}-`));
}
