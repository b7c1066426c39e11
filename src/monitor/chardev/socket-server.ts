/**
 * A chardev that is a socket others connect to, one at a time.
 *
 * Who comes while another is connected waits, and what it says is not read: as in the backlog of a
 * socket at which nobody accepts.
 */

import { BlockError } from '../../base/errors.ts';
import type { Connection, SocketAddress, Sockets } from '../../env/sockets.ts';
import { listenAt, type SocketPlace } from '../sockets.ts';
import type { ChardevBackend } from './chardev.ts';
import { formatSocket } from './socket-name.ts';
import type { SocketProtocol } from './socket-protocol.ts';

/** Clients that wait while another one is connected; one more is turned away. */
const WAITING_MAX = 16;

/** @throws {BlockError} As {@link listenAt}. */
export async function socketServer(
  sockets: Pick<Sockets, 'listen'>,
  place: SocketPlace,
  protocol: SocketProtocol,
): Promise<ChardevBackend> {
  const clients = new WaitingClients();
  const listener = await listenAt(place, (address) =>
    sockets.listen(address, (connection) => clients.accept(connection)),
  );
  return {
    type: 'socket',
    filename: (connection) => nameOf(listener.address, connection, protocol),
    next: () => nextOf(clients, protocol),
    async close() {
      await listener.close();
      clients.close();
    },
  };
}

/** @returns The next client that speaks the protocol; others are gone. */
async function nextOf(
  clients: WaitingClients,
  protocol: SocketProtocol,
): Promise<Connection | undefined> {
  for (;;) {
    const client = await clients.next();
    if (!client) return undefined;
    try {
      return await clients.meet(client, () => protocol.begin(client));
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      client.destroy();
    }
  }
}

class WaitingClients {
  readonly #waiting: Connection[] = [];
  #take: ((connection: Connection | undefined) => void) | undefined;
  #isClosed = false;
  /** Who is being met. */
  #met: Connection | undefined;

  accept(connection: Connection): void {
    const take = this.#take;
    this.#take = undefined;
    if (take) take(connection);
    else if (!this.#isClosed && this.#waiting.length < WAITING_MAX) this.#waiting.push(connection);
    else connection.destroy();
  }

  next(): Promise<Connection | undefined> {
    const next = this.#waiting.shift();
    if (next || this.#isClosed) return Promise.resolve(next);
    return new Promise((resolve) => {
      this.#take = resolve;
    });
  }

  /** Begins with a client, who has to go if this closes meanwhile. */
  async meet(client: Connection, begin: () => Promise<Connection>): Promise<Connection> {
    this.#met = client;
    try {
      return await begin();
    } finally {
      this.#met = undefined;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#met?.destroy();
    for (const connection of this.#waiting.splice(0)) connection.destroy();
    this.#take?.(undefined);
  }
}

function nameOf(
  address: SocketAddress,
  connection: Connection | undefined,
  { name: protocol }: SocketProtocol,
): string {
  const name = formatSocket(address, protocol);
  if (!connection) return `disconnected:${name},server=on`;
  if (address.type === 'unix') return `${name},server=on`;
  return `${protocol}:${connection.local},server=on <-> ${connection.peer}`;
}
