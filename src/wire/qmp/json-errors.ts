/** What is said of JSON that is none, in QEMU's words. */

import { BlockError } from '../../base/errors.ts';

/** QEMU's room for all but the beginning. */
const TEXT_LENGTH_MAX = 1023;

/** @returns The error of a text that breaks a rule of JSON. */
export function parseError(what: string): BlockError {
  return jsonError(`JSON parse error, ${what.slice(0, TEXT_LENGTH_MAX)}`);
}

/** @returns The error with QEMU's whole text as its reason. */
export function jsonError(reason: string): BlockError {
  return new BlockError('EINVAL', 'read JSON', reason);
}
