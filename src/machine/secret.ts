/** Secrets, such as the password of a key: QEMU's objects of the type `secret`. */

import { createDecipheriv } from 'node:crypto';
import { decodeBase64 } from '../base/base64.ts';
import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import type { Files } from '../env/files.ts';
import { readWhole } from './whole-file.ts';

/** Where a secret is; by QEMU's names. */
export interface SecretOptions {
  /** Itself, or … */
  readonly data?: string | undefined;
  /** … the file that it is in. */
  readonly file?: string | undefined;
  /** @default 'raw' */
  readonly format?: 'raw' | 'base64' | undefined;
  /** Of another secret, with which it is encrypted: AES-256 in CBC mode. @default It is not. */
  readonly keyid?: string | undefined;
  /** What that began with, in base64. */
  readonly iv?: string | undefined;
}

const LENGTH_MAX = 1024 * 1024;
const KEY_LENGTH = 32;
const IV_LENGTH = 16;
const BLOCK_LENGTH = 16;

/**
 * Loads a secret.
 *
 * @param find Finds another one by its id.
 * @throws {BlockError} For one that cannot be had; the reason is QEMU's text.
 */
export async function loadSecret(
  files: Files,
  { data, file, format = 'raw', keyid, iv }: SecretOptions,
  find: (id: string) => Uint8Array,
): Promise<Uint8Array> {
  if (file !== undefined && data !== undefined) {
    throw refuse("'file' and 'data' are mutually exclusive");
  }
  if (file === undefined && data === undefined) {
    throw refuse("Either 'file' or 'data' must be provided");
  }
  const key = keyid === undefined ? undefined : find(keyid);
  const given = file === undefined ? encode(data ?? '') : await readSecret(files, file);
  if (!key) return format === 'base64' ? decode(given) : given;
  if (key.length !== KEY_LENGTH) throw refuse(`Key should be ${KEY_LENGTH} bytes in length`);
  if (iv === undefined) throw refuse('IV is required to decrypt secret');
  return decrypt(format === 'base64' ? decode(given) : given, key, Buffer.from(iv, 'base64'));
}

async function readSecret(files: Files, path: string): Promise<Uint8Array> {
  try {
    return await readWhole(files, path, LENGTH_MAX);
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    const why = `Failed to open file “${path}”: ${error.reason}`;
    throw refuse(`Unable to read ${path}: ${why}`, error.code);
  }
}

function decrypt(bytes: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  if (iv.length !== IV_LENGTH) {
    throw refuse(`IV should be ${IV_LENGTH} bytes in length not ${iv.length}`);
  }
  if (bytes.length % BLOCK_LENGTH > 0) {
    throw refuse(`Length ${bytes.length} must be a multiple of block size ${BLOCK_LENGTH}`);
  }
  const decipher = createDecipheriv('aes-256-cbc', key, iv);
  try {
    return Uint8Array.from(Buffer.concat([decipher.update(bytes), decipher.final()]));
  } catch {
    throw refuse('Incorrect number of padding bytes found on decrypted data');
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decode(bytes: Uint8Array): Uint8Array {
  return decodeBase64(new TextDecoder().decode(bytes));
}

function refuse(reason: string, code: BlockErrorCode = 'EINVAL'): BlockError {
  return new BlockError(code, 'load a secret', reason);
}
