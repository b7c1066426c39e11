/** Two images of a round of the soak, opened anew to be compared. */

import { BlockGraph } from '../src/block/graph.ts';
import type { BlockNode } from '../src/block/node.ts';
import { drivers } from '../src/drivers/index.ts';
import { nodeEnv } from '../src/env/node.ts';

/** Opens both for reading, runs `body`, and closes them however it ends. */
export async function withFiles<T>(
  source: string,
  target: string,
  body: (nodes: { readonly source: BlockNode; readonly target: BlockNode }) => Promise<T>,
): Promise<T> {
  const graph = new BlockGraph(nodeEnv(), drivers);
  const openImage = (name: string, filename: string) =>
    graph.open({ driver: 'raw', 'node-name': name, 'read-only': true, file: fileOf(filename) });
  try {
    const nodes = {
      source: await openImage('source', source),
      target: await openImage('target', target),
    };
    return await body(nodes);
  } finally {
    await graph.closeAll();
  }
}

function fileOf(filename: string) {
  return { driver: 'file', filename };
}
