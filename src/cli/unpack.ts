/** Compressed images: unpacked into a temporary folder for as long as a command runs. */

import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { BlockError, fromSystemError } from '../base/errors.ts';
import { isZero } from '../base/zeroes.ts';

/**
 * Runs `body` with the path of a raw image: `path` itself, or what it unpacks to when its name ends in
 * `.gz`. The unpacked image is removed afterwards, so what is written to it is gone.
 *
 * @throws {BlockError} When it cannot be unpacked.
 */
export async function withUnpacked<T>(
  path: string,
  body: (image: string) => Promise<T>,
): Promise<T> {
  if (!path.endsWith('.gz')) return body(path);
  const folder = await mkdtemp(join(tmpdir(), 'mirrordisk-'));
  try {
    const image = join(folder, basename(path, '.gz'));
    await unpack(path, image);
    return await body(image);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Unpacks a file, leaving holes where it is zero. */
async function unpack(from: string, to: string): Promise<void> {
  const action = `unpack "${from}"`;
  try {
    const image = await open(to, 'wx');
    try {
      let size = 0;
      for await (const chunk of createReadStream(from).pipe(createGunzip({ chunkSize: 65_536 }))) {
        if (!isZero(chunk)) await image.write(chunk, 0, chunk.length, size);
        size += chunk.length;
      }
      await image.truncate(size);
    } finally {
      await image.close();
    }
  } catch (error) {
    const isZlibError = error instanceof Error && 'errno' in error && !('syscall' in error);
    if (isZlibError) throw new BlockError('EINVAL', action, `it is no gzip file: ${error.message}`);
    throw fromSystemError(error, action);
  }
}
