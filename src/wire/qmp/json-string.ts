/**
 * What a string token of QMP's JSON stands for.
 *
 * The escapes are those of RFC 8259 and `\'`. A surrogate must be one of a pair, and nothing may be
 * a noncharacter.
 */

import { parseError } from './json-errors.ts';
import {
  type ByteString,
  decodeLeniently,
  isCharacter,
  sequenceAt,
  TextBuilder,
} from './modified-utf8.ts';

/** The length of `\uXXXX`. */
const ESCAPE_LENGTH = 6;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/**
 * @param token The whole token, with its quotes.
 * @throws {BlockError} `EINVAL` for an escape or a byte that stands for no character.
 */
export function decodeString(token: ByteString): string {
  const text = new TextBuilder(token.length);
  for (let at = 1; at < token.length - 1; ) {
    const { codePoint, end } = token[at] === '\\' ? escapeAt(token, at) : sequenceAt(token, at);
    if (codePoint === undefined) throw parseError('invalid UTF-8 sequence in string');
    text.append(codePoint);
    at = end;
  }
  return text.toString();
}

interface Escape {
  readonly codePoint: number;
  readonly end: number;
}

function escapeAt(token: ByteString, at: number): Escape {
  if (token[at + 1] === 'u') return unicodeEscapeAt(token, at);
  const character = SHORT_ESCAPES.get(token.charAt(at + 1));
  if (character === undefined) throw parseError('invalid escape sequence in string');
  return { codePoint: character.charCodeAt(0), end: at + 2 };
}

function unicodeEscapeAt(token: ByteString, at: number): Escape {
  const middle = at + ESCAPE_LENGTH;
  const unit = hexadecimalAt(token, at);
  const isHigh = unit >= 0xd800 && unit <= 0xdbff;
  if (!isHigh || !token.startsWith('\\u', middle)) return escapeOf(unit, token, at, middle);
  const low = hexadecimalAt(token, middle);
  const isPair = low >= 0xdc00 && low <= 0xdfff;
  if (!isPair) return escapeOf(unit, token, at, middle);
  const codePoint = 0x1_0000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
  return escapeOf(codePoint, token, at, middle + ESCAPE_LENGTH);
}

/** The number of an escape, `NaN` unless it has four digits. */
function hexadecimalAt(token: ByteString, at: number): number {
  const digits = token.slice(at + 2, at + ESCAPE_LENGTH);
  return /^[\da-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
}

function escapeOf(codePoint: number, token: ByteString, start: number, end: number): Escape {
  if (isCharacter(codePoint)) return { codePoint, end };
  const written = decodeLeniently(token.slice(start, end));
  throw parseError(`${written} is not a valid Unicode character`);
}
