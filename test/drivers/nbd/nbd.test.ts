import { describe, expect, it, onTestFinished } from 'vitest';
import { BlockGraph } from '../../../src/block/graph.ts';
import { drivers } from '../../../src/drivers/index.ts';
import { nodeEnv } from '../../../src/env/node.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { driverContract } from '../../contract/driver-contract.ts';

driverContract({
  name: 'nbd, from a server of our own',
  async options(size, folder) {
    const machine = new Machine(nodeEnv());
    onTestFinished(() => machine.close());
    await machine.graph.open({ driver: 'memory', size, 'node-name': 'disk', discard: 'unmap' });
    const server = { type: 'unix', path: `${folder}/socket` } as const;
    await machine.exports.start({ address: server });
    machine.exports.add({ id: 'export', nodeName: 'disk', writable: true });
    return { driver: 'nbd', server, export: 'disk' };
  },
});

describe('nbd driver', () => {
  it('has no TLS credentials where nobody gives it any', async () => {
    const graph = new BlockGraph(nodeEnv(), drivers);
    const server = { type: 'unix', path: '/nowhere' };
    const opened = graph.open({ driver: 'nbd', server, 'tls-creds': 'tls0' });
    await expect(opened).rejects.toThrow("No TLS credentials with id 'tls0'");
    expect(graph.nodes).toEqual([]);
  });
});
