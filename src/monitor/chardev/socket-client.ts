/** A chardev that connects to a socket, and again when the connection is lost, if it is to. */

import { BlockError } from '../../base/errors.ts';
import { connectTo } from '../../env/socket-texts.ts';
import type { Connection, InheritedSocket, SocketAddress, Sockets } from '../../env/sockets.ts';
import { Alarm, type Timers } from '../../sync/alarm.ts';
import type { ChardevBackend } from './chardev.ts';
import { singleBackend } from './single.ts';
import { formatSocket } from './socket-name.ts';
import type { SocketProtocol } from './socket-protocol.ts';

/** A chardev that is to connect. */
export interface SocketClientOptions {
  readonly address: SocketAddress | InheritedSocket;
  readonly protocol: SocketProtocol;
  /** How long to wait before it connects again; 0 for never. */
  readonly reconnectMs: number;
  /** Is told why it cannot connect, once until it can again. */
  readonly onFailure: (reason: string) => void;
}

/** @throws {BlockError} When it cannot connect, and is not to try again. */
export async function socketClient(
  world: { readonly sockets: Pick<Sockets, 'connect'>; readonly timers: Timers },
  options: SocketClientOptions,
): Promise<ChardevBackend> {
  const { address, protocol } = options;
  const filename = (connection: Connection | undefined) => nameOf(options, connection);
  const connect = async () => {
    const connection = await connectTo(address, () => world.sockets.connect(address));
    return protocol.begin(connection);
  };
  if (options.reconnectMs > 0) return new Reconnecting(world.timers, { ...options, connect });
  return { ...singleBackend('socket', await connect()), filename };
}

class Reconnecting implements ChardevBackend {
  readonly type = 'socket';
  readonly #options: SocketClientOptions & { readonly connect: () => Promise<Connection> };
  readonly #alarm: Alarm;
  #isFirst = true;
  #isClosed = false;
  #isFailing = false;

  constructor(
    timers: Timers,
    options: SocketClientOptions & { readonly connect: () => Promise<Connection> },
  ) {
    this.#options = options;
    this.#alarm = new Alarm(timers);
  }

  filename(connection: Connection | undefined): string {
    return nameOf(this.#options, connection);
  }

  async next(): Promise<Connection | undefined> {
    for (;;) {
      if (!this.#isFirst) await this.#alarm.sleep(this.#options.reconnectMs);
      this.#isFirst = false;
      if (this.#isClosed) return undefined;
      const connection = await this.#connect();
      if (connection && this.#isClosed) connection.destroy();
      else if (connection) return connection;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#alarm.ring();
  }

  async #connect(): Promise<Connection | undefined> {
    try {
      const connection = await this.#options.connect();
      this.#isFailing = false;
      return connection;
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      if (!this.#isFailing) this.#options.onFailure(error.reason);
      this.#isFailing = true;
      return undefined;
    }
  }
}

function nameOf(
  { address, protocol: { name } }: SocketClientOptions,
  connection: Connection | undefined,
): string {
  if (!connection) return `disconnected:${formatSocket(address, name)}`;
  // A client's own end of a Unix socket has no name.
  return connection.local === undefined
    ? 'unix:'
    : `${name}:${connection.local} <-> ${connection.peer}`;
}
