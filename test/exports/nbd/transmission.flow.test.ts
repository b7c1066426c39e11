import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { drained } from '../../../src/block/drain.ts';
import { BlockEdge } from '../../../src/block/edge.ts';
import { BlockGraph } from '../../../src/block/graph.ts';
import { nodeEnv } from '../../../src/env/node.ts';
import { COMMAND, NBD_ERROR } from '../../../src/wire/nbd/constants.ts';
import { nodeOf, pattern, TestDisk } from '../../support/drivers.ts';
import { type RigClient, ServerRig, SIZE } from '../../support/nbd-server-rig.ts';
import { settle } from '../../support/settle.ts';

const { READ, WRITE, FLUSH, DISC, CACHE } = COMMAND;

/** More than any bound of a test lets pass. */
const FLOOD_MAX = 10_000;

/** Says requests until the server lets no more come. @returns How many. */
async function flood(client: RigClient, request: { command: number; length?: number }) {
  for (let count = 0; ; count += 1) {
    // It may only let others run.
    if (client.connection.isPaused) await settle();
    if (client.connection.isPaused) return count;
    if (count > FLOOD_MAX) throw new Error('There is no end to what the server takes');
    client.send(request, request.command === WRITE ? pattern(512) : undefined);
  }
}

describe('the flow of an NBD session', () => {
  it('reads no more while there are as many requests in flight as may be', async () => {
    const rig = new ServerRig({ limits: { requestsMax: 4 } });
    rig.disk.gate.mode = 'held';
    const client = await rig.open();
    expect(await flood(client, { command: WRITE })).toBe(4);
    expect(rig.disk.gate.held).toHaveLength(4);
    rig.disk.gate.next().complete();
    await settle();
    expect(await flood(client, { command: WRITE })).toBe(1);
    while (rig.disk.gate.held.length > 0) {
      rig.disk.gate.next().complete();
      await settle();
    }
    expect(await client.replies()).toHaveLength(5);
    expect(client.connection.isPaused).toBe(false);
  });

  it('keeps what has come already, and goes on with it', async () => {
    const rig = new ServerRig({ limits: { requestsMax: 2 } });
    rig.disk.gate.mode = 'held';
    const client = await rig.open();
    const requests = Array.from({ length: 5 }, () => client.build({ command: FLUSH }));
    client.say(...requests);
    expect(rig.disk.gate.held).toHaveLength(2);
    for (let count = 0; count < 5; count += 1) {
      rig.disk.gate.next().complete();
      await settle();
    }
    expect(await client.replies()).toHaveLength(5);
  });

  it('reads no more while a client does not take its replies', async () => {
    const rig = new ServerRig({ limits: { bytesMax: 100_000 } });
    const slow = await rig.open();
    slow.connection.takes = false;
    expect(await flood(slow, { command: READ, length: 4096 })).toBe(25);
    await settle();
    expect(slow.connection.isPaused).toBe(true);
    // Small replies count as well.
    const writer = await rig.open();
    writer.connection.takes = false;
    expect(await flood(writer, { command: FLUSH })).toBe(6250);
    const other = await rig.open();
    expect(await other.ask({ length: 512 })).toMatchObject({ error: 0 });
    slow.connection.takeAll();
    await settle();
    expect(slow.connection.isPaused).toBe(false);
    expect(await slow.replies()).toHaveLength(25);
  });

  it('reads little ahead of a client that does not take its replies', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    client.connection.takes = false;
    client.say(...Array.from({ length: 20 }, () => client.build({ length: 128 * 1024 })));
    await settle();
    expect(rig.disk.operations).toHaveLength(4);
    expect(client.connection.isPaused).toBe(true);
    client.connection.takes = true;
    client.connection.takeAll();
    await settle();
    expect(await client.replies()).toHaveLength(20);
    expect(client.connection.isPaused).toBe(false);
  });

  it('carries out what has come whole of a client that took no replies and is gone', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    client.connection.takes = false;
    const reads = Array.from({ length: 20 }, () => client.build({ length: 128 * 1024 }));
    client.say(...reads, client.build({ command: WRITE }, pattern(16, 50)));
    client.connection.close();
    await settle();
    expect(rig.disk.bytes.subarray(0, 16)).toEqual(pattern(16, 50));
    expect(rig.server.connections).toBe(0);
  });

  it('counts payloads that are not written yet', async () => {
    const rig = new ServerRig({ limits: { bytesMax: 2048 } });
    rig.disk.gate.mode = 'held';
    const client = await rig.open();
    expect(await flood(client, { command: WRITE })).toBe(4);
    rig.disk.gate.next().complete();
    await settle();
    expect(await flood(client, { command: WRITE })).toBe(1);
  });

  it('does not count what was reserved for data that are not sent', async () => {
    const rig = new ServerRig({ limits: { bytesMax: 50_000 } });
    rig.disk.extentAt = (offset) => {
      const isData = offset < 40_000;
      const length = (isData ? 40_000 : SIZE) - offset;
      return { length, data: isData, zero: !isData, allocated: true };
    };
    const client = await rig.open({ structured: true });
    const read = rig.disk.read.bind(rig.disk);
    rig.disk.read = () => {
      throw new BlockError('EIO', 'read', 'the test wants it');
    };
    for (const length of [30_000, 30_000, 100_000, 100_000]) {
      expect(await client.ask({ length })).toMatchObject({ error: NBD_ERROR.EIO });
    }
    rig.disk.read = read;
    for (let count = 0; count < 3; count += 1) {
      expect(await client.ask({ command: CACHE, length: 30_000 })).toMatchObject({ error: 0 });
    }
    expect(client.connection.isPaused).toBe(false);
  });

  it('lets others run now and then, though the disk completes at once', async () => {
    const rig = new ServerRig();
    const busy = await rig.open();
    const other = await rig.open();
    busy.say(...Array.from({ length: 40 }, () => busy.build({ length: SIZE })));
    expect(rig.disk.operations.length).toBeLessThan(10);
    expect(busy.connection.isPaused).toBe(true);
    other.send({ length: 16 });
    const before = rig.disk.operations.length;
    expect(rig.disk.calls.at(-1)).toMatchObject({ length: 16 });
    while (rig.disk.operations.length < 41) await settle();
    expect(rig.disk.operations.length).toBeGreaterThan(before);
    expect(rig.clock.turns).toBeGreaterThan(3);
    expect(await busy.replies()).toHaveLength(40);
    expect(busy.connection.isPaused).toBe(false);
  });

  it('carries out a write that has come whole, when its client is gone', async () => {
    const rig = new ServerRig({ limits: { requestsMax: 1 } });
    rig.disk.gate.mode = 'held';
    const client = await rig.open();
    client.say(
      client.build({ command: WRITE, offset: 0 }, pattern(16, 50)),
      client.build({ command: READ, offset: 0, length: 16 }),
      client.build({ command: WRITE, offset: 16 }, pattern(16, 50)),
      client.build({ command: WRITE, offset: 32 }, pattern(16, 50)).subarray(0, 43),
    );
    client.connection.close();
    await settle();
    expect(rig.server.connections).toBe(1);
    rig.disk.gate.next().complete();
    await settle();
    rig.disk.gate.next().complete();
    await settle();
    expect(rig.disk.operations).toEqual(['write', 'write']);
    expect(rig.disk.bytes.subarray(0, 32)).toEqual(
      pattern(32, 50).map((_, i) => pattern(16, 50)[i % 16] ?? 0),
    );
    expect(rig.disk.bytes.subarray(32, 48)).toEqual(pattern(48).subarray(32));
    expect(rig.server.connections).toBe(0);
    expect(rig.served.isInUse).toBe(false);
  });

  it('answers a client that sends no more, and then ends', async () => {
    const rig = new ServerRig();
    rig.disk.gate.mode = 'held';
    const client = await rig.open();
    client.send({ length: 16 });
    client.say(client.build({ length: 16 }).subarray(0, 20));
    client.connection.sayEnd();
    expect(client.connection.outcome).toBe('no');
    rig.disk.gate.next().complete();
    expect(await client.replies()).toHaveLength(1);
    expect(client.connection.outcome).toBe('ended');
  });

  it('gives back all memory when a client vanishes in the middle of everything', async () => {
    const rig = new ServerRig();
    rig.disk.gate.mode = 'held';
    for (const cut of [1, 20, 28, 30, 40_000]) {
      const client = await rig.open();
      client.send({ length: 4096 });
      client.say(client.build({ command: WRITE }, pattern(50_000)).subarray(0, cut));
      client.connection.close();
      await settle();
      for (const held of [...rig.disk.gate.held]) held.complete();
      await settle();
    }
    expect(rig.server.connections).toBe(0);
    expect(rig.disk.operations).not.toContain('write');
    expect(rig.clock.timers).toBe(0);
    await rig.server.close();
    expect(rig.node.parents.size).toBe(0);
  });
});

