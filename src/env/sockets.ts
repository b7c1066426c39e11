/**
 * Sockets as the block layer needs them: streams of bytes, pushed as they come.
 *
 * A connection belongs to whoever received it; what comes waits until it has a {@link Receiver},
 * which is never called from within a call of the connection. What is written in one turn of the
 * event loop goes out together. Every failure is a `BlockError` whose message names the address.
 */

/** Where a socket is; a `port` of 0 lets the system choose one. */
export type SocketAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'inet'; readonly host: string; readonly port: number };

/** A socket that this process was started with; where it is, only that socket knows. */
export interface InheritedSocket {
  readonly type: 'fd';
  /** The number of its file descriptor. */
  readonly descriptor: number;
}

/** How long the other side may take to end its half once this one has ended. */
export const LINGER_MS = 5000;

/** What comes of a connection. Nothing comes any more after {@link Receiver.closed}. */
export interface Receiver {
  /**
   * Bytes have come.
   *
   * @param bytes Their memory is used again when this has returned: who needs them longer copies
   *   them.
   */
  data(bytes: Uint8Array): void;
  /**
   * Where the bytes that come next belong, if that is known: the connection may put them there, and
   * gives {@link Receiver.data} that part of it. Asked for when that has returned; the memory then
   * stays as it is until the next data, or the end.
   */
  place?(): Uint8Array | undefined;
  /** All that was written is sent: {@link Connection.pendingBytes} is 0 again. */
  drained(): void;
  /**
   * The other side has ended its half: no more data comes, and what is written still goes out. Who
   * has this ends the connection after the last reply; for others it is ended now.
   */
  ended?(): void;
  /**
   * The connection is over; called once.
   *
   * @param error Why, unless this side or the other one ended it in order.
   */
  closed(error?: Error): void;
}

export interface Connection {
  /** The other end, for messages: a path, or host and port. */
  readonly peer: string;
  /** This end, where it has a host and a port. */
  readonly local?: string | undefined;
  /** The common name of the peer's certificate or its PSK identity, where TLS has checked one. */
  readonly peerIdentity?: string | undefined;
  /** Bytes written that the system has not taken yet. */
  readonly pendingBytes: number;
  /** Begins to receive; a second call puts another receiver in the place of the first. */
  receive(receiver: Receiver): void;
  /** Lets no more bytes come until {@link Connection.resume}. */
  pause(): void;
  resume(): void;
  /**
   * Sends bytes, in the order of the calls; after the end it does nothing.
   *
   * @param bytes Not to be changed before `sent` is called.
   * @param sent Called when the memory of `bytes` is free again, also when they could not be sent.
   */
  write(bytes: Uint8Array, sent?: () => void): void;
  /** Sends what was written at once, and not at the end of this turn of the event loop. */
  flush(): void;
  /**
   * Sends what was written, then ends the connection. What still comes is dropped; the other side
   * has {@link LINGER_MS} to end its half as well.
   */
  end(): void;
  /** Ends it at once; what was not sent is dropped. */
  destroy(): void;
  /**
   * Goes on under TLS; the caller uses the new connection only from then on.
   *
   * What was written before is sent first, in plain. What has come and was not received yet is
   * taken for TLS, never for what the other side says under it. In TLS 1.3 a client that is refused
   * may learn that only later, by the end of the new connection.
   *
   * @throws {BlockError} `EACCES` when one side refuses the other, `EIO` and the like when the
   *   handshake fails; the connection is then over.
   */
  startTls(security: TlsOptions): Promise<Connection>;
}

/** One side of TLS, with what it proves itself by. */
export type TlsOptions = { readonly side: 'client' | 'server' } & TlsCredentials & {
    /** Of a client: the name that the server's certificate must have; unset, none is checked. */
    readonly serverName?: string | undefined;
  };

/** Certificates, or keys that both sides have; each as the text of its file. */
export type TlsCredentials =
  | {
      readonly type: 'x509';
      /** The authorities (PEM) whose certificates are accepted. */
      readonly authorities: string;
      /** This side's own certificate and key (PEM); a client may have none. */
      readonly certificate?: string | undefined;
      readonly key?: string | undefined;
      /** Whether a server asks for the client's certificate, and refuses one that has none. */
      readonly verifyPeer?: boolean | undefined;
    }
  | {
      readonly type: 'psk';
      /** Keys (hexadecimal) by identity, as lines `identity:key`. A client uses one of them. */
      readonly keys: string;
      /** Of a client: which. @default "qemu" */
      readonly identity?: string | undefined;
    };

/** Something that accepts connections. */
export interface Listener {
  /** With the port that was chosen; the path of an inherited Unix socket is not known: "". */
  readonly address: SocketAddress;
  /** Accepts no more, and removes the name of a Unix socket; connections stay as they are. */
  close(): Promise<void>;
}

export interface Sockets {
  /**
   * Accepts connections: of this user only at a Unix socket (mode 0600), of anybody over TCP.
   *
   * @param accept Takes each connection, and must end it.
   * @throws {BlockError} `EADDRINUSE` for an address in use, `EACCES`, `ENOENT` and the like;
   *   `EINVAL` for an inherited descriptor that is no socket, or that does not listen.
   */
  listen(
    address: SocketAddress | InheritedSocket,
    accept: (connection: Connection) => void,
  ): Promise<Listener>;
  /**
   * @param address Of an inherited socket: it is connected.
   * @param timeoutMs How long that may take. @default As long as the system lets it
   * @throws {BlockError} `ECONNREFUSED`, `ENOENT`, `ETIMEDOUT` and the like.
   */
  connect(address: SocketAddress | InheritedSocket, timeoutMs?: number): Promise<Connection>;
}

/** An address as messages have it. */
export function describeAddress(address: SocketAddress | InheritedSocket): string {
  if (address.type === 'fd') return `fd:${address.descriptor}`;
  if (address.type === 'unix') return address.path;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
