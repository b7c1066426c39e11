import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../src/block/edge.ts';
import { tellPowerLost } from '../../src/block/power.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { writeCacheOf } from '../../src/filters/write-cache.ts';
import { Machine } from '../../src/machine/machine.ts';
import { filterOver, nodeOf, TestDisk } from '../support/drivers.ts';

/** Somebody who stands on a node and counts what it is told. */
function listener(name: string) {
  return {
    name,
    count: 0,
    powerLost() {
      this.count += 1;
    },
  };
}

describe('a disk that loses power', () => {
  it('tells those who stand on it, however far up, and nobody else', () => {
    const node = nodeOf(new TestDisk({ size: 1024 }));
    const other = nodeOf(new TestDisk({ size: 1024 }), { name: 'other' });
    const filter = filterOver(node, 'filter').node;
    const [direct, above, apart] = ['direct', 'above', 'apart'].map(listener);
    for (const [where, parent] of [
      [node, direct],
      [filter, above],
      [other, apart],
    ] as const) {
      if (parent) new BlockEdge(where, parent);
    }
    tellPowerLost(node);
    expect([direct?.count, above?.count, apart?.count]).toEqual([1, 1, 0]);
  });

  it('is so when the power of its cache is cut', async () => {
    const machine = new Machine(nodeEnv());
    const image = { driver: 'memory', size: 65_536 };
    const node = await machine.graph.open({ driver: 'write-cache', image });
    const heard = listener('export');
    const edge = new BlockEdge(node, heard);
    await writeCacheOf(node)?.powerCut();
    expect(heard.count).toBe(1);
    edge.close();
    await machine.close().catch(() => {});
  });
});
