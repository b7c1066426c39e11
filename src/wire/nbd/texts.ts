/** Names, queries and other texts of the protocol: UTF-8 of at most 4096 bytes, without NUL. */

import { BlockError } from '../../base/errors.ts';
import { TEXT_LENGTH_MAX } from './constants.ts';

/** @throws {BlockError} `EPROTO` for what is no such text. */
export function decodeText(bytes: Uint8Array): string {
  const refuse = (reason: string) => new BlockError('EPROTO', 'read a text of NBD', reason);
  if (bytes.length > TEXT_LENGTH_MAX) {
    throw refuse(`it must not exceed ${TEXT_LENGTH_MAX} bytes: ${bytes.length}`);
  }
  if (bytes.includes(0)) throw refuse('it must not contain NUL');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw refuse('it must be UTF-8');
    throw error;
  }
}

/** @throws {BlockError} `EINVAL` for a text that the protocol has no room for. */
export function encodeText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const refuse = (reason: string) =>
    new BlockError('EINVAL', `use ${JSON.stringify(text.slice(0, 40))} in NBD`, reason);
  if (bytes.length > TEXT_LENGTH_MAX) {
    throw refuse(`a text must not exceed ${TEXT_LENGTH_MAX} bytes: ${bytes.length}`);
  }
  if (bytes.includes(0)) throw refuse('a text must not contain NUL');
  return bytes;
}
