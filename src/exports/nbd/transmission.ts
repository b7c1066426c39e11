/**
 * The transmission phase of one connection: requests come, the disk carries them out, replies go.
 *
 *     data() -> inflow -> step() -> check -> edge -> node ...
 *                 ^                                     |  at once, or by a promise
 *      back-pressure, turns                             |
 *     connection <- outflow <- reply <- done() <--------'
 *
 * It works through what has come in a loop, so that a disk that completes at once does not make the
 * stack grow, and lets everybody else run after every {@link TURN_BUDGET} bytes. When too much is
 * in flight, or waits for a client that does not take it, nothing more is read from the socket.
 *
 * A request counts when all of it has come, payload included: then it is carried out even if its
 * client is gone by then. One that was cut off changes nothing.
 */

import { BlockError } from '../../base/errors.ts';
import type { Clock } from '../../env/env.ts';
import type { Connection, Receiver } from '../../env/sockets.ts';
import type { Inflow } from '../../wire/inflow.ts';
import { COMMAND, COMMAND_FLAG } from '../../wire/nbd/constants.ts';
import type { ReplyStyle } from '../../wire/nbd/replies.ts';
import { type NbdRequest, payloadLength, RequestReader } from '../../wire/nbd/requests.ts';
import type { BufferPool } from './buffer-pool.ts';
import { type Agreement, check, isTransfer, type Refusal } from './check.ts';
import type { ExportClient, NbdExport } from './export.ts';
import type { NbdLimits } from './limits.ts';
import type { ChosenContext } from './meta-contexts.ts';
import { Outflow } from './outflow.ts';
import { Replies } from './replies.ts';
import { type Payload, Work } from './work.ts';

/** What a handshake has come to. */
export interface Chosen {
  readonly target: NbdExport;
  readonly style: ReplyStyle;
  /** What a block status tells. */
  readonly contexts: readonly ChosenContext[];
  /** What the client's requests are multiples of, in bytes. */
  readonly minimum: number;
}

/** What a connection has and does in its transmission phase. */
export interface TransmissionParts extends Chosen {
  readonly connection: Connection;
  /** What has come already. */
  readonly inflow: Inflow;
  readonly limits: NbdLimits;
  readonly pool: BufferPool;
  readonly clock: Clock;
  /** The connection is over, and nothing of it is in flight. */
  readonly onOver: () => void;
}

/** Bytes, with {@link REQUEST_COST} for each request, between two turns of the event loop. */
const TURN_BUDGET = 4 * 1024 * 1024;

/** What a request costs beside its bytes: about the time that copying so many takes. */
const REQUEST_COST = 4096;

/** What a block status costs, which may look at many extents. */
const STATUS_COST = 256 * 1024;

/** A request whose payload has not come whole. */
interface Incoming {
  readonly request: NbdRequest;
  readonly length: number;
  /** Where it is put together; nowhere if it is dropped. */
  readonly payload: Payload | undefined;
  readonly refusal: Refusal | undefined;
  taken: number;
}

/** The least rest of a payload, in bytes, that is worth a call of the system to itself. */
const PLACED_LENGTH_MIN = 16 * 1024;

/**
 * Where the next request is received after one with a long payload: most likely it has one too, of
 * which little comes here, to be copied, and the rest where it is put together.
 */
const SHORT_PIECE = new Uint8Array(4096);
/** The least payload for which the disk is asked where, and after which one more is expected. */
const LONG_PAYLOAD_MIN = 128 * 1024;

/**
 * Bytes of replies that may wait for a client before no more of its requests are taken. What is
 * made just before it is sent is still in the processor's cache; but a client that has taken one
 * reply of 256 KiB should find the next one made.
 */
const UNSENT_MAX = 512 * 1024;

/**
 * `leaving`, no more requests are taken and the connection ends after the last reply; `gone`, the
 * client is, and what had come whole is carried out; `stopped`, nothing is taken any more.
 */
type Phase = 'open' | 'leaving' | 'gone' | 'stopped';

