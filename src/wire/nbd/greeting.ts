/**
 * What both sides say before the options, and what ends the handshake of old
 * (`doc/proto.md`, "Newstyle negotiation", "Oldstyle negotiation", NBD_OPT_EXPORT_NAME).
 *
 *     server, newstyle   NBDMAGIC 8 | IHAVEOPT 8 | handshake flags 2
 *     server, oldstyle   NBDMAGIC 8 | other magic 8 | size 8 | flags 4 | zeroes 124
 *     client             client flags 4
 *     server, to EXPORT_NAME alone: size 8 | transmission flags 2 | zeroes 124, unless NO_ZEROES
 */

import { BlockError } from '../../base/errors.ts';
import type { Inflow } from '../inflow.ts';
import { NBD_MAGIC, OLDSTYLE_MAGIC, OPTION_MAGIC } from './constants.ts';
import { Header } from './header.ts';
import { getUint64, hasMagic, setMagic, setUint64, viewOf } from './words.ts';

const MAGIC_LENGTH = 8;
const NEWSTYLE_LENGTH = 18;
const OLDSTYLE_LENGTH = 152;
const CLIENT_FLAGS_LENGTH = 4;
const EXPORT_LENGTH = 10;
const ZEROES_LENGTH = 124;

/** An export as the transmission phase needs it. */
export interface ExportFacts {
  /** Bytes. */
  readonly size: number;
  /** Of {@link EXPORT_FLAG}. */
  readonly flags: number;
}

export type Greeting =
  | { readonly style: 'newstyle' /** Of {@link HANDSHAKE_FLAG}. */; readonly flags: number }
  | ({ readonly style: 'oldstyle' } & ExportFacts);

export function encodeGreeting(handshakeFlags: number): Uint8Array {
  const bytes = new Uint8Array(NEWSTYLE_LENGTH);
  const view = viewOf(bytes);
  setMagic(view, 0, NBD_MAGIC);
  setMagic(view, 8, OPTION_MAGIC);
  view.setUint16(16, handshakeFlags);
  return bytes;
}

/** Reads the greeting of a server. */
export class GreetingReader {
  readonly #header = new Header(OLDSTYLE_LENGTH);

  /**
   * @returns The greeting, or `undefined` when not all of it has come.
   * @throws {BlockError} `EPROTO` for what is no NBD server.
   */
  next(inflow: Inflow): Greeting | undefined {
    const { view } = this.#header;
    if (!this.#header.fill(MAGIC_LENGTH, inflow)) return undefined;
    if (!hasMagic(view, 0, NBD_MAGIC)) throw notNbd();
    if (!this.#header.fill(2 * MAGIC_LENGTH, inflow)) return undefined;
    if (hasMagic(view, 8, OPTION_MAGIC)) {
      if (!this.#header.fill(NEWSTYLE_LENGTH, inflow)) return undefined;
      return { style: 'newstyle', flags: view.getUint16(16) };
    }
    if (!hasMagic(view, 8, OLDSTYLE_MAGIC)) throw notNbd();
    if (!this.#header.fill(OLDSTYLE_LENGTH, inflow)) return undefined;
    // The upper half of the flags was never used.
    return { style: 'oldstyle', size: getUint64(view, 16), flags: view.getUint16(26) };
  }
}

function notNbd(): BlockError {
  const reason = 'what the server says first is not the greeting of an NBD server';
  return new BlockError('EPROTO', 'begin the NBD handshake', reason);
}

export function encodeClientFlags(flags: number): Uint8Array {
  const bytes = new Uint8Array(CLIENT_FLAGS_LENGTH);
  viewOf(bytes).setUint32(0, flags);
  return bytes;
}

/** @returns The client's flags, or `undefined` when not all of them have come. */
export function nextClientFlags(inflow: Inflow): number | undefined {
  if (inflow.length < CLIENT_FLAGS_LENGTH) return undefined;
  return viewOf(inflow.take(CLIENT_FLAGS_LENGTH)).getUint32(0);
}

/** How the answer to NBD_OPT_EXPORT_NAME ends. */
export interface ExportNameStyle {
  /** Both sides have agreed on NO_ZEROES. */
  readonly noZeroes: boolean;
}

function exportNameLength({ noZeroes }: ExportNameStyle): number {
  return noZeroes ? EXPORT_LENGTH : EXPORT_LENGTH + ZEROES_LENGTH;
}

export function encodeExportNameReply(facts: ExportFacts, style: ExportNameStyle): Uint8Array {
  const bytes = new Uint8Array(exportNameLength(style));
  const view = viewOf(bytes);
  setUint64(view, 0, facts.size);
  view.setUint16(8, facts.flags);
  return bytes;
}

/** @returns The answer to NBD_OPT_EXPORT_NAME, or `undefined` when not all of it has come. */
export function nextExportNameReply(
  inflow: Inflow,
  style: ExportNameStyle,
): ExportFacts | undefined {
  const length = exportNameLength(style);
  if (inflow.length < length) return undefined;
  const view = viewOf(inflow.take(length));
  return { size: getUint64(view, 0), flags: view.getUint16(8) };
}
