import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../src/block/edge.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';

const KiB = 1024;

async function openRaw() {
  const graph = new BlockGraph(nodeEnv(), drivers);
  const file = { driver: 'memory', size: KiB, 'node-name': 'below' };
  const node = await graph.open({ driver: 'raw', 'node-name': 'disk', file });
  const names = () => graph.nodes.map(({ name }) => name);
  return { graph, node, names };
}

describe('a node that is nobody’s own', () => {
  it('closes with what is inside it when its last user has left', async () => {
    const { graph, node, names } = await openRaw();
    const edge = new BlockEdge(node, { name: 'device' });
    graph.disown(node);
    await graph.closeUnused();
    expect(names()).toEqual(['below', 'disk']);
    edge.close();
    await graph.closeUnused();
    expect(names()).toEqual([]);
    expect(node.isClosed).toBe(true);
  });

  it('is none that a user has opened', async () => {
    const { graph, names } = await openRaw();
    await graph.closeUnused();
    expect(names()).toEqual(['below', 'disk']);
    await graph.closeAll();
  });
});