export class Transmission implements Receiver, ExportClient {
  readonly #parts: TransmissionParts;
  readonly #connection: Connection;
  readonly #inflow: Inflow;
  readonly #agreement: Agreement;
  readonly #requests: RequestReader;
  readonly #out: Outflow;
  readonly #work: Work;
  #incoming: Incoming | undefined;
  /** The last request had a long payload. */
  #wasLong = false;
  #phase: Phase = 'open';
  #budget = TURN_BUDGET;
  /** Bytes of payloads that are not written yet. */
  #payloadBytes = 0;
  #isProcessing = false;
  #isResting = false;
  #isPaused = false;
  /** The other side sends no more. */
  #hasEnded = false;
  #isClosed = false;
  #isOver = false;

  constructor(parts: TransmissionParts) {
    const { target, style, contexts, minimum, connection, inflow, pool } = parts;
    this.#parts = parts;
    this.#connection = connection;
    this.#inflow = inflow;
    const { writable } = target;
    this.#agreement = { writable, minimum, hasContexts: contexts.length > 0, ...style };
    this.#requests = new RequestReader(style);
    this.#out = new Outflow(connection, pool, () => this.#wake());
    const replies = new Replies(this.#out, style);
    const onAnswered = (payload: Payload | undefined) => this.#answered(payload);
    this.#work = new Work({ target, replies, contexts, minimum, ...style, onAnswered });
  }

  /** Begins with what has come. */
  start(): void {
    this.#parts.target.admit(this);
    this.#connection.receive(this);
    this.#wake();
  }

  data(bytes: Uint8Array): void {
    if (this.#phase !== 'open') return;
    if (this.#incoming?.payload?.bytes.buffer === bytes.buffer) {
      this.#incoming.taken += bytes.length;
      this.#wake();
      return;
    }
    this.#inflow.push(bytes);
    this.#wake();
    this.#inflow.keep();
  }

  /** The rest of a long payload goes straight to where it is put together. */
  place(): Uint8Array | undefined {
    if (this.#inflow.length > 0) return undefined;
    if (!this.#incoming) return this.#wasLong ? SHORT_PIECE : undefined;
    const { payload, taken, length } = this.#incoming;
    return length - taken < PLACED_LENGTH_MIN ? undefined : payload?.bytes.subarray(taken);
  }

  drained(): void {}

  ended(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  closed(): void {
    this.#isClosed = true;
    this.#phase = this.#phase === 'open' ? 'gone' : 'stopped';
    this.#wake();
  }

  stop(): void {
    this.#phase = 'stopped';
    this.#connection.destroy();
    this.#wake();
  }

  #wake(): void {
    if (!this.#isProcessing && !this.#isResting) this.#process();
  }

  /** Works through what has come, as far as it may. */
  #process(): void {
    this.#isProcessing = true;
    let isStarved = false;
    try {
      while (!isStarved && this.#budget > 0 && this.#mayTake) isStarved = !this.#step();
    } catch (error) {
      this.#breakOff(error);
    } finally {
      this.#isProcessing = false;
    }
    this.#out.flush();
    if (this.#budget <= 0) this.#rest();
    if (isStarved) this.#settle();
    this.#steer();
  }

  /** Whether it may take one more request. */
  get #mayTake(): boolean {
    const { requestsMax, bytesMax } = this.#parts.limits;
    if (this.#phase !== 'open' && this.#phase !== 'gone') return false;
    if (this.#incoming) return true;
    if (this.#phase === 'open' && this.#connection.pendingBytes >= UNSENT_MAX) return false;
    return this.#work.inFlight < requestsMax && this.#out.heldBytes + this.#payloadBytes < bytesMax;
  }

  /** @returns Whether there was enough to go on with. */
  #step(): boolean {
    if (this.#incoming) return this.#takePayload(this.#incoming);
    const request = this.#requests.next(this.#inflow);
    if (!request) return false;
    this.#budget -= REQUEST_COST;
    const { target, style } = this.#parts;
    const refusal = check(request, this.#agreement, target.edge.size);
    const length = payloadLength(request, style);
    this.#wasLong = length >= LONG_PAYLOAD_MIN;
    if (length > 0) return this.#expectPayload(request, length, refusal);
    if (refusal) this.#work.refuse(request, refusal);
    else this.#begin(request);
    return true;
  }

  #expectPayload(request: NbdRequest, length: number, refusal: Refusal | undefined): boolean {
    const isKept = !refusal && request.command === COMMAND.WRITE;
    const payload = isKept ? this.#placeFor(request) : undefined;
    if (payload) this.#payloadBytes += length;
    this.#incoming = { request, length, payload, refusal, taken: 0 };
    return this.#takePayload(this.#incoming);
  }

  /** Finds memory for the payload of a write: the disk's own, if it is long and may stay there. */
  #placeFor({ flags, offset, length }: NbdRequest): Payload {
    const { pool, target } = this.#parts;
    const mayStay = length >= LONG_PAYLOAD_MIN && (flags & COMMAND_FLAG.FUA) === 0;
    const placed = mayStay ? target.edge.place(offset, length) : undefined;
    if (placed) return { bytes: placed, buffer: undefined };
    const buffer = pool.take(length);
    return { bytes: buffer.subarray(0, length), buffer };
  }

  #takePayload(incoming: Incoming): boolean {
    const { request, length, payload, refusal, taken } = incoming;
    incoming.taken += payload
      ? this.#inflow.takeInto(payload.bytes, taken, length)
      : this.#inflow.skip(length - taken);
    if (incoming.taken < length) return false;
    this.#incoming = undefined;
    if (refusal) this.#work.refuse(request, refusal);
    else this.#begin(request, payload);
    return true;
  }

  #begin(request: NbdRequest, payload?: Payload): void {
    const { command, length } = request;
    if (command === COMMAND.DISC) {
      this.#phase = 'leaving';
      return;
    }
    // Nobody is left who could be told.
    if (this.#phase === 'gone' && TELLING.includes(command)) return;
    if (command === COMMAND.BLOCK_STATUS) this.#budget -= STATUS_COST;
    else if (isTransfer(command)) this.#budget -= length;
    this.#work.begin(request, payload);
  }

  #answered(payload: Payload | undefined): void {
    if (payload) this.#letGo(payload);
    if (this.#isProcessing) return;
    this.#out.flush();
    this.#wake();
  }

  /** Nothing more can be done with what has come. */
  #settle(): void {
    if (this.#phase === 'gone') this.#phase = 'stopped';
    else if (this.#phase === 'open' && this.#hasEnded) this.#phase = 'leaving';
  }

  /** Lets come what can be taken, and ends what is at its end. */
  #steer(): void {
    if (this.#phase === 'open') this.#setPaused(this.#isResting || !this.#mayTake);
    if (this.#work.inFlight > 0 || this.#isOver) return;
    if (this.#phase === 'leaving') {
      this.#phase = 'stopped';
      this.#connection.end();
    } else if (this.#phase === 'stopped' && this.#isClosed) {
      this.#isOver = true;
      this.#dropIncoming();
      this.#parts.target.leave(this);
      this.#parts.onOver();
    }
  }

  #setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#connection.pause();
    else this.#connection.resume();
  }

  #dropIncoming(): void {
    if (this.#incoming?.payload) this.#letGo(this.#incoming.payload);
    this.#incoming = undefined;
  }

  #letGo({ bytes, buffer }: Payload): void {
    this.#payloadBytes -= bytes.length;
    if (buffer) this.#parts.pool.give(buffer);
  }

  #rest(): void {
    this.#isResting = true;
    void this.#parts.clock.turn().then(() => {
      this.#isResting = false;
      this.#budget = TURN_BUDGET;
      this.#process();
    });
  }

  /** After what is no request nothing can be understood. */
  #breakOff(error: unknown): void {
    if (!(error instanceof BlockError) || error.code !== 'EPROTO') throw error;
    this.stop();
  }
}

/** Requests that change nothing, and are only answered. */
const TELLING: readonly number[] = [COMMAND.READ, COMMAND.CACHE, COMMAND.BLOCK_STATUS];
