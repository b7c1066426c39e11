/**
 * A connection by way of `node:net`, or of `node:tls` on top of it.
 *
 * What is written is gathered and handed over as one: a server that answers many requests makes one
 * call of the system. What a receiver answers at once to data goes out when it has seen all of it,
 * the rest when all callbacks of this turn of the event loop have run.
 */

import { Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import type { Duplex } from 'node:stream';
import { BlockError } from '../base/errors.ts';
import type { Intake } from './node-intake.ts';
import { socketError } from './node-socket-errors.ts';
import { secure } from './node-tls.ts';
import { AdaptivePolling } from './polling.ts';
import {
  type Connection,
  describeAddress,
  LINGER_MS,
  type Receiver,
  type TlsOptions,
} from './sockets.ts';

/** Where there is but one processor, the other side needs it. */
const polling =
  availableParallelism() > 1
    ? new AdaptivePolling({ nowMs: () => performance.now(), turn: setImmediate })
    : undefined;

export class NodeConnection implements Connection {
  readonly peer: string;
  readonly peerIdentity: string | undefined;
  readonly #socket: Duplex;
  readonly #intake: Intake | undefined;
  #receiver: Receiver | undefined;
  /** `ended` by the other side, which may still read. */
  #state: 'open' | 'ended' | 'over' = 'open';
  #error: Error | undefined;
  #pendingBytes = 0;
  /** The receiver is being told of data; what it answers goes out when it returns. */
  #isTaking = false;
  /** What was written in this turn, and who is told when it is sent. */
  #gathered: Uint8Array[] = [];
  #waiting: (() => void)[] = [];

  /**
   * @param socket Connected, with `allowHalfOpen`, or another stream of both directions; it is
   *   nobody else's from now on.
   * @param intake That of the socket, if it was made with one.
   */
  constructor(
    { socket, intake }: { readonly socket: Duplex; readonly intake?: Intake | undefined },
    peer: string,
    peerIdentity?: string,
  ) {
    this.#socket = socket;
    this.#intake = intake;
    this.peer = peer;
    this.peerIdentity = peerIdentity;
    socket.on('end', () => this.#enter('ended'));
    socket.on('close', () => this.#enter('over'));
    socket.on('error', (error) => {
      this.#error = socketError(error, `exchange data with "${peer}"`);
    });
  }

  get local(): string | undefined {
    if (!(this.#socket instanceof Socket)) return undefined;
    const { localAddress: host, localPort: port } = this.#socket;
    if (host === undefined || port === undefined) return undefined;
    return describeAddress({ type: 'inet', host, port });
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  receive(receiver: Receiver): void {
    const isFirst = this.#receiver === undefined;
    this.#receiver = receiver;
    const state = this.#state;
    if (state !== 'open') {
      // Who goes on from one state to the next tells of that.
      setImmediate(() => {
        if (this.#state === state) this.#tell();
      });
    } else if (isFirst) this.#open();
  }

  #open(): void {
    const intake = this.#intake;
    if (!intake) {
      this.#socket.on('data', this.#take);
      return;
    }
    const early = intake.takeEarly();
    intake.taker = { take: this.#take, place: () => this.#receiver?.place?.() };
    if (!early) return;
    setImmediate(() => {
      this.#take(early);
      this.#socket.resume();
    });
  }

  /** What comes from now on is not for the receiver. */
  #shut(): void {
    this.#socket.off('data', this.#take);
    if (this.#intake) this.#intake.taker = undefined;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  write(bytes: Uint8Array, sent?: () => void): void {
    if (this.#socket.writableEnded) {
      if (sent) setImmediate(sent);
      return;
    }
    if (this.#gathered.length === 0 && !this.#isTaking) setImmediate(this.#send);
    this.#gathered.push(bytes);
    this.#pendingBytes += bytes.length;
    if (sent) this.#waiting.push(sent);
  }

  flush(): void {
    this.#send();
  }

  end(): void {
    const socket = this.#socket;
    if (socket.writableEnded) return;
    this.flush();
    // The rest of what comes is read and dropped: to close a socket with unread bytes tells the
    // other side of a failure, which then may lose what was sent to it.
    this.#shut();
    if (this.#intake) this.#intake.taker = { take: () => {} };
    socket.resume();
    socket.once('finish', () => {
      const timer = setTimeout(() => socket.destroy(), LINGER_MS);
      socket.once('close', () => clearTimeout(timer));
    });
    socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async startTls(options: TlsOptions): Promise<Connection> {
    const socket = this.#socket;
    if (!(socket instanceof Socket)) {
      throw new BlockError('ENOTSUP', `start TLS with "${this.peer}"`, 'it is no socket');
    }
    // What comes from now on is for TLS: it stays in the socket, which hands it over.
    this.#receiver = undefined;
    this.#shut();
    socket.pause();
    if (this.#pendingBytes > 0) await new Promise<void>((sent) => this.write(NOTHING, sent));
    const early = this.#intake?.takeEarly();
    if (early) socket.unshift(early);
    const secured = await secure(socket, options, this.peer);
    return new NodeConnection(secured, this.peer, secured.identity);
  }

  /** No `Buffer` leaves this folder: its `slice()` shares memory where that of others copies. */
  readonly #take = ({ buffer, byteOffset, length }: Uint8Array) => {
    polling?.came();
    this.#isTaking = true;
    try {
      this.#receiver?.data(new Uint8Array(buffer, byteOffset, length));
    } finally {
      this.#isTaking = false;
      this.#send();
    }
  };

  readonly #send = () => {
    const gathered = this.#gathered;
    const last = gathered.pop();
    if (!last) return;
    const waiting = this.#waiting;
    this.#gathered = [];
    this.#waiting = [];
    let length = last.length;
    const socket = this.#socket;
    if (gathered.length > 0) socket.cork();
    for (const bytes of gathered) {
      length += bytes.length;
      socket.write(bytes);
    }
    // Node calls it also of bytes that could not be sent.
    socket.write(last, () => this.#sent(length, waiting));
    if (gathered.length > 0) socket.uncork();
  };

  #sent(length: number, waiting: readonly (() => void)[]): void {
    polling?.came();
    this.#pendingBytes -= length;
    for (const sent of waiting) sent();
    if (this.#pendingBytes === 0 && !this.#socket.destroyed) this.#receiver?.drained();
  }

  #enter(state: 'ended' | 'over'): void {
    this.#state = state;
    this.#tell();
  }

  /** Tells the receiver how it stands. */
  #tell(): void {
    const receiver = this.#receiver;
    if (!receiver) return;
    if (this.#state === 'over') receiver.closed(this.#error);
    else if (this.#socket.writableEnded) return;
    else if (receiver.ended) receiver.ended();
    else this.end();
  }
}

const NOTHING = new Uint8Array(0);
