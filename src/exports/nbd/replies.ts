/** Replies to requests, in the style that a connection has agreed on. */

import type { ByteRange } from '../../base/ranges.ts';
import type { Loan } from '../../block/driver.ts';
import { COMMAND, REPLY_FLAG } from '../../wire/nbd/constants.ts';
import {
  chunkLength,
  dataHeaderLength,
  encodeBlockStatus,
  encodeError,
  encodeOffsetHole,
  encodeSimpleReply,
  putNone,
  putOffsetData,
  putSimpleReply,
  type ReplyStyle,
  SIMPLE_REPLY_LENGTH,
  type StatusExtent,
} from '../../wire/nbd/replies.ts';
import type { NbdRequest } from '../../wire/nbd/requests.ts';
import type { Refusal } from './check.ts';
import type { Outflow, Room } from './outflow.ts';

/** A part of what was read: zeroes, unless there is room with bytes. */
export interface ReadPiece {
  readonly offset: number;
  readonly length: number;
  readonly room?: Room | undefined;
}

/** What a context says of the range that was asked for. */
export interface ContextStatus {
  /** The id of the context. */
  readonly context: number;
  readonly extents: readonly StatusExtent[];
}

const { DONE } = REPLY_FLAG;

export class Replies {
  readonly #out: Outflow;
  readonly #style: ReplyStyle;
  readonly #headerLength: number;

  constructor(out: Outflow, style: ReplyStyle) {
    this.#out = out;
    this.#style = style;
    this.#headerLength = dataHeaderLength(style);
  }

  /** Whether a reply with `length` bytes of data had better be sent from where they lie. */
  isLong(length: number): boolean {
    return this.#out.isLong(length);
  }

  /** Reserves room for a reply with `length` bytes of data. */
  reserve(length: number): Room {
    return this.#out.reserve(this.#headerLength + length);
  }

  /** Where the data of a reply belongs. */
  dataOf({ slab, start, end }: Room): Uint8Array {
    return slab.bytes.subarray(start + this.#headerLength, end);
  }

  giveUp(room: Room): void {
    this.#out.giveUp(room);
  }

  /** Answers a read with the data in the room: a piece of what was asked for, or all of it. */
  sendData(to: NbdRequest, room: Room, range: ByteRange = to, flags: number = DONE): void {
    this.#putHeader(to, room, range, flags);
    this.#out.send(room);
  }

  /** Answers a read with what the disk has lent. */
  sendLent(to: NbdRequest, loan: Loan): void {
    const room = this.#out.reserve(this.#headerLength);
    this.#putHeader(to, room, to, DONE);
    this.#out.sendLent(room, loan);
  }

  /** Answers a read with all of its pieces. */
  sendPieces(to: NbdRequest, pieces: readonly ReadPiece[]): void {
    for (const [index, piece] of pieces.entries()) {
      const flags = index === pieces.length - 1 ? DONE : 0;
      if (piece.room) this.sendData(to, piece.room, piece, flags);
      else this.#out.sendBytes(encodeOffsetHole(to, flags, this.#style, piece));
    }
  }

  /** Tells that the request has succeeded. */
  sendDone(to: NbdRequest): void {
    const { extended, structured } = this.#style;
    // A structured reply is due to reads only, unless all headers are extended.
    const isChunk = extended || (structured && to.command === COMMAND.READ);
    const room = this.#out.reserve(isChunk ? chunkLength(this.#style) : SIMPLE_REPLY_LENGTH);
    if (isChunk) putNone(room.slab.view, room.start, to, DONE, this.#style);
    else putSimpleReply(room.slab.view, room.start, to, 0);
    this.#out.send(room);
  }

  sendError(to: NbdRequest, refusal: Refusal): void {
    this.#out.sendBytes(
      this.#style.structured
        ? encodeError(to, DONE, this.#style, refusal)
        : encodeSimpleReply(to, refusal.error),
    );
  }

  /** Answers a block status with what each context says. */
  sendStatuses(to: NbdRequest, statuses: readonly ContextStatus[]): void {
    for (const [index, status] of statuses.entries()) {
      const flags = index === statuses.length - 1 ? DONE : 0;
      this.#out.sendBytes(encodeBlockStatus(to, flags, this.#style, status));
    }
  }

  #putHeader(to: NbdRequest, { slab, start }: Room, range: ByteRange, flags: number): void {
    if (this.#style.structured) putOffsetData(slab.view, start, to, flags, this.#style, range);
    else putSimpleReply(slab.view, start, to, 0);
  }
}
