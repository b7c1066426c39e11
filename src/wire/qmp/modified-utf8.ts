/**
 * Modified UTF-8, as QEMU reads it: U+0000 is `c0 80`, and noncharacters are no text.
 *
 *     0xxxxxxx                     one byte
 *     110xxxxx 10xxxxxx            two, and so on to 1111110x with five that follow
 *
 * A sequence ends before the first byte that does not continue it. One that is longer than it needs
 * to be, beyond Unicode, a surrogate or a noncharacter is invalid as a whole: one replacement
 * character stands for all its bytes.
 */

const REPLACEMENT = 0xfffd;

/** The smallest code points that need two bytes, three, ... */
const CODE_POINT_MIN = [0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000] as const;

/** Bytes as a text of as many characters, each with the number of its byte (latin1). */
export type ByteString = string;

/** What stands at a place of some bytes. */
export interface Sequence {
  /** `undefined` where the sequence is invalid. */
  readonly codePoint: number | undefined;
  /** Where the next one begins. */
  readonly end: number;
}

/** @param at Where to look, before the end. */
export function sequenceAt(bytes: ByteString, at: number): Sequence {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return { codePoint: first, end: at + 1 };
  const length = Math.clz32(~(first << 24)); // As many bytes as there are leading ones.
  if (length === 1 || length > 6) return { codePoint: undefined, end: at + 1 };
  let codePoint = first & (0x7f >> length);
  for (let index = 1; index < length; index += 1) {
    const byte = bytes.charCodeAt(at + index); // Past the end NaN, which continues nothing.
    if ((byte & 0xc0) !== 0x80) return { codePoint: undefined, end: at + index };
    codePoint = codePoint * 64 + (byte & 0x3f);
  }
  const isZero = codePoint === 0 && length === 2;
  const isShortest = codePoint >= (CODE_POINT_MIN[length - 2] as number) || isZero;
  const isValid = isShortest && isCharacter(codePoint);
  return { codePoint: isValid ? codePoint : undefined, end: at + length };
}

/** Whether a code point may stand in a text: it is no surrogate and no noncharacter. */
export function isCharacter(codePoint: number): boolean {
  if (!(codePoint <= 0x10_ffff)) return false; // NaN is none.
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) return false;
  if (codePoint >= 0xfdd0 && codePoint <= 0xfdef) return false;
  return (codePoint & 0xfffe) !== 0xfffe;
}

/** Reads bytes as QEMU prints them in errors: up to a zero, a replacement for what is invalid. */
export function decodeLeniently(bytes: ByteString): string {
  const text = new TextBuilder(bytes.length);
  for (let at = 0; at < bytes.length && bytes[at] !== '\0'; ) {
    const { codePoint, end } = sequenceAt(bytes, at);
    text.append(codePoint ?? REPLACEMENT);
    at = end;
  }
  return text.toString();
}

/** A text that grows by characters, in one piece of memory. */
export class TextBuilder {
  readonly #units: Uint16Array;
  #length = 0;

  /** @param lengthMax The most UTF-16 units that it may have. */
  constructor(lengthMax: number) {
    this.#units = new Uint16Array(lengthMax);
  }

  /** @param codePoint No surrogate. */
  append(codePoint: number): void {
    if (codePoint > 0xffff) {
      this.#units[this.#length] = 0xd800 + ((codePoint - 0x1_0000) >> 10);
      this.#length += 1;
    }
    this.#units[this.#length] = codePoint > 0xffff ? 0xdc00 + (codePoint & 0x3ff) : codePoint;
    this.#length += 1;
  }

  toString(): string {
    return Buffer.from(this.#units.buffer, 0, 2 * this.#length).toString('utf16le');
  }
}
