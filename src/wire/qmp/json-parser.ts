/** Builds the value of which the tokens are all there are, and says what is wrong as QEMU does. */

import { parseError } from './json-errors.ts';
import type { Token, TokenKind } from './json-lexer.ts';
import { decodeString } from './json-string.ts';
import { integerOf, type JsonObject, type JsonValue } from './json-value.ts';

const KEYWORDS: ReadonlyMap<string, JsonValue> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** No integer of 64 bits has more digits; a longer one is not even tried. */
const INTEGER_LENGTH_MAX = 20;

/**
 * @param tokens Those of one value; what follows after its end is not looked at.
 * @throws {BlockError} `EINVAL` for what is no value; the reason is QEMU's text.
 */
export function parseTokens(tokens: readonly Token[]): JsonValue {
  return new Parser(tokens).value();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  value(): JsonValue {
    const { kind, bytes } = this.#next();
    switch (kind) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      case 'string':
        return decodeString(bytes);
      case 'integer':
        return integer(bytes);
      case 'float':
        return Number(bytes);
      case 'keyword':
        return keyword(bytes);
      default:
        throw parseError('expecting value');
    }
  }

  #object(): JsonObject {
    const members = new Map<string, JsonValue>();
    if (this.#skip('}')) return {};
    do this.#member(members);
    while (this.#goesOn('}', 'expected separator in dict'));
    return Object.fromEntries(members);
  }

  #member(members: Map<string, JsonValue>): void {
    const name = this.value();
    if (typeof name !== 'string') throw parseError('key is not a string in object');
    if (this.#next().kind !== ':') throw parseError('missing : in object pair');
    const value = this.value();
    if (members.has(name)) throw parseError('duplicate key');
    members.set(name, value);
  }

  #array(): readonly JsonValue[] {
    const elements: JsonValue[] = [];
    if (this.#skip(']')) return elements;
    do elements.push(this.value());
    while (this.#goesOn(']', 'expected separator in list'));
    return elements;
  }

  #goesOn(end: TokenKind, otherwise: string): boolean {
    const { kind } = this.#next();
    if (kind !== ',' && kind !== end) throw parseError(otherwise);
    return kind === ',';
  }

  #skip(kind: TokenKind): boolean {
    if (this.#tokens[this.#at]?.kind !== kind) return false;
    this.#at += 1;
    return true;
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw parseError('premature EOI');
    this.#at += 1;
    return token;
  }
}

function integer(text: string): number | bigint {
  const exact = text.length <= INTEGER_LENGTH_MAX ? integerOf(BigInt(text)) : undefined;
  return exact ?? Number(text);
}

function keyword(text: string): JsonValue {
  const value = KEYWORDS.get(text);
  if (value === undefined) throw parseError(`invalid keyword '${text}'`);
  return value;
}
