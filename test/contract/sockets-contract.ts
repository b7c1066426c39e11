/** What all sockets do: Node's over each kind of address and under TLS, and simulated ones. */

import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { Connection, SocketAddress, Sockets } from '../../src/env/sockets.ts';
import { SocketRecorder } from '../support/socket-recorder.ts';

export interface SocketsRig {
  readonly sockets: Sockets;
  /** Where nobody listens yet. */
  readonly address: SocketAddress;
  /** What connecting to an address fails with at which nobody listens. */
  readonly nobody: 'ENOENT' | 'ECONNREFUSED';
  /** What becomes of both ends once they are connected. @default Nothing */
  prepare?(pair: Pair): Promise<Pair>;
  /** Waits for what needs the world to go on. */
  wait<T>(promise: Promise<T>): Promise<T>;
}

interface Pair {
  readonly client: Connection;
  readonly server: Connection;
}

const PATTERN = new Uint8Array(1024 * 1024);
seededRandom(1).fill(PATTERN);

export function socketsContract(
  name: string,
  withRig: (body: (rig: SocketsRig) => Promise<void>) => Promise<void>,
): void {
  const withPair = (body: (pair: Pair, rig: SocketsRig) => Promise<void>) =>
    withRig(async (rig) => {
      const pair = await rig.wait(connectPair(rig));
      try {
        await body(pair, rig);
      } finally {
        pair.client.destroy();
        pair.server.destroy();
      }
    });

  describe(`${name}: a stream`, () => {
    it('brings all bytes in order, both ways at once', () =>
      withPair(async ({ client, server }, { wait }) => {
        const [atClient, atServer] = [new SocketRecorder(client), new SocketRecorder(server)];
        for (let at = 0; at < PATTERN.length; at += 40_000) {
          client.write(PATTERN.subarray(at, at + 40_000));
          server.write(PATTERN.subarray(at, at + 40_000));
        }
        await wait(Promise.all([atClient, atServer].map((end) => end.received(PATTERN.length))));
        expect(atServer.bytes.equals(PATTERN)).toBe(true);
        expect(atClient.bytes.equals(PATTERN)).toBe(true);
      }));

    it('takes what was written before it says that the memory is free again', () =>
      withPair(async ({ client, server }, { wait }) => {
        const atServer = new SocketRecorder(server);
        const order: number[] = [];
        const frees = [1, 2, 3].map((value) => {
          const bytes = new Uint8Array(1000).fill(value);
          return new Promise<void>((resolve) => {
            client.write(bytes, () => {
              order.push(value);
              bytes.fill(0xff);
              resolve();
            });
          });
        });
        expect(order).toEqual([]);
        await wait(Promise.all([...frees, atServer.received(3000)]));
        expect(order).toEqual([1, 2, 3]);
        expect([0, 999, 1000, 2999].map((at) => atServer.bytes[at])).toEqual([1, 1, 2, 3]);
      }));

    it('counts what the system has not taken, and says when it has taken all', () =>
      withPair(async ({ client, server }, { wait }) => {
        const [atClient, atServer] = [new SocketRecorder(client), new SocketRecorder(server)];
        client.write(PATTERN.subarray(0, 100));
        client.write(PATTERN.subarray(100, 300));
        expect(client.pendingBytes).toBe(300);
        await wait(atClient.happened('drained'));
        expect(client.pendingBytes).toBe(0);
        await wait(atServer.received(300));
        expect(atClient.events).toEqual(['drained']);
      }));

    it('lets nothing come while it is paused, and holds the writer back', () =>
      withPair(async ({ client, server }, { wait }) => {
        const [atClient, atServer] = [new SocketRecorder(client), new SocketRecorder(server)];
        client.write(PATTERN.subarray(0, 10));
        await wait(atServer.received(10));
        server.pause();
        for (let count = 0; count < 16; count += 1) client.write(PATTERN);
        server.write(PATTERN.subarray(0, 10));
        await wait(atClient.received(10));
        expect(client.pendingBytes).toBeGreaterThan(8 * PATTERN.length);
        expect(atServer.bytes.length).toBe(10);
        server.resume();
        await wait(atServer.received(10 + 16 * PATTERN.length));
        expect(atServer.bytes.subarray(-PATTERN.length).equals(PATTERN)).toBe(true);
      }));

    it('keeps for the receiver what comes before there is one', () =>
      withPair(async ({ client, server }, { wait }) => {
        client.write(PATTERN.subarray(0, 5000));
        client.end();
        const atServer = new SocketRecorder(server);
        await wait(atServer.happened('ended'));
        expect(atServer.bytes.equals(PATTERN.subarray(0, 5000))).toBe(true);
      }));

    it('brings what comes later to the receiver that was set last', () =>
      withPair(async ({ client, server }, { wait }) => {
        const first = new SocketRecorder(server);
        client.write(PATTERN.subarray(0, 10));
        await wait(first.received(10));
        const second = new SocketRecorder(server);
        client.write(PATTERN.subarray(10, 30));
        await wait(second.received(20));
        client.end();
        server.end();
        await wait(second.happened('closed'));
        expect(first.bytes.length).toBe(10);
        expect(first.events).toEqual([]);
      }));
  });

  describe(`${name}: the end of a connection`, () => {
    it('comes after all that was written, and is told once', () =>
      withPair(async ({ client, server }, { wait }) => {
        const [atClient, atServer] = [new SocketRecorder(client), new SocketRecorder(server)];
        client.write(PATTERN);
        client.end();
        await wait(atServer.happened('ended'));
        expect(atServer.bytes.equals(PATTERN)).toBe(true);
        expect(atServer.events).toEqual(['ended']);
        server.end();
        await wait(Promise.all([atClient.happened('closed'), atServer.happened('closed')]));
        expect(atServer.events).toEqual(['ended', 'closed']);
        expect(atClient.events).toEqual(['drained', 'closed']);
      }));

    it('comes by itself at a receiver that does not care who ends first', () =>
      withPair(async ({ client, server }, { wait }) => {
        const atClient = new SocketRecorder(client);
        const closed = new Promise<unknown>((resolve) => {
          server.receive({ data() {}, drained() {}, closed: resolve });
        });
        client.end();
        expect(await wait(closed)).toBeUndefined();
        await wait(atClient.happened('closed'));
        expect(atClient.error).toBeUndefined();
      }));

    it('drops what is written after it, and frees its memory', () =>
      withPair(async ({ client, server }, { wait }) => {
        const [atClient, atServer] = [new SocketRecorder(client), new SocketRecorder(server)];
        client.write(PATTERN.subarray(0, 10));
        client.end();
        await wait(new Promise<void>((sent) => client.write(PATTERN.subarray(0, 20), sent)));
        await wait(atServer.happened('ended'));
        expect(atServer.bytes.length).toBe(10);
        server.end();
        await wait(atClient.happened('closed'));
        await wait(new Promise<void>((sent) => client.write(PATTERN.subarray(0, 20), sent)));
        expect(client.pendingBytes).toBe(0);
      }));

    it('drops what the other side still sends', () =>
      withPair(async ({ client, server }, { wait }) => {
        const [atClient, atServer] = [new SocketRecorder(client), new SocketRecorder(server)];
        client.pause();
        client.end();
        await wait(atServer.happened('ended'));
        server.write(PATTERN);
        server.end();
        await wait(Promise.all([atClient.happened('closed'), atServer.happened('closed')]));
        expect(atClient.bytes.length).toBe(0);
        expect(atServer.events).toEqual(['ended', 'drained', 'closed']);
      }));

    it('at once drops what was not sent, and frees its memory', () =>
      withPair(async ({ client, server }, { wait }) => {
        const [atClient, atServer] = [new SocketRecorder(client), new SocketRecorder(server)];
        server.pause();
        const frees = Array.from(
          { length: 16 },
          () => new Promise<void>((sent) => client.write(PATTERN, sent)),
        );
        client.destroy();
        await wait(Promise.all([...frees, atClient.happened('closed')]));
        expect(atClient.events).toEqual(['closed']);
        server.resume();
        await wait(Promise.race([atServer.happened('ended'), atServer.happened('closed')]));
        expect(atServer.bytes.length).toBeLessThan(16 * PATTERN.length);
      }));

    it('is told to a receiver that comes after it', () =>
      withPair(async ({ client, server }, { wait }) => {
        const atServer = new SocketRecorder(server);
        client.destroy();
        await wait(Promise.race([atServer.happened('ended'), atServer.happened('closed')]));
        server.destroy();
        await wait(atServer.happened('closed'));
        const late = new SocketRecorder(server);
        expect(late.events).toEqual([]);
        await wait(late.happened('closed'));
      }));
  });

  describe(`${name}: listening`, () => {
    it('is for one at a time, and the address is free again afterwards', () =>
      withRig(async ({ sockets, address, wait }) => {
        const listener = await wait(sockets.listen(address, () => {}));
        const second = wait(sockets.listen(listener.address, () => {}));
        await expect(second).rejects.toMatchObject({ name: 'BlockError', code: 'EADDRINUSE' });
        await wait(listener.close());
        const third = await wait(sockets.listen(listener.address, () => {}));
        await wait(third.close());
      }));

    it('ends without those who have connected', () =>
      withRig(async ({ sockets, address, nobody, wait }) => {
        const accepted: Connection[] = [];
        const listener = await wait(sockets.listen(address, (server) => accepted.push(server)));
        const client = await wait(sockets.connect(listener.address));
        const atClient = new SocketRecorder(client);
        client.write(PATTERN.subarray(0, 10));
        while (accepted.length === 0) await wait(Promise.resolve());
        await wait(listener.close());
        await wait(listener.close());
        for (const server of accepted) server.receive(echoTo(server));
        await wait(atClient.received(10));
        const late = wait(sockets.connect(listener.address));
        await expect(late).rejects.toMatchObject({ name: 'BlockError', code: nobody });
        client.end();
        await wait(atClient.happened('closed'));
      }));
  });
}

function echoTo(connection: Connection) {
  return { data: (bytes: Uint8Array) => connection.write(bytes), drained() {}, closed() {} };
}

async function connectPair(rig: SocketsRig): Promise<Pair> {
  const { sockets, address, prepare } = rig;
  let accept: (connection: Connection) => void = () => {};
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve;
  });
  const listener = await sockets.listen(address, accept);
  const client = await sockets.connect(listener.address, 30_000);
  const server = await accepted;
  await listener.close();
  return prepare ? prepare({ client, server }) : { client, server };
}
