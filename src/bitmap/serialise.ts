/**
 * Dirty bitmaps as bytes, sparse and checked.
 *
 * The bits are cut into words of 32, the last padded with clear bits, and words of a kind are
 * gathered into runs. All numbers are little-endian.
 *
 *     0          8         12            16     24                       end - 4    end
 *     +----------+---------+-------------+------+-----+-----+--- ~ ------+----------+
 *     | MDBITMAP | version | granularity | size | run | run |            | CRC-32   |
 *     | 8 bytes  | u32 = 1 | u32, bytes  | u64  |     |     |            | u32      |
 *     +----------+---------+-------------+------+-----+-----+--- ~ ------+----------+
 *     |<----------------- covered by the CRC, which is zlib's ---------->|
 *
 *     run        +-------+------+-------------------------+     kind 0: clean, all bits clear
 *                | count | kind | words, in a mixed run   |          1: dirty, all bits set
 *                | u48   | u16  | count * u32, bit 0 first|          2: mixed, neither
 *                +-------+------+-------------------------+
 *
 * Neighbouring runs are of different kinds and the counts add up to all words, so a bitmap has
 * exactly one form.
 *
 * Nothing is believed before the CRC has matched, and even then nothing is reserved for a length
 * that was only announced: mixed words are taken from the input one at a time, and a uniform run of
 * any length is a handful of slots in the tree.
 */

import { crc32 } from 'node:zlib';
import type { BitTree } from './bit-tree.ts';
import { CLEAN, FULL } from './node-pool.ts';
import { bitsBetween, lowestBit } from './words.ts';

const MAGIC = new TextEncoder().encode('MDBITMAP');
const VERSION = 1;
const HEADER_LENGTH = 24;
const RUN_HEADER_LENGTH = 8;
const CRC_LENGTH = 4;
const WORD_LENGTH = 4;
const WORD_BITS = 32;

const KIND_CLEAN = 0;
const KIND_DIRTY = 1;
const KIND_MIXED = 2;

/** What is told of a bitmap besides its bits; both in bytes. */
export interface BitmapGeometry {
  readonly size: number;
  readonly granularity: number;
}

/** @returns The bytes that stand for a bitmap. */
export function serialise({ size, granularity }: BitmapGeometry, bits: BitTree): Uint8Array {
  const writer = new Writer();
  for (const byte of MAGIC) writer.uint8(byte);
  writer.uint32(VERSION);
  writer.uint32(granularity);
  writer.uint32(size % 2 ** 32);
  writer.uint32(Math.floor(size / 2 ** 32));

  const runs = new RunWriter(writer);
  bits.walk((firstWord, wordCount, word) => {
    runs.add(KIND_CLEAN, firstWord - runs.position);
    runs.add(word === FULL ? KIND_DIRTY : KIND_MIXED, wordCount);
    if (word !== FULL) writer.uint32(word);
  });
  runs.add(KIND_CLEAN, wordsOf(bits) - runs.position);
  runs.end();

  writer.uint32(crc32(writer.written()));
  return writer.written().slice();
}

/**
 * Checks the bytes as a whole and reads what stands before the runs. Whether there can be a bitmap
 * of such a size and granularity is left to its constructor.
 *
 * @throws {RangeError} When the bytes are no bitmap of this version, or not as they were written.
 */
export function deserialiseHeader(bytes: Uint8Array): BitmapGeometry {
  const isOurs = MAGIC.every((byte, index) => bytes[index] === byte);
  check(isOurs, 'the bytes must begin with MDBITMAP');
  const lengthMin = HEADER_LENGTH + CRC_LENGTH;
  check(bytes.length >= lengthMin, `there must be at least ${lengthMin} bytes: ${bytes.length}`);
  const view = viewOf(bytes);
  const version = view.getUint32(8, true);
  check(version === VERSION, `the version must be ${VERSION}: ${version}`);
  const end = bytes.length - CRC_LENGTH;
  const isIntact = view.getUint32(end, true) === crc32(bytes.subarray(0, end));
  check(isIntact, 'the bytes must match their CRC-32, which these do not');
  return {
    granularity: view.getUint32(12, true),
    size: view.getUint32(16, true) + view.getUint32(20, true) * 2 ** 32,
  };
}

/**
 * Reads the runs.
 *
 * @param bytes What {@link deserialiseHeader} has accepted.
 * @param bits A clear tree of the length that the header asks for.
 * @throws {RangeError} When the runs are not as {@link serialise} writes them; the tree is spoilt
 *   then.
 */
