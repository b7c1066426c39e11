/**
 * Replies to options (`doc/proto.md`, "Option reply types", "NBD_OPT_GO").
 *
 *     reply          magic 8 | option 4 | type 4 | length 4 | data
 *     SERVER         length 4 | name | description, to the end
 *     INFO           information 2 | as it says:
 *       EXPORT         size 8 | transmission flags 2
 *       NAME           name, to the end
 *       DESCRIPTION    text, to the end
 *       BLOCK_SIZE     minimum 4 | preferred 4 | maximum 4
 *     META_CONTEXT   id 4 | name, to the end
 *     errors         text for people, to the end
 */

import { unreachable } from '../../base/assert.ts';
import { BlockError } from '../../base/errors.ts';
import type { Inflow } from '../inflow.ts';
import { INFO, OPTION_REPLY_MAGIC } from './constants.ts';
import type { ExportFacts } from './greeting.ts';
import { decodeMessage, decodeText, encodeMessage, encodeText } from './texts.ts';
import { getUint64, hasMagic, setMagic, setUint64, viewOf } from './words.ts';

const HEADER_LENGTH = 20;
/** The longest data of a reply that means something: two texts and their lengths, generously. */
const DATA_LENGTH_MAX = 65_536;
const EMPTY = new Uint8Array(0);

export interface OptionReply {
  /** The option that it replies to. */
  readonly option: number;
  /** One of {@link OPTION_REPLY}. */
  readonly type: number;
  readonly data: Uint8Array;
}

export function encodeOptionReply(
  option: number,
  type: number,
  data: Uint8Array = EMPTY,
): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH + data.length);
  const view = viewOf(bytes);
  setMagic(view, 0, OPTION_REPLY_MAGIC);
  view.setUint32(8, option);
  view.setUint32(12, type);
  view.setUint32(16, data.length);
  bytes.set(data, HEADER_LENGTH);
  return bytes;
}

/** Reads replies to options from one connection. */
export class OptionReplyReader {
  #header: Omit<OptionReply, 'data'> | undefined;
  #length = 0;

  /**
   * @returns The next reply, or `undefined` when not all of it has come.
   * @throws {BlockError} `EPROTO` for what is no reply: nothing after it can be understood.
   */
  next(inflow: Inflow): OptionReply | undefined {
    if (!this.#header) {
      if (inflow.length < HEADER_LENGTH) return undefined;
      this.#begin(viewOf(inflow.take(HEADER_LENGTH)));
    }
    const header = this.#header;
    if (!header || inflow.length < this.#length) return undefined;
    this.#header = undefined;
    return { ...header, data: inflow.take(this.#length) };
  }

  #begin(view: DataView): void {
    if (!hasMagic(view, 0, OPTION_REPLY_MAGIC)) throw refuse('its magic is wrong');
    this.#length = view.getUint32(16);
    if (this.#length > DATA_LENGTH_MAX) {
      throw refuse(`its data must not exceed ${DATA_LENGTH_MAX} bytes: ${this.#length}`);
    }
    this.#header = { option: view.getUint32(8), type: view.getUint32(12) };
  }
}

/** An export as LIST tells of it. */
export interface ListedExport {
  readonly name: string;
  /** For people; may be empty. */
  readonly description: string;
}

export function encodeServer({ name, description }: ListedExport): Uint8Array {
  return numbered(encodeText(name), encodeMessage(description));
}

/** @throws {BlockError} `EPROTO` for data that is none of that type; so for those below. */
export function decodeServer(data: Uint8Array): ListedExport {
  const length = demand(data, data.length >= 4).getUint32(0);
  demand(data, data.length >= 4 + length);
  return {
    name: decodeText(data.subarray(4, 4 + length)),
    description: decodeMessage(data.subarray(4 + length)),
  };
}

function numbered(counted: Uint8Array, rest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + counted.length + rest.length);
  viewOf(bytes).setUint32(0, counted.length);
  bytes.set(counted, 4);
  bytes.set(rest, 4 + counted.length);
  return bytes;
}

/** A context that was listed or chosen. */
export interface MetaContext {
  /** What block status calls it; of no meaning in a list. */
  readonly id: number;
  readonly name: string;
}

export function encodeMetaContext({ id, name }: MetaContext): Uint8Array {
  const text = encodeText(name);
  const bytes = new Uint8Array(4 + text.length);
  viewOf(bytes).setUint32(0, id);
  bytes.set(text, 4);
  return bytes;
}

export function decodeMetaContext(data: Uint8Array): MetaContext {
  const id = demand(data, data.length >= 4).getUint32(0);
  return { id, name: decodeText(data.subarray(4)) };
}

/** Bytes: what requests are multiples of, what they best are, and what their data never exceeds. */
export interface BlockSizes {
  readonly minimum: number;
  readonly preferred: number;
  readonly maximum: number;
}

/** What INFO and GO are told of an export. */
export type ExportInfo =
  | ({ readonly kind: 'export' } & ExportFacts)
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'description'; readonly text: string }
  | ({ readonly kind: 'block-size' } & BlockSizes)
  /** Something that is not known here, and may be ignored. */
  | { readonly kind: 'other' };

export function encodeInfo(info: Exclude<ExportInfo, { kind: 'other' }>): Uint8Array {
  switch (info.kind) {
    case 'export': {
      const { bytes, view } = startInfo(INFO.EXPORT, 10);
      setUint64(view, 2, info.size);
      view.setUint16(10, info.flags);
      return bytes;
    }
    case 'block-size': {
      const { bytes, view } = startInfo(INFO.BLOCK_SIZE, 12);
      view.setUint32(2, info.minimum);
      view.setUint32(6, info.preferred);
      view.setUint32(10, info.maximum);
      return bytes;
    }
    case 'name':
      return encodeInfoText(INFO.NAME, encodeText(info.text));
    case 'description':
      return encodeInfoText(INFO.DESCRIPTION, encodeMessage(info.text));
    default:
      return unreachable(info);
  }
}

function encodeInfoText(kind: number, text: Uint8Array): Uint8Array {
  const { bytes } = startInfo(kind, text.length);
  bytes.set(text, 2);
  return bytes;
}

function startInfo(kind: number, length: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(2 + length);
  const view = viewOf(bytes);
  view.setUint16(0, kind);
  return { bytes, view };
}

export function decodeInfo(data: Uint8Array): ExportInfo {
  const view = demand(data, data.length >= 2);
  switch (view.getUint16(0)) {
    case INFO.EXPORT:
      demand(data, data.length === 12);
      return { kind: 'export', size: getUint64(view, 2), flags: view.getUint16(10) };
    case INFO.BLOCK_SIZE:
      demand(data, data.length === 14);
      return {
        kind: 'block-size',
        minimum: view.getUint32(2),
        preferred: view.getUint32(6),
        maximum: view.getUint32(10),
      };
    case INFO.NAME:
      return { kind: 'name', text: decodeText(data.subarray(2)) };
    case INFO.DESCRIPTION:
      return { kind: 'description', text: decodeMessage(data.subarray(2)) };
    default:
      return { kind: 'other' };
  }
}

function demand(data: Uint8Array, holds: boolean): DataView {
  if (holds) return viewOf(data);
  throw refuse(`its data cannot have ${data.length} bytes`);
}

function refuse(reason: string): BlockError {
  return new BlockError('EPROTO', 'read an NBD reply to an option', reason);
}
