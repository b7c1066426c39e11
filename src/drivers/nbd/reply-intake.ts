/**
 * What a server sends in answer to requests, taken apart as it comes.
 *
 * The data of a read goes from the piece of stream in which it came straight to the buffer of the
 * request, and the rest of much data is received there; nothing else that a server may send is
 * longer than {@link PAYLOAD_MAX}. So a server cannot make us hold more than that.
 *
 * Whatever the protocol does not allow ends the connection: nothing that comes after it can be
 * trusted.
 */

import { unreachable } from '../../base/assert.ts';
import { Inflow } from '../../wire/inflow.ts';
import { COMMAND, REPLY_FLAG, REPLY_TYPE } from '../../wire/nbd/constants.ts';
import {
  decodeBlockStatus,
  decodeError,
  decodeOffset,
  decodeOffsetHole,
  isErrorType,
  type NbdReply,
  ReplyReader,
} from '../../wire/nbd/replies.ts';
import type { Cookie } from '../../wire/nbd/requests.ts';
import type { ClientRequest } from './client-request.ts';
import type { Terms } from './terms.ts';

/** The longest payload but for data: an error with the longest text, or many extents. */
const PAYLOAD_MAX = 128 * 1024;

/** The least rest of data, in bytes, that is worth a call of the system to itself. */
const PLACED_LENGTH_MIN = 16 * 1024;

const OFFSET_LENGTH = 8;

/** Whose requests are answered. */
export interface Asker {
  /** @returns The request in flight that has it. @throws {BlockError} `EPROTO` for none. */
  find(cookie: Cookie): ClientRequest;
  /** All of a reply has come; the request has not completed yet. */
  answered(request: ClientRequest, cookie: Cookie): void;
}

type Chunk = Extract<NbdReply, { kind: 'chunk' }>;

/** What comes next. */
type Expected =
  | { readonly kind: 'header' }
  /** Data for `at` to `end` of the request's buffer. */
  | { readonly kind: 'data'; readonly reply: Reply; at: number; readonly end: number }
  /** `length` bytes, which are looked at when all of them have come. */
  | {
      readonly kind: 'payload';
      readonly reply: Reply & { header: Chunk };
      readonly length: number;
    };

interface Reply {
  readonly header: NbdReply;
  readonly request: ClientRequest;
  readonly into: Uint8Array;
}

const HEADER: Expected = { kind: 'header' };
const NOTHING = new Uint8Array(0);

export class ReplyIntake {
  readonly #inflow = new Inflow();
  readonly #reader: ReplyReader;
  readonly #terms: Terms;
  readonly #asker: Asker;
  #expected: Expected = HEADER;
  /** Where the next bytes may be put by whoever receives them. */
  #place: Uint8Array | undefined;

  constructor(terms: Terms, asker: Asker) {
    this.#terms = terms;
    this.#reader = new ReplyReader(terms.style);
    this.#asker = asker;
  }

  /**
   * Takes bytes, and answers the requests whose replies are whole.
   *
   * @param bytes Any, or the beginning of {@link ReplyIntake.place}.
   * @throws {BlockError} `EPROTO` when the server breaks the protocol.
   */
  take(bytes: Uint8Array): void {
    const expected = this.#expected;
    const { buffer, byteOffset } = this.#place ?? {};
    if (expected.kind === 'data' && bytes.buffer === buffer && bytes.byteOffset === byteOffset) {
      expected.at += bytes.length;
    } else {
      this.#inflow.push(bytes);
    }
    while (this.#step());
    this.#inflow.keep();
    this.#place = this.#restOfData();
  }

  /** Where the bytes that come next belong, if all of them are data of one read. */
  get place(): Uint8Array | undefined {
    return this.#place;
  }

  #restOfData(): Uint8Array | undefined {
    const expected = this.#expected;
    if (expected.kind !== 'data') return undefined;
    const { reply, at, end } = expected;
    return end - at < PLACED_LENGTH_MIN ? undefined : reply.into.subarray(at, end);
  }

