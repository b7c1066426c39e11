/**
 * Telnet (RFC 854), as far as QEMU speaks it: the other side is told to send each character as it
 * comes, without showing it itself, and what it answers is left out of what it says.
 *
 *     FF FF            a byte FF
 *     FF F3            a break, which means nothing here
 *     FF command byte  any other command: all are taken for as long as those that negotiate
 *
 * Nothing is put into what is sent: a byte FF goes as it is.
 */

import type { Connection, Receiver, TlsOptions } from '../../env/sockets.ts';

const IAC = 0xff;
const BREAK = 0xf3;
const [WILL, DO] = [0xfb, 0xfd];
const [BINARY, ECHO, NO_GO_AHEAD] = [0, 1, 3];
const NEGOTIATION = Uint8Array.of(
  ...[IAC, WILL, ECHO, IAC, WILL, NO_GO_AHEAD],
  ...[IAC, WILL, BINARY, IAC, DO, BINARY],
);

/** Speaks telnet over a connection, which is its own from then on. */
export function overTelnet(connection: Connection): Connection {
  connection.write(NEGOTIATION);
  return new TelnetConnection(connection);
}

class TelnetConnection implements Connection {
  readonly #connection: Connection;
  /** How many bytes of a command have come. */
  #inCommand: 0 | 1 | 2 = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get peer(): string {
    return this.#connection.peer;
  }

  get local(): string | undefined {
    return this.#connection.local;
  }

  get peerIdentity(): string | undefined {
    return this.#connection.peerIdentity;
  }

  get pendingBytes(): number {
    return this.#connection.pendingBytes;
  }

  receive(receiver: Receiver): void {
    this.#connection.receive({
      data: (bytes) => {
        const said = bytes.filter((byte) => this.#isSaid(byte));
        if (said.length > 0) receiver.data(said);
      },
      drained: () => receiver.drained(),
      ...(receiver.ended && { ended: () => receiver.ended?.() }),
      closed: (error) => receiver.closed(error),
    });
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  write(bytes: Uint8Array, sent?: () => void): void {
    this.#connection.write(bytes, sent);
  }

  flush(): void {
    this.#connection.flush();
  }

  end(): void {
    this.#connection.end();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  startTls(security: TlsOptions): Promise<Connection> {
    return this.#connection.startTls(security);
  }

  /** @returns Whether a byte is something that the other side says, and no part of a command. */
  #isSaid(byte: number): boolean {
    switch (this.#inCommand) {
      case 0:
        if (byte === IAC) this.#inCommand = 1;
        return byte !== IAC;
      case 1:
        this.#inCommand = byte === IAC || byte === BREAK ? 0 : 2;
        return byte === IAC;
      default:
        this.#inCommand = 0;
        return false;
    }
  }
}
