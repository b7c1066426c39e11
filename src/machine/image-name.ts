/**
 * Names of images, as users give them.
 *
 *     disk.img   ./nbd:x   file:nbd:x            a file; "file:" is for names that look like a URI
 *     nbd://host/export    nbds+unix:///?socket=path         an NBD export
 *     json:{"driver": "memory", "size": 1048576}             QEMU's BlockdevOptions of any disk
 */

import { BlockError } from '../base/errors.ts';
import type { BlockdevOptions } from '../block/options.ts';
import { type NbdUri, parseNbdUri } from '../wire/nbd/uri.ts';

/** What a name stands for. */
export type Image =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'nbd'; readonly uri: NbdUri }
  | { readonly kind: 'node'; readonly options: BlockdevOptions };

const ESCAPE = 'file:';
const JSON_SCHEME = 'json:';
const NBD_SCHEME = /^nbds?(\+[a-z0-9.-]+)?:/i;

/** @throws {BlockError} `EINVAL` for an NBD URI that is none, and for JSON that is no disk. */
export function parseImageName(name: string): Image {
  if (name.startsWith(ESCAPE)) return { kind: 'file', path: name.slice(ESCAPE.length) };
  if (name.startsWith(JSON_SCHEME)) return { kind: 'node', options: parseOptions(name) };
  return NBD_SCHEME.test(name)
    ? { kind: 'nbd', uri: parseNbdUri(name) }
    : { kind: 'file', path: name };
}

/** @throws {BlockError} As {@link parseImageName}. */
export function imageOf(given: string | BlockdevOptions): Image {
  return typeof given === 'string' ? parseImageName(given) : { kind: 'node', options: given };
}

function parseOptions(name: string): BlockdevOptions {
  const refuse = (rule: string) => new BlockError('EINVAL', `use "${name}"`, rule);
  let value: unknown;
  try {
    value = JSON.parse(name.slice(JSON_SCHEME.length));
  } catch (error) {
    if (error instanceof SyntaxError) throw refuse(`it must be JSON: ${error.message}`);
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse('it must be the options of a disk, in { }');
  }
  // Whoever opens it checks what is in it, the driver too.
  return value as BlockdevOptions;
}
