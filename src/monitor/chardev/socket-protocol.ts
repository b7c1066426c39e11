/** What is spoken over the socket of a chardev, beyond bytes. */

import type { Connection, TlsCredentials, TlsOptions } from '../../env/sockets.ts';
import { overTelnet } from './telnet.ts';

/** What is asked for. */
export interface SocketProtocolOptions {
  readonly side: 'client' | 'server';
  /** What this side proves itself by. @default No TLS. */
  readonly credentials?: TlsCredentials | undefined;
  /** Of a client: the name that the server's certificate must have. @default Any. */
  readonly serverName?: string | undefined;
  readonly telnet?: boolean | undefined;
}

export interface SocketProtocol {
  /** What query-chardev calls a socket over TCP. */
  readonly name: 'tcp' | 'telnet';
  /** Begins with a connection. @throws {BlockError} When the other side does not go along. */
  begin(connection: Connection): Promise<Connection>;
}

export function socketProtocol(options: SocketProtocolOptions): SocketProtocol {
  const { credentials, side, serverName, telnet = false } = options;
  const security: TlsOptions | undefined = credentials && { ...credentials, side, serverName };
  return {
    name: telnet ? 'telnet' : 'tcp',
    async begin(connection) {
      const secured = security ? await connection.startTls(security) : connection;
      return telnet ? overTelnet(secured) : secured;
    },
  };
}
