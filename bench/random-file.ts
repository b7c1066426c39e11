/** Files of which nobody can say anything without reading them, and where to have them. */

import { randomFillSync } from 'node:crypto';
import { mkdtemp, open, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PIECE_LENGTH = 64 * 2 ** 20;

/** A tmpfs, as Linux has it. */
const MEMORY = '/dev/shm';

/** Makes a file of random bytes. @param size A multiple of 64 MiB. */
export async function writeRandom(path: string, size: number): Promise<void> {
  const bytes = Buffer.allocUnsafe(PIECE_LENGTH);
  const file = await open(path, 'wx');
  try {
    for (let offset = 0; offset < size; offset += bytes.length) {
      await file.write(randomFillSync(bytes), 0, bytes.length, offset);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Makes a folder whose files are in memory and stay there, where there is room for so many bytes:
 * the pages that a file on a disk has in the page cache may be taken away at any time.
 */
export async function memoryFolder(name: string, bytes: number): Promise<string> {
  const room = await statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return await mkdtemp(join(room > bytes ? MEMORY : tmpdir(), `mirrordisk-bench-${name}-`));
}
