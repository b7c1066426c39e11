/**
 * Replies: what a server sends in the transmission phase (`doc/proto.md`, "Simple reply message",
 * "Structured reply chunk message", "Extended reply chunk message").
 *
 *     simple      magic 4 | error 4 | cookie 8                                    | data of a read
 *     structured  magic 4 | flags 2 | type 2 | cookie 8 | length 4                | payload
 *     extended    magic 4 | flags 2 | type 2 | cookie 8 | offset 8 | length 8     | payload
 *
 * The payload of a chunk depends on its type:
 *
 *     OFFSET_DATA        offset 8 | data
 *     OFFSET_HOLE        offset 8 | length 4
 *     BLOCK_STATUS       context 4 | (length 4 | flags 4) ...
 *     BLOCK_STATUS_EXT   context 4 | count 4 | (length 8 | flags 8) ...
 *     ERROR              error 4 | text length 2 | text
 *     ERROR_OFFSET       error 4 | text length 2 | text | offset 8
 */

import { BlockError } from '../../base/errors.ts';
import type { Inflow } from '../inflow.ts';
import {
  EXTENDED_REPLY_MAGIC,
  REPLY_TYPE,
  REPLY_TYPE_ERROR_BIT,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from './constants.ts';
import { Header } from './header.ts';
import { type Cookie, type HeaderStyle, wrongMagic } from './requests.ts';
import { decodeMessage, encodeMessage } from './texts.ts';
import { getUint64, setUint64, viewOf } from './words.ts';

/** How many bytes a simple reply has before its data. */
export const SIMPLE_REPLY_LENGTH = 16;
const STRUCTURED_LENGTH = 20;
const EXTENDED_LENGTH = 32;

/** A request as its replies show it. */
export interface Answered extends Cookie {
  /** Of the request; only in extended headers. */
  readonly offset: number;
}

/** A chunk of a reply, but for its payload. */
export interface ChunkHeader {
  readonly flags: number;
  /** One of {@link REPLY_TYPE}. */
  readonly type: number;
}

/** A range of which a context says one thing. */
export interface StatusExtent {
  /** Bytes. */
  readonly length: number;
  readonly flags: number;
}

// What most replies consist of can be put where it is sent from, for memory of its own would cost
// as much as the rest of a request.

/** How many bytes come before the data of a read. */
export function dataHeaderLength({ structured, extended }: ReplyStyle): number {
  return structured ? chunkLength({ extended }) + 8 : SIMPLE_REPLY_LENGTH;
}

/** How many bytes {@link putNone} puts. */
export function chunkLength({ extended }: HeaderStyle): number {
  return extended ? EXTENDED_LENGTH : STRUCTURED_LENGTH;
}

/** @param error One of {@link NBD_ERROR}, or 0. The data of a read follows when it is 0. */
export function encodeSimpleReply(to: Cookie, error: number): Uint8Array {
  const bytes = new Uint8Array(SIMPLE_REPLY_LENGTH);
  putSimpleReply(viewOf(bytes), 0, to, error);
  return bytes;
}

/** Puts what {@link encodeSimpleReply} gives. */
export function putSimpleReply(view: DataView, at: number, to: Cookie, error: number): void {
  view.setUint32(at, SIMPLE_REPLY_MAGIC);
  view.setUint32(at + 4, error);
  view.setUint32(at + 8, to.cookieHigh);
  view.setUint32(at + 12, to.cookieLow);
}

/** Encodes a chunk without payload, which says no more than its flags. */
export function encodeNone(to: Answered, flags: number, style: HeaderStyle): Uint8Array {
  const bytes = new Uint8Array(chunkLength(style));
  putNone(viewOf(bytes), 0, to, flags, style);
  return bytes;
}

/** Puts what {@link encodeNone} gives. */
export function putNone(
  view: DataView,
  at: number,
  to: Answered,
  flags: number,
  style: HeaderStyle,
): void {
  putChunk(view, at, to, { flags, type: REPLY_TYPE.NONE }, style, 0);
}

/** Encodes what comes before the data of an OFFSET_DATA chunk. */
export function encodeOffsetData(
  to: Answered,
  flags: number,
  style: HeaderStyle,
  range: { readonly offset: number; readonly length: number },
): Uint8Array {
  const bytes = new Uint8Array(dataHeaderLength({ structured: true, ...style }));
  putOffsetData(viewOf(bytes), 0, to, flags, style, range);
  return bytes;
}

/** Puts what {@link encodeOffsetData} gives. */
export function putOffsetData(
  view: DataView,
  at: number,
  to: Answered,
  flags: number,
  style: HeaderStyle,
  { offset, length }: { readonly offset: number; readonly length: number },
): void {
  putChunk(view, at, to, { flags, type: REPLY_TYPE.OFFSET_DATA }, style, 8 + length);
  setUint64(view, at + chunkLength(style), offset);
}

export function encodeOffsetHole(
  to: Answered,
  flags: number,
  style: HeaderStyle,
  { offset, length }: { readonly offset: number; readonly length: number },
): Uint8Array {
  const lengths = { known: 12, length: 12 };
  const { bytes, view, at } = startChunk(
    to,
    { flags, type: REPLY_TYPE.OFFSET_HOLE },
    style,
    lengths,
  );
  setUint64(view, at, offset);
  view.setUint32(at + 8, length);
  return bytes;
}

/** Encodes the status of blocks: BLOCK_STATUS, or its wider form with extended headers. */
export function encodeBlockStatus(
  to: Answered,
  flags: number,
  style: HeaderStyle,
  { context, extents }: { readonly context: number; readonly extents: readonly StatusExtent[] },
): Uint8Array {
  const { extended } = style;
  const type = extended ? REPLY_TYPE.BLOCK_STATUS_EXT : REPLY_TYPE.BLOCK_STATUS;
  const length = extended ? 8 + 16 * extents.length : 4 + 8 * extents.length;
  const { bytes, view, at } = startChunk(to, { flags, type }, style, { known: length, length });
  view.setUint32(at, context);
  if (extended) view.setUint32(at + 4, extents.length);
  let next = at + (extended ? 8 : 4);
  for (const extent of extents) {
    if (extended) {
      setUint64(view, next, extent.length);
      setUint64(view, next + 8, extent.flags);
    } else {
      view.setUint32(next, extent.length);
      view.setUint32(next + 4, extent.flags);
    }
    next += extended ? 16 : 8;
  }
  return bytes;
}

/** What went wrong, and where if the server says so. */
export interface ErrorChunk {
  /** One of {@link NBD_ERROR}. */
  readonly error: number;
  /** For people; may be empty. */
  readonly text: string;
  readonly offset?: number | undefined;
}

/** Encodes an error: ERROR, or ERROR_OFFSET when it has an offset. */
export function encodeError(
  to: Answered,
  flags: number,
  style: HeaderStyle,
  { error, text, offset }: ErrorChunk,
): Uint8Array {
  const words = encodeMessage(text);
  const type = offset === undefined ? REPLY_TYPE.ERROR : REPLY_TYPE.ERROR_OFFSET;
  const length = 6 + words.length + (offset === undefined ? 0 : 8);
  const { bytes, view, at } = startChunk(to, { flags, type }, style, { known: length, length });
  view.setUint32(at, error);
  view.setUint16(at + 4, words.length);
  bytes.set(words, at + 6);
  if (offset !== undefined) setUint64(view, at + 6 + words.length, offset);
  return bytes;
}

/**
 * Begins a chunk.
 *
 * @param known How many bytes of the payload the result has room for; the rest is sent apart.
 * @param length Of the whole payload.
 */
function startChunk(
  to: Answered,
  chunk: ChunkHeader,
  style: HeaderStyle,
  { known, length }: { readonly known: number; readonly length: number },
): { readonly bytes: Uint8Array; readonly view: DataView; readonly at: number } {
  const at = chunkLength(style);
  const bytes = new Uint8Array(at + known);
  const view = viewOf(bytes);
  putChunk(view, 0, to, chunk, style, length);
  return { bytes, view, at };
}

/** @param length Of the payload. */
function putChunk(
  view: DataView,
  at: number,
  to: Answered,
  { flags, type }: ChunkHeader,
  { extended }: HeaderStyle,
  length: number,
): void {
  view.setUint32(at, extended ? EXTENDED_REPLY_MAGIC : STRUCTURED_REPLY_MAGIC);
  view.setUint16(at + 4, flags);
  view.setUint16(at + 6, type);
  view.setUint32(at + 8, to.cookieHigh);
  view.setUint32(at + 12, to.cookieLow);
  if (extended) {
    setUint64(view, at + 16, to.offset);
    setUint64(view, at + 24, length);
  } else {
    view.setUint32(at + 16, length);
  }
}

/** A reply as it begins; what follows depends on the kind, and for a simple one on the request. */
export type NbdReply =
  | ({ readonly kind: 'simple'; readonly error: number } & Cookie)
  | ({
      readonly kind: 'chunk';
      /** Bytes of payload that follow. */
      readonly length: number;
    } & ChunkHeader &
      Cookie);

/** What replies to expect. */
export interface ReplyStyle extends HeaderStyle {
  /** NBD_OPT_STRUCTURED_REPLY was negotiated; extended headers imply it. */
  readonly structured: boolean;
}

/** Reads the beginnings of replies from one connection. */
export class ReplyReader {
  readonly #style: ReplyStyle;
  readonly #header = new Header(EXTENDED_LENGTH);

  constructor(style: ReplyStyle) {
    this.#style = style;
  }

  /**
   * @returns The next reply, or `undefined` when not all of its header has come. Its payload comes
   *   next.
   * @throws {BlockError} `EPROTO` for what is no reply: nothing after it can be understood.
   */
  next(inflow: Inflow): NbdReply | undefined {
    // The kind of a reply is in its first four bytes, and so is the length of its header.
    const { view } = this.#header;
    if (!this.#header.fill(4, inflow)) return undefined;
    const magic = view.getUint32(0);
    if (!this.#header.fill(this.#lengthOf(magic), inflow)) return undefined;
    this.#header.clear();
    const cookie = { cookieHigh: view.getUint32(8), cookieLow: view.getUint32(12) };
    if (magic === SIMPLE_REPLY_MAGIC) {
      return { kind: 'simple', error: view.getUint32(4), ...cookie };
    }
    const length = magic === EXTENDED_REPLY_MAGIC ? getUint64(view, 24) : view.getUint32(16);
    return { kind: 'chunk', flags: view.getUint16(4), type: view.getUint16(6), length, ...cookie };
  }

  /** The specification wants extended chunks only, once those were agreed on. */
  #lengthOf(magic: number): number {
    const { extended, structured } = this.#style;
    if (extended) {
      if (magic === EXTENDED_REPLY_MAGIC) return EXTENDED_LENGTH;
      throw wrongMagic('reply', magic, EXTENDED_REPLY_MAGIC);
    }
    if (magic === SIMPLE_REPLY_MAGIC) return SIMPLE_REPLY_LENGTH;
    if (magic === STRUCTURED_REPLY_MAGIC && structured) return STRUCTURED_LENGTH;
    throw wrongMagic('reply', magic, structured ? STRUCTURED_REPLY_MAGIC : SIMPLE_REPLY_MAGIC);
  }
}

/** Whether chunks of that type tell of an error. */
export function isErrorType(type: number): boolean {
  return (type & REPLY_TYPE_ERROR_BIT) !== 0;
}

/** @throws {BlockError} `EPROTO` for a payload that is none of that type; so for those below. */
export function decodeError(type: number, payload: Uint8Array): ErrorChunk {
  const view = demandLength(payload, payload.length >= 6, 'an error');
  const hasOffset = type === REPLY_TYPE.ERROR_OFFSET;
  const end = 6 + view.getUint16(4);
  // Types that are not known yet have more after the text.
  demandLength(payload, payload.length >= end + (hasOffset ? 8 : 0), 'an error');
  const error = view.getUint32(0);
  if (error === 0) throw refuse('an error', 'it must not be 0');
  const text = decodeMessage(payload.subarray(6, end));
  return hasOffset ? { error, text, offset: getUint64(view, end) } : { error, text };
}

/** Decodes the offset that the data of OFFSET_DATA follows, or all of OFFSET_HOLE. */
export function decodeOffset(payload: Uint8Array): number {
  return getUint64(demandLength(payload, payload.length >= 8, 'an offset'), 0);
}

export function decodeOffsetHole(payload: Uint8Array): { offset: number; length: number } {
  const view = demandLength(payload, payload.length === 12, 'a hole');
  return { offset: getUint64(view, 0), length: view.getUint32(8) };
}

export function decodeBlockStatus(
  type: number,
  payload: Uint8Array,
): { context: number; extents: StatusExtent[] } {
  const wide = type === REPLY_TYPE.BLOCK_STATUS_EXT;
  const [start, step] = wide ? [8, 16] : [4, 8];
  const isWhole = payload.length > start && (payload.length - start) % step === 0;
  const view = demandLength(payload, isWhole, 'a block status');
  const extents: StatusExtent[] = [];
  for (let at = start; at < payload.length; at += step) {
    extents.push(
      wide
        ? { length: getUint64(view, at), flags: getUint64(view, at + 8) }
        : { length: view.getUint32(at), flags: view.getUint32(at + 4) },
    );
  }
  // A server may leave the count to the length.
  const count = wide ? view.getUint32(4) : 0;
  demandLength(payload, count === 0 || count === extents.length, 'a block status');
  // Whoever goes from extent to extent must get on.
  if (extents.some(({ length }) => length === 0)) throw refuse('an extent', 'it must not be empty');
  return { context: view.getUint32(0), extents };
}

function demandLength(payload: Uint8Array, holds: boolean, what: string): DataView {
  if (holds) return viewOf(payload);
  throw refuse(what, `it cannot have ${payload.length} bytes`);
}

function refuse(what: string, reason: string): BlockError {
  return new BlockError('EPROTO', `read ${what} in an NBD reply`, reason);
}