  /** @returns Whether there may be more to take. */
  #step(): boolean {
    const expected = this.#expected;
    switch (expected.kind) {
      case 'header': {
        const header = this.#reader.next(this.#inflow);
        if (header) this.#begin(header);
        return header !== undefined;
      }
      case 'data':
        expected.at += this.#inflow.takeInto(expected.reply.into, expected.at, expected.end);
        if (expected.at < expected.end) return false;
        this.#end(expected.reply);
        return true;
      case 'payload':
        if (this.#inflow.length < expected.length) return false;
        this.#expected = HEADER;
        this.#payload(expected.reply, this.#inflow.take(expected.length));
        return true;
      default:
        return unreachable(expected);
    }
  }

  #begin(header: NbdReply): void {
    const request = this.#asker.find(header);
    const reply = { header, request, into: request.asked.into ?? NOTHING };
    if (header.kind === 'simple') this.#beginSimple(header.error, reply);
    else this.#beginChunk({ ...reply, header });
  }

  #beginSimple(error: number, reply: Reply): void {
    const { request, into } = reply;
    const { command, offset } = request.asked;
    const isQuery = command === COMMAND.READ || command === COMMAND.BLOCK_STATUS;
    if (isQuery && this.#terms.style.structured) {
      throw request.violation('a simple reply has come where a structured one is due');
    }
    if (error !== 0) request.failWith({ error, text: '' });
    if (error !== 0 || into.length === 0) {
      this.#end(reply);
      return;
    }
    request.cover(offset, into.length);
    this.#expected = { kind: 'data', reply, at: 0, end: into.length };
  }

  #beginChunk(reply: Reply & { header: Chunk }): void {
    const { header, request } = reply;
    request.countChunk();
    const { type, length, flags } = header;
    if (type === REPLY_TYPE.NONE) {
      if (length > 0 || !(flags & REPLY_FLAG.DONE)) throw request.violation('a chunk says nothing');
      this.#end(reply);
      return;
    }
    const isData = type === REPLY_TYPE.OFFSET_DATA;
    if (isData && length <= OFFSET_LENGTH) throw request.violation('it sent no data for an offset');
    const needed = isData ? OFFSET_LENGTH : length;
    if (needed > PAYLOAD_MAX) throw request.violation(`a chunk has ${length} bytes`);
    this.#expected = { kind: 'payload', reply, length: needed };
  }

  #payload(reply: Reply & { header: Chunk }, payload: Uint8Array): void {
    const { header, request, into } = reply;
    const { type } = header;
    if (type === REPLY_TYPE.OFFSET_DATA) {
      const length = header.length - OFFSET_LENGTH;
      const at = request.cover(decodeOffset(payload), length);
      this.#expected = { kind: 'data', reply, at, end: at + length };
      return;
    }
    if (isErrorType(type)) {
      request.failWith(decodeError(type, payload));
    } else if (type === REPLY_TYPE.OFFSET_HOLE) {
      const { offset, length } = decodeOffsetHole(payload);
      const at = request.cover(offset, length);
      into.fill(0, at, at + length);
    } else if (type === REPLY_TYPE.BLOCK_STATUS || type === REPLY_TYPE.BLOCK_STATUS_EXT) {
      const { context, extents } = decodeBlockStatus(type, payload);
      if (context !== this.#terms.context) {
        throw request.violation(`it told of context ${context}, which was not asked for`);
      }
      request.describe(extents);
    } else {
      throw request.violation(`chunks of type ${type} are unknown`);
    }
    this.#end(reply);
  }

  /** A simple reply or a chunk is over. */
  #end({ header, request }: Reply): void {
    this.#expected = HEADER;
    if (header.kind === 'chunk' && !(header.flags & REPLY_FLAG.DONE)) return;
    this.#asker.answered(request, header);
  }
}