describe('an NBD export whose disk moves', () => {
  it('holds its clients back while the disk is drained, and they notice nothing', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    await drained(rig.node, async () => {
      client.send({ command: WRITE, offset: 0 }, pattern(16, 9));
      client.send({ command: DISC });
      await settle();
      expect(rig.disk.operations).toEqual([]);
      expect(await client.replies()).toEqual([]);
    });
    expect(await client.replies()).toMatchObject([{ error: 0 }]);
    expect(rig.disk.bytes.subarray(0, 16)).toEqual(pattern(16, 9));
  });

  it('takes its clients along to another disk', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    const target = new TestDisk({ size: SIZE });
    const to = nodeOf(target, { name: 'target' });
    const graph = new BlockGraph(nodeEnv(), {});
    rig.disk.gate.mode = 'held';
    client.send({ command: WRITE, offset: 0 }, pattern(16, 9));
    const moving = graph.replace(rig.node, to);
    client.send({ command: WRITE, offset: 16 }, pattern(16, 9));
    await settle();
    expect(rig.disk.operations).toEqual(['write']);
    rig.disk.gate.next().complete();
    await moving;
    expect(await client.replies()).toHaveLength(2);
    expect(target.calls).toMatchObject([{ operation: 'write', offset: 16 }]);
  });

  it('keeps the disk at the size that its clients know', async () => {
    const rig = new ServerRig();
    await expect(rig.node.resize(SIZE / 2)).rejects.toThrow("permissions 'resize'");
    expect(rig.node.size).toBe(SIZE);
  });

  it('lets others write to the disk', () => {
    const rig = new ServerRig();
    const needs = ['consistent-read', 'write'] as const;
    const other = new BlockEdge(rig.node, { name: 'other', kind: 'device', needs });
    other.close();
    const shares = ['consistent-read'] as const;
    expect(() => new BlockEdge(rig.node, { name: 'alone', kind: 'device', shares })).toThrow(
      expect.objectContaining({ code: 'EBUSY' }),
    );
  });

  it('flushes for one client what another has written', async () => {
    const rig = new ServerRig();
    rig.disk.gate.mode = 'async';
    const [writer, flusher] = [await rig.open(), await rig.open()];
    await writer.ask({ command: WRITE, offset: 0 }, pattern(512, 9));
    await flusher.ask({ command: FLUSH });
    expect(await flusher.ask({ length: 512 })).toMatchObject({ data: pattern(512, 9) });
    expect(rig.disk.operations).toEqual(['write', 'flush', 'read']);
  });
});
