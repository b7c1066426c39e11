/**
 * Connections of a simulated network: two ends, and a lane from each to the other.
 *
 * An end is over when both have ended, when it was destroyed, or when it has seen that the
 * connection is cut. What then still arrives at it is answered as by a real one: with a reset. TLS
 * passes through: nothing is proved and nothing is hidden.
 */

import type { BlockError } from '../base/errors.ts';
import type { Timer } from '../env/env.ts';
import { type Connection, LINGER_MS, type Receiver } from '../env/sockets.ts';
import { refusal } from './file-names.ts';
import { Lane, type Network } from './socket-lane.ts';

/** What stands in memory whose bytes somebody has taken. */
const USED = 0xdb;

interface Waiting {
  bytes: Uint8Array;
  readonly sent: (() => void) | undefined;
}

/** When each end of a cut connection sees it; `Infinity` for never. */
export interface CutOptions {
  /** @default 0 */
  readonly clientMs?: number;
  /** @default 0 */
  readonly serverMs?: number;
}

/** A connection with both its ends. */
export class SimLink {
  readonly client: SimConnection;
  readonly server: SimConnection;
  readonly #network: Network;

  /** @param peers What each end calls the other. */
  constructor(
    network: Network,
    name: string,
    peers: { readonly client: string; readonly server: string },
  ) {
    this.#network = network;
    this.client = new SimConnection(network, `client ${name}`, peers.server);
    this.server = new SimConnection(network, `server ${name}`, peers.client);
    this.client.join(this.server);
    this.server.join(this.client);
  }

  get isOver(): boolean {
    return this.client.isOver && this.server.isOver;
  }

  /** Cuts it: what is on its way is lost, and each end sees a reset, sooner or later. */
  cut({ clientMs = 0, serverMs = 0 }: CutOptions = {}): void {
    for (const [end, delayMs] of [
      [this.client, clientMs],
      [this.server, serverMs],
    ] as const) {
      end.lane.cut();
      if (delayMs !== Number.POSITIVE_INFINITY) {
        this.#network.clock.after(delayMs, () => end.fail('ECONNRESET'));
      }
    }
  }
}

export class SimConnection implements Connection {
  readonly peer: string;
  /** To the other end. */
  readonly lane: Lane;
  readonly #name: string;
  readonly #network: Network;
  #other: SimConnection | undefined;
  #receiver: Receiver | undefined;
  #isPaused = false;
  /** Of this side: to be ended after what waits, and ended. */
  #end: 'no' | 'asked' | 'sent' = 'no';
  #hasPeerEnded = false;
  #isOver = false;
  /** Whether who received by then knows that it is over. */
  #isTold = false;
  #error: BlockError | undefined;
  #linger: Timer | undefined;
  #waiting: Waiting[] = [];
  #pendingBytes = 0;
  #bytesInFlight = 0;
  #isPlanned = false;

