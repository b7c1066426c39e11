/**
 * A chardev that is a socket others connect to, one at a time.
 *
 * Who comes while another is connected waits, and what it says is not read: as in the backlog of a
 * socket at which nobody accepts.
 */

import type { Connection, SocketAddress, Sockets } from '../../env/sockets.ts';
import { listenAt, type SocketPlace } from '../sockets.ts';
import type { ChardevBackend } from './chardev.ts';
import { formatSocket } from './socket-name.ts';

/** Clients that wait while another one is connected; one more is turned away. */
const WAITING_MAX = 16;

/** @throws {BlockError} As {@link listenAt}. */
export async function socketServer(
  sockets: Pick<Sockets, 'listen'>,
  place: SocketPlace,
): Promise<ChardevBackend> {
  const clients = new WaitingClients();
  const listener = await listenAt(place, (address) =>
    sockets.listen(address, (connection) => clients.accept(connection)),
  );
  return {
    type: 'socket',
    filename: (connection) => nameOf(listener.address, connection),
    next: () => clients.next(),
    async close() {
      await listener.close();
      clients.close();
    },
  };
}

class WaitingClients {
  readonly #waiting: Connection[] = [];
  #take: ((connection: Connection | undefined) => void) | undefined;
  #isClosed = false;

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

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#waiting.splice(0)) connection.destroy();
    this.#take?.(undefined);
  }
}

function nameOf(address: SocketAddress, connection: Connection | undefined): string {
  if (!connection) return `disconnected:${formatSocket(address)},server=on`;
  if (address.type === 'unix') return `${formatSocket(address)},server=on`;
  return `tcp:${connection.local},server=on <-> ${connection.peer}`;
}
