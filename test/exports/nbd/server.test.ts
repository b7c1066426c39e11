import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tellPowerLost } from '../../../src/block/power.ts';
import { nodeEnv } from '../../../src/env/node.ts';
import { NbdServer } from '../../../src/exports/nbd/server.ts';
import { COMMAND, OPTION_REPLY } from '../../../src/wire/nbd/constants.ts';
import { nodeOf, pattern, TestDisk } from '../../support/drivers.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { ServerRig } from '../../support/nbd-server-rig.ts';
import { settle, watch } from '../../support/settle.ts';
import { SocketRecorder } from '../../support/socket-recorder.ts';
import { withFolder } from '../../support/temporary.ts';

const refusal = (code: string) => expect.objectContaining({ code });

describe('an NBD server', () => {
  it('listens where it is told to, at several places, until it is closed', async () => {
    await withFolder(async (folder) => {
      const env = nodeEnv();
      const server = new NbdServer({ env });
      const path = join(folder, 'socket');
      await server.listen({ type: 'unix', path });
      const second = await server.listen({ type: 'inet', host: '127.0.0.1', port: 0 });
      expect(server.addresses).toEqual([{ type: 'unix', path }, second]);
      for (const address of server.addresses) {
        const connection = await env.sockets.connect(address);
        const recorder = new SocketRecorder(connection);
        await recorder.received(18);
        expect(recorder.bytes.toString('latin1', 0, 16)).toBe('NBDMAGICIHAVEOPT');
        connection.destroy();
      }
      await server.close();
      await expect(env.sockets.connect({ type: 'unix', path })).rejects.toThrow(refusal('ENOENT'));
      await expect(server.listen({ type: 'unix', path })).rejects.toThrow(refusal('ESHUTDOWN'));
    });
  });

  it('refuses an id or a name that is in use, and a disk that cannot be written', () => {
    const { server, node, served } = new ServerRig();
    expect(() => server.add({ id: 'export0', node, name: 'new' })).toThrow(refusal('EEXIST'));
    expect(() => server.add({ id: 'new', node })).toThrow(refusal('EEXIST'));
    const readOnly = nodeOf(new TestDisk({ size: 512 }), { readOnly: true });
    const wrong = { id: 'new', node: readOnly, name: 'new', writable: true };
    expect(() => server.add(wrong)).toThrow(refusal('EPERM'));
    const long = { id: 'new', node, name: 'x'.repeat(4097) };
    expect(() => server.add(long)).toThrow(refusal('EINVAL'));
    expect(server.exports).toEqual([served]);
    expect(node.parents.size).toBe(1);
  });

  it('lets in no more clients than may be, and those who come for others who leave', async () => {
    const rig = new ServerRig({ limits: { connectionsMax: 2 } });
    const first = await rig.open();
    const second = rig.connect();
    const third = new HandConnection();
    rig.server.accept(third);
    expect(third.outcome).toBe('destroyed');
    first.connection.close();
    await settle();
    const fourth = await rig.open();
    expect(await fourth.ask({ length: 16 })).toMatchObject({ error: 0 });
    expect(second.connection.outcome).toBe('no');
    expect(rig.server.connections).toBe(2);
  });

  it('removes an export that is in use only by force', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    const visitor = rig.connect();
    await expect(rig.server.remove('export0', 'safe')).rejects.toThrow(refusal('EBUSY'));
    await expect(rig.server.remove('export1', 'safe')).rejects.toThrow(refusal('ENOENT'));
    rig.disk.gate.mode = 'held';
    client.send({ command: COMMAND.WRITE, offset: 0 }, pattern(16, 9));
    const removing = watch(() => rig.server.remove('export0', 'hard'));
    await settle();
    expect(client.connection.outcome).toBe('destroyed');
    expect(rig.served.isShuttingDown).toBe(true);
    expect(rig.server.find('disk')).toBeUndefined();
    expect(rig.server.exports).toEqual([rig.served]);
    expect(removing.state).toBe('pending');
    expect(rig.events).toEqual([]);
    rig.disk.gate.next().complete();
    await settle();
    expect(removing.state).toBe('done');
    expect(rig.events).toEqual([{ event: 'BLOCK_EXPORT_DELETED', data: { id: 'export0' } }]);
    expect(rig.node.parents.size).toBe(0);
    expect(rig.disk.bytes.subarray(0, 16)).toEqual(pattern(16, 9));
    expect(visitor.connection.outcome).toBe('no');
  });

  it('removes an export that nobody uses any more', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    client.send({ command: COMMAND.DISC });
    await settle();
    await rig.server.remove('export0', 'safe');
    expect(rig.server.exports).toEqual([]);
  });

  it('ends everything when it is closed', async () => {
    const rig = new ServerRig();
    const [visitor, client] = [rig.connect(), await rig.open()];
    await rig.server.close();
    await rig.server.close();
    expect([visitor, client].map(({ connection }) => connection.outcome)).toEqual([
      'destroyed',
      'destroyed',
    ]);
    expect(rig.server.connections).toBe(0);
    expect(rig.clock.timers).toBe(0);
    expect(rig.events).toHaveLength(1);
    const late = new HandConnection();
    rig.server.accept(late);
    expect(late.outcome).toBe('destroyed');
    expect(() => rig.server.add({ id: 'a', node: rig.node })).toThrow(refusal('ESHUTDOWN'));
  });

  it('waits for those who have not chosen yet', async () => {
    const rig = new ServerRig();
    const { connection } = rig.connect();
    connection.destroy = () => {};
    const closing = watch(() => rig.server.close());
    await settle();
    expect(closing.state).toBe('pending');
    connection.close();
    await settle();
    expect(closing.state).toBe('done');
  });

  it('removes an export once, however often that is asked for', async () => {
    const rig = new ServerRig();
    const remove = () => rig.server.remove('export0', 'hard');
    await Promise.all([remove(), remove(), rig.server.close()]);
    expect(rig.events).toHaveLength(1);
  });

  it('counts who is there, who was, and what they asked for', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    await rig.open();
    await client.ask({ length: 512 });
    await client.ask({ command: 99 });
    client.connection.close();
    await settle();
    expect(rig.served.statistics()).toEqual({
      read: { requests: 1, bytes: 512, errors: 0 },
      write: { requests: 0, bytes: 0, errors: 0 },
      flush: { requests: 0, bytes: 0, errors: 0 },
      trim: { requests: 0, bytes: 0, errors: 0 },
      cache: { requests: 0, bytes: 0, errors: 0 },
      writeZeroes: { requests: 0, bytes: 0, errors: 0 },
      blockStatus: { requests: 0, bytes: 0, errors: 0 },
      connections: 1,
      connectionsTotal: 2,
      unknown: 1,
    });
  });

  it('ends all connections when the disk loses power, and lets nobody come back', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    tellPowerLost(rig.node);
    expect(client.connection.outcome).toBe('destroyed');
    const answers = await rig.connect().choose();
    expect(answers).toEqual([expect.objectContaining({ type: OPTION_REPLY.ERR_SHUTDOWN })]);
    await rig.server.remove('export0', 'safe');
    rig.server.add({ id: 'export1', node: rig.node, name: 'disk' });
    expect(await (await rig.open()).ask({ length: 16 })).toMatchObject({ error: 0 });
  });

  it('tells nobody of it where that is the fault to be tried', async () => {
    const rig = new ServerRig({ export: { onPowerLoss: 'serve' } });
    const client = await rig.open();
    tellPowerLost(rig.node);
    expect(await client.ask({ length: 16 })).toMatchObject({ error: 0 });
    expect(await (await rig.open()).ask({ length: 16 })).toMatchObject({ error: 0 });
  });
});
