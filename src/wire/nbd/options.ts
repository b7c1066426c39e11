/**
 * Options: what a client asks for in the handshake (`doc/proto.md`, "Option types").
 *
 *     option           IHAVEOPT 8 | option 4 | length 4 | data
 *     EXPORT_NAME      name, to the end
 *     INFO, GO         length 4 | name | count 2 | (information 2) ...
 *     *_META_CONTEXT   length 4 | name | count 4 | (length 4 | query) ...
 */

import { BlockError } from '../../base/errors.ts';
import type { Inflow } from '../inflow.ts';
import { OPTION_MAGIC } from './constants.ts';
import { decodeText, encodeText } from './texts.ts';
import { hasMagic, setMagic, viewOf } from './words.ts';

const HEADER_LENGTH = 16;

export interface OptionHeader {
  /** One of {@link OPTION}, or one that nobody knows. */
  readonly option: number;
  /** Bytes of data that follow. */
  readonly length: number;
}

/**
 * @returns The next option, whose data comes next, or `undefined` when not all of its header has
 *   come.
 * @throws {BlockError} `EPROTO` for what is no option: nothing after it can be understood.
 */
export function nextOption(inflow: Inflow): OptionHeader | undefined {
  if (inflow.length < HEADER_LENGTH) return undefined;
  const view = viewOf(inflow.take(HEADER_LENGTH));
  if (!hasMagic(view, 0, OPTION_MAGIC)) {
    throw new BlockError('EPROTO', 'read an NBD option', 'its magic must be "IHAVEOPT"');
  }
  return { option: view.getUint32(8), length: view.getUint32(12) };
}

export function encodeOption(option: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH + data.length);
  const view = viewOf(bytes);
  setMagic(view, 0, OPTION_MAGIC);
  view.setUint32(8, option);
  view.setUint32(12, data.length);
  bytes.set(data, HEADER_LENGTH);
  return bytes;
}

/** The data of INFO and GO. */
export interface InfoRequest {
  readonly name: string;
  /** Of {@link INFO}: what the client would like to be told. */
  readonly wanted: readonly number[];
}

/** @throws {BlockError} `EPROTO` for data that is none of that option; so for those below. */
export function decodeInfoRequest(data: Uint8Array): InfoRequest {
  const fields = new Fields(data);
  const name = fields.text();
  const wanted = fields.list(fields.uint16(), () => fields.uint16());
  fields.end();
  return { name, wanted };
}

export function encodeInfoRequest({ name, wanted }: InfoRequest): Uint8Array {
  const text = encodeText(name);
  const bytes = new Uint8Array(6 + text.length + 2 * wanted.length);
  const view = viewOf(bytes);
  view.setUint32(0, text.length);
  bytes.set(text, 4);
  view.setUint16(4 + text.length, wanted.length);
  for (const [index, kind] of wanted.entries()) view.setUint16(6 + text.length + 2 * index, kind);
  return bytes;
}

/** The data of LIST_META_CONTEXT and SET_META_CONTEXT. */
export interface MetaContextRequest {
  readonly name: string;
  readonly queries: readonly string[];
}

export function decodeMetaContextRequest(data: Uint8Array): MetaContextRequest {
  const fields = new Fields(data);
  const name = fields.text();
  const queries = fields.list(fields.uint32(), () => fields.text());
  fields.end();
  return { name, queries };
}

export function encodeMetaContextRequest({ name, queries }: MetaContextRequest): Uint8Array {
  const texts = [name, ...queries].map(encodeText);
  const total = texts.reduce((sum, text) => sum + 4 + text.length, 4);
  const bytes = new Uint8Array(total);
  const view = viewOf(bytes);
  let at = 0;
  for (const [index, text] of texts.entries()) {
    view.setUint32(at, text.length);
    bytes.set(text, at + 4);
    at += 4 + text.length;
    if (index > 0) continue;
    view.setUint32(at, queries.length);
    at += 4;
  }
  return bytes;
}

/** Takes the fields of an option's data one by one, and refuses what does not fit. */
class Fields {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#view = viewOf(data);
  }

  uint16(): number {
    return this.#view.getUint16(this.#step(2));
  }

  uint32(): number {
    return this.#view.getUint32(this.#step(4));
  }

  text(): string {
    const length = this.uint32();
    const start = this.#step(length);
    return decodeText(this.#data.subarray(start, start + length));
  }

  /** Takes so many fields; no memory is set aside for those that may not be there. */
  list<Field>(count: number, take: () => Field): readonly Field[] {
    const fields: Field[] = [];
    for (let left = count; left > 0; left -= 1) fields.push(take());
    return fields;
  }

  end(): void {
    if (this.#at !== this.#data.length) throw this.#refuse();
  }

  #step(length: number): number {
    const start = this.#at;
    if (length > this.#data.length - start) throw this.#refuse();
    this.#at += length;
    return start;
  }

  #refuse(): BlockError {
    const reason = `${this.#data.length} bytes of data are not what its lengths say`;
    return new BlockError('EPROTO', 'read an NBD option', reason);
  }
}
