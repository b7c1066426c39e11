import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import type { Connection, SocketAddress, Sockets } from '../../../src/env/sockets.ts';
import type { SocketProtocol } from '../../../src/monitor/chardev/socket-protocol.ts';
import { socketServer } from '../../../src/monitor/chardev/socket-server.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { settle, watch } from '../../support/settle.ts';

const PLAIN: SocketProtocol = { name: 'tcp', begin: async (connection) => connection };
const UNIX = { type: 'unix', path: '/run/mon.sock' } as const;

/** Starts a server on sockets of which the test is the other side. */
async function start(address: SocketAddress = UNIX, protocol = PLAIN) {
  let accept: (connection: Connection) => void = () => {};
  let isListening = true;
  const sockets: Pick<Sockets, 'listen'> = {
    async listen(_wanted, onConnection) {
      accept = onConnection;
      return {
        address,
        async close() {
          isListening = false;
        },
      };
    },
  };
  const server = await socketServer(sockets, { address }, protocol);
  const connect = () => {
    const connection = new HandConnection();
    accept(connection);
    return connection;
  };
  return { server, connect, isListening: () => isListening };
}

describe('a chardev that is a server', () => {
  it('gives out one client at a time, in the order in which they came', async () => {
    const { server, connect } = await start();
    const waiting = server.next();
    const first = connect();
    expect(await waiting).toBe(first);
    const [second, third] = [connect(), connect()];
    expect(await server.next()).toBe(second);
    expect(await server.next()).toBe(third);
    const next = watch(() => server.next());
    await settle();
    expect(next.state).toBe('pending');
  });

  it('turns away who comes when too many wait', async () => {
    const { connect } = await start();
    const waiting = Array.from({ length: 16 }, connect);
    expect(waiting.map(({ outcome }) => outcome)).toEqual(Array(16).fill('no'));
    expect(connect().outcome).toBe('destroyed');
  });

  it('gives out those who speak its protocol, and lets others go', async () => {
    const spoken = new HandConnection();
    const refusal = new BlockError('EACCES', 'start TLS', 'no');
    const begin = async (connection: Connection) => {
      if (connection === first) throw refusal;
      return spoken;
    };
    const { server, connect } = await start(UNIX, { name: 'telnet', begin });
    const next = server.next();
    const first = connect();
    await settle();
    expect(first.outcome).toBe('destroyed');
    connect();
    expect(await next).toBe(spoken);
  });

  it('lets go of who is still beginning when it closes', async () => {
    const begin = () => new Promise<Connection>(() => {});
    const { server, connect } = await start(UNIX, { name: 'tcp', begin });
    void server.next();
    const silent = connect();
    await settle();
    await server.close();
    expect(silent.outcome).toBe('destroyed');
  });

  it('lets all go when it closes', async () => {
    const { server, connect, isListening } = await start();
    const waiting = connect();
    await server.close();
    expect([isListening(), waiting.outcome]).toEqual([false, 'destroyed']);
    expect(await server.next()).toBeUndefined();
    expect(connect().outcome).toBe('destroyed');
  });

  it('tells who waits for a client that none will come', async () => {
    const { server } = await start();
    const next = server.next();
    await server.close();
    expect(await next).toBeUndefined();
  });

  it('is named as QEMU names it', async () => {
    const { server } = await start();
    const connection = new HandConnection();
    expect(server.filename(undefined)).toBe('disconnected:unix:/run/mon.sock,server=on');
    expect(server.filename(connection)).toBe('unix:/run/mon.sock,server=on');
    const inet = await start({ type: 'inet', host: '::1', port: 4444 });
    expect(inet.server.filename(undefined)).toBe('disconnected:tcp:[::1]:4444,server=on');
    const met = Object.assign(connection, { local: '[::1]:4444' });
    expect(inet.server.filename(met)).toBe('tcp:[::1]:4444,server=on <-> the test');
    const there = { type: 'inet', host: '::1', port: 23 } as const;
    const telnet = await start(there, { ...PLAIN, name: 'telnet' });
    expect(telnet.server.filename(undefined)).toBe('disconnected:telnet:[::1]:23,server=on');
  });
});
