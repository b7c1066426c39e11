/** Files of which nobody can say anything without reading them. */

import { randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';

const PIECE_LENGTH = 64 * 2 ** 20;

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
