import { describe, expect, it } from 'vitest';
import type { Connection, SocketAddress, Sockets } from '../../../src/env/sockets.ts';
import { socketServer } from '../../../src/monitor/chardev/socket-server.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { settle, watch } from '../../support/settle.ts';

const UNIX = { type: 'unix', path: '/run/mon.sock' } as const;

/** Starts a server on sockets of which the test is the other side. */
async function start(address: SocketAddress = UNIX) {
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
  const server = await socketServer(sockets, { address });
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
  });
});
