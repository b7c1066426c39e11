/** Files that are small and read at once, such as certificates. */

import { BlockError } from '../base/errors.ts';
import type { Files } from '../env/files.ts';

/**
 * Reads a file.
 *
 * @param lengthMax In bytes. @throws {BlockError} `EFBIG` for one that is longer.
 */
export async function readWhole(
  files: Files,
  path: string,
  lengthMax: number,
): Promise<Uint8Array> {
  const file = await files.open(path, { access: 'read' });
  try {
    const { size } = await file.status();
    if (size > lengthMax) {
      const rule = `it may have at most ${lengthMax} bytes: ${size}`;
      throw new BlockError('EFBIG', `read "${path}"`, rule);
    }
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, await file.read(0, bytes));
  } finally {
    await file.close();
  }
}