export function deserialiseBits(bytes: Uint8Array, bits: BitTree): void {
  const view = viewOf(bytes);
  const end = bytes.length - CRC_LENGTH;
  const words = wordsOf(bits);
  let position = 0;
  let kindBefore: number | undefined;
  for (let at = HEADER_LENGTH; at < end; ) {
    check(at + RUN_HEADER_LENGTH <= end, 'the last run must not be cut short');
    const count = view.getUint32(at, true) + view.getUint16(at + 4, true) * 2 ** 32;
    const kind = view.getUint16(at + 6, true);
    at += RUN_HEADER_LENGTH;
    check(count > 0, 'a run must not be empty');
    check(kind !== kindBefore, 'neighbouring runs must be of different kinds');
    check(count <= words - position, 'the runs must not go past the end of the disk');
    const inputLength = kind === KIND_MIXED ? count * WORD_LENGTH : 0;
    check(at + inputLength <= end, 'the last run must not be cut short');
    readRun({ kind, position, count, at }, view, bits);
    at += inputLength;
    position += count;
    kindBefore = kind;
  }
  check(position === words, 'the runs must go to the end of the disk');
}

/** `count` words from word `position`; those of a mixed run stand in the input from `at`. */
interface Run {
  readonly kind: number;
  readonly position: number;
  readonly count: number;
  readonly at: number;
}

function readRun({ kind, position, count, at }: Run, input: DataView, bits: BitTree): void {
  switch (kind) {
    case KIND_CLEAN:
      return;
    case KIND_DIRTY: {
      const end = (position + count) * WORD_BITS;
      check(end <= bits.length, 'the padding behind the last granule must be clear');
      bits.set(position * WORD_BITS, end);
      return;
    }
    case KIND_MIXED:
      for (let index = 0; index < count; index += 1) {
        const word = input.getInt32(at + index * WORD_LENGTH, true);
        setBits(word, (position + index) * WORD_BITS, bits);
      }
      return;
    default:
      check(false, `the kind of a run must be 0, 1 or 2: ${kind}`);
  }
}

/** Sets the bits that are set in a word whose bit 0 is the one at `offset`. */
function setBits(word: number, offset: number, bits: BitTree): void {
  check(word !== CLEAN && word !== FULL, 'a word of a mixed run must have both kinds of bit');
  const last = offset + (WORD_BITS - 1) - Math.clz32(word);
  check(last < bits.length, 'the padding behind the last granule must be clear');
  for (let rest = word; rest !== 0; ) {
    const start = lowestBit(rest);
    const clearAbove = ~rest & (-1 << start);
    const end = clearAbove === 0 ? WORD_BITS : lowestBit(clearAbove);
    bits.set(offset + start, offset + end);
    rest &= ~bitsBetween(start, end);
  }
}

/** How many words the bits fill, the last one perhaps in part. */
function wordsOf(bits: BitTree): number {
  return Math.ceil(bits.length / WORD_BITS);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function check(condition: boolean, rule: string): void {
  if (!condition) throw new RangeError(`Cannot restore a dirty bitmap: ${rule}`);
}

/** Gathers words of a kind into runs; the words of a mixed one go to the writer in between. */
class RunWriter {
  readonly #writer: Writer;
  /** Where the header of the open run is. */
  #header = 0;
  #kind: number | undefined;
  #count = 0;
  #position = 0;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /** How many words the runs stand for so far. */
  get position(): number {
    return this.#position;
  }

  add(kind: number, count: number): void {
    if (count === 0) return;
    if (kind !== this.#kind) {
      this.end();
      this.#header = this.#writer.reserve(RUN_HEADER_LENGTH);
      this.#kind = kind;
    }
    this.#count += count;
    this.#position += count;
  }

  /** Writes the header of the open run, now that its count is known. */
  end(): void {
    if (this.#kind === undefined) return;
    const { view } = this.#writer;
    view.setUint32(this.#header, this.#count % 2 ** 32, true);
    view.setUint16(this.#header + 4, Math.floor(this.#count / 2 ** 32), true);
    view.setUint16(this.#header + 6, this.#kind, true);
    this.#count = 0;
  }
}

/** Bytes that grow at their end. */
class Writer {
  #bytes = new Uint8Array(256);
  #view = viewOf(this.#bytes);
  #length = 0;

  /** What is there so far, and some room behind it; stale after the next write. */
  get view(): DataView {
    return this.#view;
  }

  /** Makes room at the end. @returns Where it begins. */
  reserve(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(this.#length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = viewOf(larger);
    }
    return at;
  }

  uint8(value: number): void {
    const at = this.reserve(1);
    this.#bytes[at] = value;
  }

  /** A negative value is taken modulo 2^32, so a signed word is written with the same bits. */
  uint32(value: number): void {
    const at = this.reserve(4);
    this.#view.setUint32(at, value, true);
  }

  /** A view of all that was written. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
