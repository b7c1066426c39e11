/** Files that are made as images: raw ones, which are nothing but their size. */

import { BlockError, fromSystemError } from '../base/errors.ts';
import { ZEROES } from '../base/zeroes.ts';
import type { Files, OpenFile } from '../env/files.ts';

/** How the storage of a file is given out: when it is written to, or at once. */
export type Preallocation = 'off' | 'metadata' | 'falloc' | 'full';

export interface ImageFileOptions {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly preallocation: Preallocation;
}

/**
 * Makes a file, or empties the one that is there, and gives it its size.
 *
 * @param onOpened Called when there is the file; what is done until then takes no time.
 * @throws {BlockError} `ENOENT`, `EACCES` and the like for a file that cannot be made, `EBUSY` for
 *   one that somebody writes to, `EINVAL` for what is no size, `ENOSPC` and the like.
 */
export async function createImageFile(
  files: Files,
  { path, size, preallocation }: ImageFileOptions,
  onOpened: () => void = () => {},
): Promise<void> {
  const file = await openEmpty(files, path);
  try {
    onOpened();
    await resizeNew(file, { path, size, preallocation });
  } finally {
    await file.close();
  }
}

async function openEmpty(files: Files, path: string): Promise<OpenFile> {
  try {
    const found = await files.status(path);
    if (!found) return await files.open(path, { access: 'read-write', create: true });
    const lock = await files.lock(found);
    if (!lock) throw refuse('EBUSY', path, 'Failed to get "write" lock');
    try {
      const file = await files.open(path, { access: 'read-write' });
      await file.truncate(0);
      return file;
    } finally {
      await lock.release();
    }
  } catch (error) {
    const known = fromSystemError(error, `create "${path}"`);
    if (!(known instanceof BlockError) || known.code === 'EBUSY') throw known;
    throw refuse(known.code, path, `Could not create '${path}': ${known.description}`);
  }
}

async function resizeNew(
  file: OpenFile,
  { path, size, preallocation }: ImageFileOptions,
): Promise<void> {
  if (preallocation === 'metadata') {
    throw refuse('ENOTSUP', path, 'Unsupported preallocation mode: metadata');
  }
  if (!Number.isSafeInteger(size)) {
    throw refuse('EINVAL', path, 'Could not resize file: Invalid argument');
  }
  await file.truncate(size);
  if (preallocation === 'off') return;
  for (let at = 0; at < size; at += ZEROES.length) {
    await file.write(at, ZEROES.subarray(0, Math.min(ZEROES.length, size - at)));
  }
}

function refuse(code: BlockError['code'], path: string, reason: string): BlockError {
  return new BlockError(code, `create "${path}"`, reason);
}
