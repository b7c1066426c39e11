/**
 * Reads JSON values, one after the other, from bytes that come in any pieces, as QEMU does.
 *
 * A value ends when as many brackets of both kinds are closed as were opened, or more; outside of
 * brackets each token is a value. Then it is parsed, so that an error is found at its end, with two
 * exceptions: a stray byte, and a value that is larger than any may be. After an error reading goes
 * on, and what is left of the wrong value is likely to give more of them.
 */

import { BlockError } from '../../base/errors.ts';
import { jsonError } from './json-errors.ts';
import { JsonLexer, TOKEN_SIZE_MAX, type Token } from './json-lexer.ts';
import { parseTokens } from './json-parser.ts';
import type { JsonValue } from './json-value.ts';
import { decodeLeniently } from './modified-utf8.ts';

const TOKEN_COUNT_MAX = 2 * 1024 * 1024;
const NESTING_MAX = 1024;

/** A value, or what is wrong where one was expected. */
export type JsonItem =
  | { readonly kind: 'value'; readonly value: JsonValue }
  | { readonly kind: 'error'; readonly error: BlockError };

/** Reads one stream. */
export class JsonReader {
  readonly #lexer = new JsonLexer((token) => this.#take(token));
  /** Those of the value that has begun, and how many bytes they have. */
  #tokens: Token[] = [];
  #size = 0;
  #braces = 0;
  #brackets = 0;
  #items: JsonItem[] = [];

  /** @returns What has become whole with these bytes. */
  read(bytes: Uint8Array): readonly JsonItem[] {
    this.#lexer.read(bytes);
    return this.#taken();
  }

  /** Ends the stream; a new one may begin. @returns What was not whole until now. */
  end(): readonly JsonItem[] {
    this.#lexer.end();
    if (this.#tokens.length > 0) this.#parse();
    return this.#taken();
  }

  #taken(): readonly JsonItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  #take(token: Token): void {
    this.#count(token);
    const error = this.#refusal(token);
    if (error) {
      this.#emit({ kind: 'error', error });
      return;
    }
    this.#tokens.push(token);
    this.#size += token.bytes.length;
    const isOpen = this.#braces > 0 || this.#brackets > 0;
    const isOverclosed = this.#braces < 0 || this.#brackets < 0;
    if (!isOpen || isOverclosed) this.#parse();
  }

  #count({ kind }: Token): void {
    if (kind === '{') this.#braces += 1;
    if (kind === '}') this.#braces -= 1;
    if (kind === '[') this.#brackets += 1;
    if (kind === ']') this.#brackets -= 1;
  }

  /** @returns What is wrong with a token whatever comes before and after it. */
  #refusal({ kind, bytes }: Token): BlockError | undefined {
    if (kind === 'stray') return jsonError(`JSON parse error, stray '${decodeLeniently(bytes)}'`);
    const isTooLarge = this.#size + bytes.length + 1 > TOKEN_SIZE_MAX;
    if (isTooLarge) return jsonError('JSON token size limit exceeded');
    const isTooMany = this.#tokens.length + 1 > TOKEN_COUNT_MAX;
    if (isTooMany) return jsonError('JSON token count limit exceeded');
    const isTooDeep = this.#braces + this.#brackets > NESTING_MAX;
    return isTooDeep ? jsonError('JSON nesting depth limit exceeded') : undefined;
  }

  #parse(): void {
    try {
      this.#emit({ kind: 'value', value: parseTokens(this.#tokens) });
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      this.#emit({ kind: 'error', error });
    }
  }

  #emit(item: JsonItem): void {
    this.#items.push(item);
    this.#tokens = [];
    [this.#size, this.#braces, this.#brackets] = [0, 0, 0];
  }
}

/**
 * Reads a text that is one value, such as an option that begins with a brace.
 *
 * @throws {BlockError} `EINVAL` for any other text; the reason is QEMU's text.
 */
export function parseJson(text: string): JsonValue {
  const reader = new JsonReader();
  const [item, ...more] = [...reader.read(new TextEncoder().encode(text)), ...reader.end()];
  if (item === undefined) throw jsonError('Expecting a JSON value');
  if (item.kind === 'error') throw item.error;
  if (more.length > 0) throw jsonError('Expecting at most one JSON value');
  return item.value;
}
