import { describe, expect, it, onTestFinished } from 'vitest';
import { BlockGraph } from '../../../src/block/graph.ts';
import { drivers } from '../../../src/drivers/index.ts';
import { nodeEnv } from '../../../src/env/node.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { driverContract } from '../../contract/driver-contract.ts';
import { withFolder } from '../../support/temporary.ts';

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
  it.each([true, false])('is reopened as the export allows: writable %s', (writable) =>
    withFolder(async (folder) => {
      const machine = new Machine(nodeEnv());
      const server = { type: 'unix', path: `${folder}/socket` } as const;
      await machine.graph.open({ driver: 'memory', size: 512, 'node-name': 'disk' });
      await machine.exports.start({ address: server });
      machine.exports.add({ id: 'export', nodeName: 'disk', writable });
      const graph = new BlockGraph(nodeEnv(), drivers);
      const reading = {
        driver: 'nbd',
        'node-name': 'nbd',
        server,
        export: 'disk',
        'read-only': true,
      };
      const node = await graph.open(reading);
      const reopened = graph.reopen([{ ...reading, 'read-only': false }]);
      if (writable) {
        await reopened;
        await node.write(0, new Uint8Array(512));
      } else {
        await expect(reopened).rejects.toThrow("Can't reopen read-only NBD mount as read/write");
        await graph.reopen([{ ...reading, 'read-only': false, 'auto-read-only': true }]);
        expect(node.options.readOnly).toBe(true);
      }
      await graph.closeAll();
      await machine.close();
    }),
  );

  it('has no TLS credentials where nobody gives it any', async () => {
    const graph = new BlockGraph(nodeEnv(), drivers);
    const server = { type: 'unix', path: '/nowhere' };
    const opened = graph.open({ driver: 'nbd', server, 'tls-creds': 'tls0' });
    await expect(opened).rejects.toThrow("No TLS credentials with id 'tls0'");
    expect(graph.nodes).toEqual([]);
  });
});
