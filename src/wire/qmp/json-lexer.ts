/**
 * Cuts bytes into the tokens of QMP's JSON, however they come in pieces.
 *
 * Beyond RFC 8259, strings may be in single quotes; what is in a string and which keywords there
 * are is left to the parser. A byte that cannot go on with the token it comes in makes it stray,
 * and what follows is skipped up to a byte with which something new can begin: a bracket, a comma,
 * a colon, a control character, or `fe` and `ff`, with which a client can make sure of that.
 */

import type { ByteString } from './modified-utf8.ts';

/** What a token is; a stray one is none, and an endless one is longer than any may be. */
export type TokenKind =
  | Structure
  | 'string'
  | 'integer'
  | 'float'
  | 'keyword'
  | 'stray'
  | 'endless';

/** A token and all its bytes. */
export interface Token {
  readonly kind: TokenKind;
  readonly bytes: ByteString;
}

/** The most bytes of the tokens of one value. */
export const TOKEN_SIZE_MAX = 64 * 1024 * 1024;

/** Reads the tokens of one stream. */
export class JsonLexer {
  readonly #take: (token: Token) => void;
  readonly #bytes = new ByteBuilder();
  #state: State = 'start';

  /** @param take Is given each token as soon as it is known to be whole. */
  constructor(take: (token: Token) => void) {
    this.#take = take;
  }

  read(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.#feed(byte);
      if (this.#bytes.length > TOKEN_SIZE_MAX) {
        this.#state = 'start';
        this.#finish('endless');
      }
    }
  }

  /** Ends the token that has begun, for nothing follows; a new stream may begin. */
  end(): void {
    const { ends } = ROWS[this.#state].otherwise;
    if (this.#state !== 'start' && ends) this.#finish(ends);
    this.#state = 'start';
  }

  #feed(byte: number): void {
    const { steps, otherwise } = ROWS[this.#state];
    const { to, ends, takes } = steps[byte] ?? otherwise;
    if (takes) this.#bytes.append(byte);
    this.#state = to;
    if (ends) this.#finish(ends);
    if (!takes) this.#feed(byte); // In a state that takes all bytes.
  }

  #finish(kind: TokenKind | 'nothing'): void {
    const bytes = kind === 'nothing' ? '' : this.#bytes.toString();
    this.#bytes.clear();
    if (kind !== 'nothing') this.#take({ kind, bytes });
  }
}

type Structure = (typeof STRUCTURE)[number];
type State =
  | 'start'
  | 'double-quoted'
  | 'double-quoted escape'
  | 'single-quoted'
  | 'single-quoted escape'
  | 'sign'
  | 'zero'
  | 'digits'
  | 'point'
  | 'fraction'
  | 'exponent'
  | 'exponent sign'
  | 'exponent digits'
  | 'keyword'
  | 'recovery';

/** What a byte does. */
interface Step {
  readonly to: State;
  /** What the bytes are until here, if this is the end of something. */
  readonly ends?: TokenKind | 'nothing';
  /** Whether the byte belongs to them; else it is the first of what follows. */
  readonly takes: boolean;
}

/** What all bytes do in a state. */
interface Row {
  readonly steps: readonly (Step | undefined)[];
  readonly otherwise: Step;
}

const STRUCTURE = ['{', '}', '[', ']', ':', ','] as const;
const SPACE = ' \t\r\n';
const DIGITS = '0123456789';
const DIGITS_NONZERO = '123456789';
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
/** All that may stand in a string, as far as the lexer cares. */
const TEXT = Array.from({ length: 0xfe - 0x20 }, (_, index) =>
  String.fromCharCode(0x20 + index),
).join('');
const SKIPPED = `\t${TEXT.replace(/[[\]{}:,]/g, '')}`;

const STRAY = last('stray', 'recovery');

const ROWS: Readonly<Record<State, Row>> = {
  start: row([
    [SPACE, last('nothing')],
    ...STRUCTURE.map((character) => [character, last(character)] as const),
    ['"', go('double-quoted')],
    ["'", go('single-quoted')],
    ['-', go('sign')],
    ['0', go('zero')],
    [DIGITS_NONZERO, go('digits')],
    [LETTERS, go('keyword')],
  ]),
  'double-quoted': row([
    [TEXT, go('double-quoted')],
    ['\\', go('double-quoted escape')],
    ['"', last('string')],
  ]),
  'double-quoted escape': row([[TEXT, go('double-quoted')]]),
  'single-quoted': row([
    [TEXT, go('single-quoted')],
    ['\\', go('single-quoted escape')],
    ["'", last('string')],
  ]),
  'single-quoted escape': row([[TEXT, go('single-quoted')]]),
  sign: row([
    ['0', go('zero')],
    [DIGITS_NONZERO, go('digits')],
  ]),
  zero: row(
    [
      [DIGITS, STRAY],
      ['.', go('point')],
    ],
    before('integer'),
  ),
  digits: row(
    [
      [DIGITS, go('digits')],
      ['.', go('point')],
      ['eE', go('exponent')],
    ],
    before('integer'),
  ),
  point: row([[DIGITS, go('fraction')]]),
  fraction: row(
    [
      [DIGITS, go('fraction')],
      ['eE', go('exponent')],
    ],
    before('float'),
  ),
  exponent: row([
    ['+-', go('exponent sign')],
    [DIGITS, go('exponent digits')],
  ]),
  'exponent sign': row([[DIGITS, go('exponent digits')]]),
  'exponent digits': row([[DIGITS, go('exponent digits')]], before('float')),
  keyword: row([[LETTERS, go('keyword')]], before('keyword')),
  recovery: row([[SKIPPED, last('nothing', 'recovery')]], before('nothing')),
};

function go(to: State): Step {
  return { to, takes: true };
}

function last(ends: TokenKind | 'nothing', to: State = 'start'): Step {
  return { to, ends, takes: true };
}

function before(ends: TokenKind | 'nothing'): Step {
  return { to: 'start', ends, takes: false };
}

function row(cases: readonly (readonly [ByteString, Step])[], otherwise: Step = STRAY): Row {
  const steps = new Array<Step | undefined>(256).fill(undefined);
  for (const [bytes, step] of cases) {
    for (const byte of Buffer.from(bytes, 'latin1')) steps[byte] = step;
  }
  return { steps, otherwise };
}

const CAPACITY_MIN = 64;
/** What is larger is given back after a token. */
const CAPACITY_KEPT = 64 * 1024;

/** Bytes that grow one by one. */
class ByteBuilder {
  #bytes = Buffer.alloc(CAPACITY_MIN);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(byte: number): void {
    if (this.#length === this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], 2 * this.#length);
    }
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > CAPACITY_KEPT) this.#bytes = Buffer.alloc(CAPACITY_MIN);
  }

  toString(): ByteString {
    return this.#bytes.toString('latin1', 0, this.#length);
  }
}
