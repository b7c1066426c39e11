/** Images that a command only reads. */

import { BlockGraph } from '../block/graph.ts';
import type { BlockNode } from '../block/node.ts';
import { drivers } from '../drivers/index.ts';
import type { Env } from '../env/env.ts';

/** Two images to read. */
export interface TwoImages {
  readonly left: string;
  readonly right: string;
}

/**
 * Opens two images for reading, byte for byte, runs `body`, and closes them however it ends.
 *
 * @throws {BlockError} As the file driver; `EBUSY` for one that somebody writes to.
 */
export async function withTwoImages<T>(
  env: Env,
  { left, right }: TwoImages,
  body: (left: BlockNode, right: BlockNode) => Promise<T>,
): Promise<T> {
  const graph = new BlockGraph(env, drivers);
  const open = (filename: string) => graph.open({ driver: 'file', filename, 'read-only': true });
  try {
    return await body(await open(left), await open(right));
  } finally {
    await graph.closeAll();
  }
}
