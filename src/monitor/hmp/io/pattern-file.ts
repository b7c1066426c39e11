/** A file whose bytes are written again and again. */

import { BlockError } from '../../../base/errors.ts';
import type { Files } from '../../../env/files.ts';
import type { IoOutput } from './command.ts';
import { REQUEST_MAX } from './numbers.ts';

/** @returns `undefined` when it cannot be read or there is nothing in it, which was told. */
export async function readPatternFile(
  path: string,
  files: Files,
  { complain }: Pick<IoOutput, 'complain'>,
): Promise<Uint8Array | undefined> {
  try {
    const file = await files.open(path, { access: 'read' });
    try {
      const { size } = await file.status();
      const bytes = new Uint8Array(Math.min(size, REQUEST_MAX));
      const length = await file.read(0, bytes);
      if (length > 0) return bytes.subarray(0, length);
      complain(`${path}: file is empty\n`);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    complain(`${path}: ${error.description}\n`);
  }
  return undefined;
}
