/** Compressed images: unpacked into a temporary folder for as long as a command runs. */

import { createReadStream, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { BlockError, fromSystemError } from '../base/errors.ts';
import { formatSize } from '../base/units.ts';
import { isZero } from '../base/zeroes.ts';
import type { CommandIo } from './command.ts';
import { timely } from './timely.ts';

/** Bytes that are written, or left out as a hole, at a time. */
const CHUNK_LENGTH = 65_536;

/** An image to open, and what to call it. */
export interface NamedImage {
  readonly path: string;
  readonly name: string;
}

/**
 * Runs `body` with a raw image: that under `path`, or what it unpacks to when its name ends in
 * `.gz`. The unpacked image is removed afterwards, so what is written to it is gone.
 *
 * @throws {BlockError} When it cannot be unpacked.
 */
export async function withUnpacked<T>(
  path: string,
  io: CommandIo,
  body: (image: NamedImage) => Promise<T>,
): Promise<T> {
  if (!path.endsWith('.gz')) return body({ path, name: path });
  const action = `unpack "${path}"`;
  const folder = await attempt(`${action} in "${tmpdir()}"`, () =>
    mkdtemp(join(tmpdir(), 'mirrordisk-')),
  );
  const clean = () => rmSync(folder, { recursive: true, force: true });
  const forget = io.onExit(clean);
  try {
    const image = join(folder, basename(path, '.gz'));
    await attempt(action, () => unpack(path, image, io));
    return await body({ path: image, name: `${path} (unpacked)` });
  } finally {
    clean();
    forget();
  }
}

/** Unpacks a file, leaving holes where it is zero. */
async function unpack(from: string, to: string, io: CommandIo): Promise<void> {
  const image = await io.env.files.open(to, { access: 'read-write', create: true });
  const show = timely(io.env.clock, (bytes: number) => io.show([`unpacked ${formatSize(bytes)}`]));
  const packed = createReadStream(from);
  const unpacked = createGunzip({ chunkSize: CHUNK_LENGTH });
  packed.on('error', (error) => unpacked.destroy(error));
  try {
    let size = 0;
    for await (const chunk of packed.pipe(unpacked)) {
      if (!isZero(chunk)) await image.write(size, chunk);
      size += chunk.length;
      show(size);
    }
    await image.truncate(size);
  } finally {
    packed.destroy();
    await image.close();
    io.show([]);
  }
}

async function attempt<T>(action: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const isZlibError = error instanceof Error && 'errno' in error && !('syscall' in error);
    if (isZlibError) throw new BlockError('EINVAL', action, `it is no gzip file: ${error.message}`);
    throw fromSystemError(error, action);
  }
}
