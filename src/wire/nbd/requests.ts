/**
 * Requests: what a client sends in the transmission phase (`doc/proto.md`, "Request message" and
 * "Extended request message").
 *
 *     compact    magic 4 | flags 2 | type 2 | cookie 8 | offset 8 | length 4
 *     extended   magic 4 | flags 2 | type 2 | cookie 8 | offset 8 | length 8
 *
 * A payload may follow: of a write, and with extended headers of whatever has the flag for it.
 */

import { BlockError } from '../../base/errors.ts';
import type { Inflow } from '../inflow.ts';
import { COMMAND, COMMAND_FLAG, EXTENDED_REQUEST_MAGIC, REQUEST_MAGIC } from './constants.ts';
import { Header } from './header.ts';
import { getUint64, setUint64, viewOf } from './words.ts';

/** What a client calls a request, for the replies: 64 bits in two halves, of no meaning here. */
export interface Cookie {
  readonly cookieHigh: number;
  readonly cookieLow: number;
}

export interface NbdRequest extends Cookie {
  /** One of {@link COMMAND}, or one that nobody knows. */
  readonly command: number;
  readonly flags: number;
  /** Bytes. What is not below 2^53 lies beyond every disk. */
  readonly offset: number;
  /** Bytes: of the effect, or of the payload where there is one. */
  readonly length: number;
}

const COMPACT_LENGTH = 28;
const EXTENDED_LENGTH = 32;

/** How the messages of a connection are built, once its handshake is done. */
export interface HeaderStyle {
  /** NBD_OPT_EXTENDED_HEADERS was negotiated. */
  readonly extended: boolean;
}

/** Reads requests from one connection. */
export class RequestReader {
  readonly #style: HeaderStyle;
  readonly #header = new Header(EXTENDED_LENGTH);

  constructor(style: HeaderStyle) {
    this.#style = style;
  }

  /**
   * @returns The next request, or `undefined` when not all of it has come. Its payload, of
   *   {@link payloadLength}, comes next.
   * @throws {BlockError} `EPROTO` for what is no request: nothing after it can be understood.
   */
  next(inflow: Inflow): NbdRequest | undefined {
    if (!this.#header.fill(headerLength(this.#style), inflow)) return undefined;
    this.#header.clear();
    const { view } = this.#header;
    const [magic, expected] = [view.getUint32(0), magicOf(this.#style)];
    if (magic !== expected) throw wrongMagic('request', magic, expected);
    return {
      flags: view.getUint16(4),
      command: view.getUint16(6),
      cookieHigh: view.getUint32(8),
      cookieLow: view.getUint32(12),
      offset: getUint64(view, 16),
      length: this.#style.extended ? getUint64(view, 24) : view.getUint32(24),
    };
  }
}

function headerLength({ extended }: HeaderStyle): number {
  return extended ? EXTENDED_LENGTH : COMPACT_LENGTH;
}

function magicOf({ extended }: HeaderStyle): number {
  return extended ? EXTENDED_REQUEST_MAGIC : REQUEST_MAGIC;
}

/**
 * How many bytes of payload follow a request.
 *
 * With extended headers a write without the flag for it has none, and is wrong.
 */
export function payloadLength({ command, flags, length }: NbdRequest, style: HeaderStyle): number {
  if (style.extended) return flags & COMMAND_FLAG.PAYLOAD_LEN ? length : 0;
  return command === COMMAND.WRITE ? length : 0;
}

export function encodeRequest(request: NbdRequest, style: HeaderStyle): Uint8Array {
  const bytes = new Uint8Array(headerLength(style));
  const view = viewOf(bytes);
  view.setUint32(0, magicOf(style));
  view.setUint16(4, request.flags);
  view.setUint16(6, request.command);
  view.setUint32(8, request.cookieHigh);
  view.setUint32(12, request.cookieLow);
  setUint64(view, 16, request.offset);
  if (style.extended) setUint64(view, 24, request.length);
  else view.setUint32(24, request.length);
  return bytes;
}

/** @returns The error of a message that begins with the wrong number. */
export function wrongMagic(what: string, found: number, expected: number): BlockError {
  const [is, must] = [found, expected].map((magic) => `0x${magic.toString(16).padStart(8, '0')}`);
  return new BlockError('EPROTO', `read an NBD ${what}`, `its magic must be ${must}: ${is}`);
}
