/**
 * A connection to a server after the handshake: requests go out as they are given, and complete in
 * whatever order the server answers.
 *
 *     cookie    high: a serial number | low: the slot that the request is in
 *
 * A reply to a request that is not in its slot any more is noticed by the serial number.
 *
 * The payload of a write is sent from the caller's buffer. That may change once the request has
 * completed, which is when the server has answered, and so has read it all; or when the connection
 * is over, and nothing is sent any more.
 */

import { BlockError, type BlockErrorCode } from '../../base/errors.ts';
import type { Connection, Receiver } from '../../env/sockets.ts';
import { COMMAND, COMMAND_FLAG } from '../../wire/nbd/constants.ts';
import { type Cookie, encodeRequest } from '../../wire/nbd/requests.ts';
import type { ClientRequest } from './client-request.ts';
import { ReplyIntake } from './reply-intake.ts';
import type { Terms } from './terms.ts';

/** How many requests are in flight at most; servers take them from the socket as they can. */
const REQUESTS_MAX = 64;
/** How many bytes of data these have together, but for one that is longer by itself. */
const BYTES_MAX = 64 * 1024 * 1024;

/** Who gives the requests. */
export interface TransmissionOwner {
  /** A request is over, and there may be room for another. */
  freed(): void;
  /** The connection is over, and nothing is answered any more. Called once. */
  lost(transmission: Transmission, error: BlockError): void;
}

export class Transmission implements Receiver {
  readonly terms: Terms;
  readonly #connection: Connection;
  readonly #owner: TransmissionOwner;
  readonly #intake: ReplyIntake;
  /** By slot; the slots that are free are on the stack beside. */
  readonly #requests: (ClientRequest | undefined)[] = new Array(REQUESTS_MAX).fill(undefined);
  readonly #serials = new Uint32Array(REQUESTS_MAX);
  readonly #freeSlots: number[] = this.#requests.map((_, slot) => slot);
  #bytesInFlight = 0;
  #serial = 0;
  #isOver = false;
  #closed: () => void = () => {};

  /** @param connection After its handshake; nobody else uses it from now on. */
  constructor(connection: Connection, terms: Terms, owner: TransmissionOwner) {
    this.terms = terms;
    this.#connection = connection;
    this.#owner = owner;
    this.#intake = new ReplyIntake(terms, {
      find: (cookie) => this.#find(cookie),
      answered: (request, cookie) => this.#answered(request, cookie),
    });
    connection.receive(this);
  }

  /** Whether nothing is in flight. */
  get isIdle(): boolean {
    return this.#freeSlots.length === REQUESTS_MAX;
  }

  /** Bytes of data that are in flight. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Whether a request may be sent now. */
  hasRoomFor(request: ClientRequest): boolean {
    if (this.#freeSlots.length === 0) return false;
    return this.#bytesInFlight === 0 || this.#bytesInFlight + request.dataLength <= BYTES_MAX;
  }

  /** Sends a request for which there is room. */
  send(request: ClientRequest): void {
    const slot = this.#freeSlots.pop() as number;
    this.#serial = (this.#serial + 1) >>> 0;
    this.#serials[slot] = this.#serial;
    this.#requests[slot] = request;
    this.#bytesInFlight += request.dataLength;
    const { asked } = request;
    const { extended } = this.terms.style;
    const { command, from, offset, length } = asked;
    const flags = extended && from ? asked.flags | COMMAND_FLAG.PAYLOAD_LEN : asked.flags;
    const cookie = { cookieHigh: this.#serial, cookieLow: slot };
    this.#connection.write(
      encodeRequest({ command, flags, offset, length, ...cookie }, { extended }),
    );
    if (from) this.#connection.write(from);
  }

  /** @returns The requests that are in flight, in the order in which they were sent. */
  unanswered(): readonly ClientRequest[] {
    // Serial numbers may have begun anew in between.
    const ageOf = (slot: number) => (this.#serial - (this.#serials[slot] ?? 0)) >>> 0;
    const slots = Array.from(this.#requests.keys()).sort((a, b) => ageOf(b) - ageOf(a));
    return slots.flatMap((slot) => this.#requests[slot] ?? []);
  }

  /** Ends the connection at once. The owner is not told. */
  destroy(): void {
    this.#isOver = true;
    this.#connection.destroy();
  }

  /** Takes leave of the server; nothing is in flight. @returns When the connection is over. */
  close(): Promise<void> {
    const { extended } = this.terms.style;
    const nothing = { flags: 0, offset: 0, length: 0, cookieHigh: 0, cookieLow: 0 };
    this.#isOver = true;
    return new Promise((resolve) => {
      this.#closed = resolve;
      this.#connection.write(encodeRequest({ command: COMMAND.DISC, ...nothing }, { extended }));
      this.#connection.end();
    });
  }

  data(bytes: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#intake.take(bytes);
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      this.#lose(error);
    }
  }

  place(): Uint8Array | undefined {
    return this.#isOver ? undefined : this.#intake.place;
  }

  drained(): void {}

  ended(): void {
    this.#lose(this.#error('ECONNRESET', 'server dropped connection'));
  }

  closed(error?: Error): void {
    this.#closed();
    if (error instanceof BlockError) this.#lose(error);
    else this.ended();
  }

  #find({ cookieHigh, cookieLow }: Cookie): ClientRequest {
    const request = this.#requests[cookieLow];
    if (request && this.#serials[cookieLow] === cookieHigh) return request;
    throw this.#error('EPROTO', 'it answers what nobody has asked');
  }

  #answered(request: ClientRequest, { cookieLow }: Cookie): void {
    if (request.isTurnedAway) {
      // It was not carried out, and no other will be.
      this.#lose(this.#error('ESHUTDOWN', 'the server is shutting down'));
      return;
    }
    // Before the slot is free: what breaks the protocol is still in flight then.
    request.finish();
    this.#requests[cookieLow] = undefined;
    this.#freeSlots.push(cookieLow);
    this.#bytesInFlight -= request.dataLength;
    this.#owner.freed();
  }

  #lose(error: BlockError): void {
    if (this.#isOver) return;
    this.destroy();
    this.#owner.lost(this, error);
  }

  #error(code: BlockErrorCode, reason: string): BlockError {
    return new BlockError(code, `use the NBD server at "${this.#connection.peer}"`, reason);
  }
}
