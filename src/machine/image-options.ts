/** The nodes with which images are opened that users name. */

import { unreachable } from '../base/assert.ts';
import type { BlockdevOptions } from '../block/options.ts';
import type { NbdUri } from '../wire/nbd/uri.ts';
import type { Image } from './image-name.ts';
import type { TlsCredentialStore } from './tls-credentials.ts';

/** How an image is opened that a guest is to use. */
export interface RawImageOptions {
  readonly readOnly: boolean;
  /** Of a file: past the system's page cache. */
  readonly direct: boolean;
  /** Of a file: without its lock. */
  readonly shared: boolean;
  readonly unmap: boolean;
}

/** An image as its bytes are, of whatever size. @throws {BlockError} As {@link nbdOptions}. */
export async function plainImage(
  image: Image,
  credentials: TlsCredentialStore,
): Promise<BlockdevOptions> {
  switch (image.kind) {
    case 'node':
      return image.options;
    case 'file':
      return { driver: 'file', filename: image.path };
    case 'nbd':
      return nbdOptions(image.uri, credentials);
    default:
      return unreachable(image);
  }
}

/** A raw image that a guest is to use. @throws {BlockError} As {@link nbdOptions}. */
export async function rawImage(
  image: Image,
  credentials: TlsCredentialStore,
  { readOnly, direct, shared, unmap }: RawImageOptions,
): Promise<BlockdevOptions> {
  if (image.kind === 'node') return image.options;
  const locking = shared ? 'off' : 'on';
  const file =
    image.kind === 'file'
      ? { driver: 'file', filename: image.path, locking, cache: { direct } }
      : await nbdOptions(image.uri, credentials);
  const discard = unmap ? 'unmap' : 'ignore';
  return { driver: 'raw', 'read-only': readOnly, discard, file };
}

/**
 * A raw image that is to be a copy: what it holds is given up at once, where it can be, and zeroes
 * become holes.
 *
 * @throws {BlockError} As {@link nbdOptions}.
 */
export async function targetImage(
  image: Image,
  credentials: TlsCredentialStore,
  { direct }: Pick<RawImageOptions, 'direct'>,
): Promise<BlockdevOptions> {
  if (image.kind === 'node') return image.options;
  const file =
    image.kind === 'file'
      ? { driver: 'file', filename: image.path, cache: { direct } }
      : await nbdOptions(image.uri, credentials);
  return { driver: 'raw', discard: 'unmap', 'detect-zeroes': 'unmap', file };
}

/**
 * @param credentials Where those are kept that the URI names.
 * @returns What opens the export. @throws {BlockError} For credentials that cannot be read.
 */
export async function nbdOptions(
  { server, exportName, tls }: NbdUri,
  credentials: TlsCredentialStore,
): Promise<BlockdevOptions> {
  const address = server.type === 'inet' ? { ...server, port: String(server.port) } : server;
  const options = { driver: 'nbd', server: address, export: exportName };
  if (!tls) return options;
  const id = await credentials.addForUri(tls);
  const { hostname } = tls;
  const name = hostname === undefined ? {} : { 'tls-hostname': hostname };
  return { ...options, 'tls-creds': id, ...name };
}
