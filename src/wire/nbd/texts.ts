/**
 * The texts of the protocol (`doc/proto.md`, "Conventions"): UTF-8 of at most 4096 bytes, without
 * NUL.
 *
 * A name or a query is such a text or it is refused. A message is for people only, who get whatever
 * can be made of it.
 */

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

/** Encodes a text for people, as much of it as the protocol has room for. */
export function encodeMessage(message: string): Uint8Array {
  // A character of one or two units of UTF-16 has at most three octets for each.
  const bytes = new Uint8Array(Math.min(3 * message.length, TEXT_LENGTH_MAX));
  const { written } = new TextEncoder().encodeInto(message.replaceAll('\0', ' '), bytes);
  return bytes.subarray(0, written);
}

/** Decodes a text for people; what is no UTF-8 comes out as the sign for that. */
export function decodeMessage(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, TEXT_LENGTH_MAX)).replaceAll('\0', ' ');
}