  constructor(network: Network, name: string, peer: string) {
    this.#network = network;
    this.#name = name;
    this.peer = peer;
    this.lane = new Lane(network, () => this.#other?.takes ?? false);
  }

  /** Makes the other end known, before anything is sent. */
  join(other: SimConnection): void {
    this.#other = other;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether what has come is passed on, or dropped, now. */
  get takes(): boolean {
    if (this.#isOver || this.#end !== 'no') return true;
    return this.#receiver !== undefined && !this.#isPaused;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    if (this.#isTold) queueMicrotask(() => receiver.closed(this.#error));
    else if (this.#hasPeerEnded) queueMicrotask(() => this.#tellEnded());
    this.#askForMore();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#askForMore();
  }

  write(bytes: Uint8Array, sent?: () => void): void {
    if (this.#isOver || this.#end !== 'no') {
      if (sent) queueMicrotask(sent);
      return;
    }
    this.#waiting.push({ bytes, sent });
    this.#pendingBytes += bytes.length;
    this.#plan();
  }

  flush(): void {
    // Nothing is held back: what is written is on its way.
  }

  end(): void {
    if (this.#isOver || this.#end !== 'no') return;
    this.#end = 'asked';
    this.#plan();
    this.#askForMore();
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#finish();
    if (this.#end !== 'sent') this.#sendEnd();
  }

  /** Passes through: both sides go on as before, and are not asked to prove anything. */
  async startTls(): Promise<Connection> {
    this.#receiver = undefined;
    return this;
  }

  /** It is over by itself, for this side. */
  fail(code: 'ECONNRESET'): void {
    if (this.#isOver) return;
    this.#error = refusal(code, `exchange data with "${this.peer}"`);
    this.#finish();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      if (!this.#isOver) this.#launch();
    });
  }

  /** Sends of what waits as much as may be on its way, and then the end. */
  #launch(): void {
    const { bytesInFlightMax, fragment } = this.#network.conditions;
    const hadWaiting = this.#waiting.length > 0;
    while (this.#waiting.length > 0) {
      const room = bytesInFlightMax - this.#bytesInFlight;
      // As TCP does it: if every small room were filled, pieces would become ever smaller.
      if (room < Math.min(this.#pendingBytes, bytesInFlightMax / 2)) return;
      const wanted = Math.max(fragment(this.#pendingBytes), 1);
      this.#sendPiece(Math.min(wanted, room, this.#pendingBytes));
      if (this.#isOver) return;
    }
    if (hadWaiting) this.#receiver?.drained();
    if (this.#end === 'asked') this.#sendEnd();
  }

  #sendPiece(length: number): void {
    const { piece, frees } = this.#take(length);
    if (length > 0) {
      this.#bytesInFlight += length;
      this.lane.send(`${this.#name} sends ${length} bytes`, () => {
        this.#bytesInFlight -= length;
        this.#plan();
        this.#other?.arrive(piece);
      });
    }
    for (const free of frees) free();
  }

  #sendEnd(): void {
    this.#end = 'sent';
    this.lane.send(`${this.#name} ends`, () => this.#other?.peerEnds());
    if (this.#hasPeerEnded) this.#finish();
    else if (!this.#isOver) {
      this.#linger = this.#network.clock.after(LINGER_MS, () => this.destroy());
    }
  }

  /** Takes bytes from the front of what waits, in memory of their own. */
  #take(length: number) {
    const piece = new Uint8Array(length);
    const frees: (() => void)[] = [];
    let at = 0;
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const part = first.bytes.subarray(0, length - at);
      piece.set(part, at);
      at += part.length;
      first.bytes = first.bytes.subarray(part.length);
      if (first.bytes.length > 0) break;
      this.#waiting.shift();
      if (first.sent) frees.push(first.sent);
    }
    this.#pendingBytes -= length;
    return { piece, frees };
  }

  /** Bytes have come. */
  arrive(bytes: Uint8Array): void {
    if (this.#isOver) {
      this.lane.send(`${this.#name} resets`, () => this.#other?.fail('ECONNRESET'));
    } else if (this.#end === 'no') {
      this.#receiver?.data(bytes);
      // Of a real one the memory is used again.
      bytes.fill(USED);
    }
  }

  /** The other side's end has come. */
  peerEnds(): void {
    if (this.#isOver) return;
    this.#hasPeerEnded = true;
    if (this.#end === 'sent') this.#finish();
    else if (this.#end === 'no') this.#tellEnded();
  }

  #tellEnded(): void {
    if (this.#isOver) return;
    if (this.#receiver?.ended) this.#receiver.ended();
    else this.end();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#linger?.cancel();
    const unsent = this.#waiting;
    this.#waiting = [];
    this.#pendingBytes = 0;
    queueMicrotask(() => {
      for (const { sent } of unsent) sent?.();
      this.#isTold = true;
      this.#receiver?.closed(this.#error);
    });
    this.#askForMore();
  }

  /** Lets come what waits at this end. */
  #askForMore(): void {
    queueMicrotask(() => this.#other?.lane.pump());
  }
}
