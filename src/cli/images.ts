/** Images that a command only reads. */

import { BlockGraph } from '../block/graph.ts';
import type { BlockNode } from '../block/node.ts';
import { driversOf } from '../drivers/index.ts';
import type { Env } from '../env/env.ts';
import { parseImageName } from '../machine/image-name.ts';
import { plainImage } from '../machine/image-options.ts';
import { TlsCredentialStore } from '../machine/tls-credentials.ts';

/** Two images to read, by their names. */
export interface TwoImages {
  readonly left: string;
  readonly right: string;
}

/**
 * Opens an image for reading, byte for byte, runs `body`, and closes it however that ends.
 *
 * @param name A path, the URI of an NBD export, or `json:` with the options of a disk.
 * @throws {BlockError} As the file and the NBD driver; `EBUSY` for one that somebody writes to.
 */
export async function withImage<T>(
  env: Env,
  name: string,
  body: (image: BlockNode) => Promise<T>,
): Promise<T> {
  const credentials = new TlsCredentialStore(env.files);
  const graph = new BlockGraph(
    env,
    driversOf((id) => credentials.find(id, 'client')),
  );
  try {
    const options = await plainImage(parseImageName(name), credentials);
    return await body(await graph.open({ ...options, 'read-only': true }));
  } finally {
    await graph.closeAll();
  }
}

/** Does it with two. */
export function withTwoImages<T>(
  env: Env,
  { left, right }: TwoImages,
  body: (left: BlockNode, right: BlockNode) => Promise<T>,
): Promise<T> {
  return withImage(env, left, (one) => withImage(env, right, (other) => body(one, other)));
}
