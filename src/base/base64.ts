/** Bytes as text, where a text is not trusted to be that. */

import { BlockError } from './errors.ts';

/** @throws {BlockError} `EINVAL` for a text that is no base64; the reason is QEMU's text. */
export function decodeBase64(text: string): Uint8Array {
  if (/^[A-Za-z\d+/\n]*={0,2}\n?$/.test(text)) return Uint8Array.from(Buffer.from(text, 'base64'));
  const reason = 'Base64 data contains invalid characters';
  throw new BlockError('EINVAL', 'read base64', reason);
}
