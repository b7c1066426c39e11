/** What a server lets its clients have, so that no client harms another one. */

/** Bounds of a server; each connection has those of requests and bytes to itself. */
export interface NbdLimits {
  /** Connections at a time; one more is closed as soon as it comes. @default 100 */
  readonly connectionsMax: number;
  /** How long a client may take until it has chosen an export, in milliseconds. @default 10 s */
  readonly handshakeMs: number;
  /** Requests in flight of one connection; those that follow wait in its socket. @default 128 */
  readonly requestsMax: number;
  /**
   * Bytes of one connection in memory: payloads of writes, and replies that the client has not
   * taken. When there are as many, nothing is read from its socket. The last request that was read
   * may exceed it, by {@link PAYLOAD_MAX}.
   *
   * @default 32 MiB
   */
  readonly bytesMax: number;
}

/** The longest read or write, in bytes: what clients expect that were told nothing else. */
export const PAYLOAD_MAX = 32 * 1024 * 1024;

/** The bounds that hold where none are given. */
export const DEFAULT_LIMITS: NbdLimits = {
  connectionsMax: 100,
  handshakeMs: 10_000,
  requestsMax: 128,
  bytesMax: 32 * 1024 * 1024,
};
