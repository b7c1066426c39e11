/**
 * The bytes of a mirror's journal.
 *
 *     0          4096       8192                                        8192 + bits
 *     +----------+----------+--------------------------------- ~ -------+
 *     | header   | header,  | one bit for each granule, bit 0 of byte 0 |
 *     |          | again    | first, filled up with 0 to whole blocks   |
 *     +----------+----------+--------------------------------- ~ -------+
 *
 * A bit is 1 where source and target are known to be the same, and 0 where they may differ. That
 * way round, what was never written or got lost, and so reads as zeroes, errs on the safe side.
 *
 * The header is one block, its numbers little-endian:
 *
 *     0          8         12      16            20         22         24     32           40
 *     +----------+---------+-------+-------------+----------+----------+------+------------+
 *     | MDJOURNL | version | state | granularity | length of the ids   | size | generation |
 *     | 8 bytes  | u32 = 1 | u32   | u32, bytes  | u16      | u16      | u64  | u64        |
 *     +----------+---------+-------+-------------+----------+----------+------+------------+
 *     40                                                           4092     4096
 *     +-----------------------+-----------------------+------------+--------+
 *     | source id, UTF-8      | target id, UTF-8      | zeroes     | CRC-32 |
 *     +-----------------------+-----------------------+------------+--------+
 *
 * The two copies are never being written at the same time, so a write that is torn leaves one. Of
 * two that are intact and differ the higher generation holds, except that one which says `invalid`
 * or `finished` always does: a file only ever becomes less trustworthy while it is in use.
 *
 * The bits have no checksum: they are overwritten in place, and a torn write must leave old bits or
 * new ones, both of which are true.
 */

import { crc32 } from 'node:zlib';
import { alignUp, type ByteRange } from '../../base/ranges.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';

/** What is written at a time, in bytes. */
export const BLOCK_LENGTH = 4096;
/** Where the bits begin, in bytes. */
export const BITS_OFFSET: number = 2 * BLOCK_LENGTH;
/** The longest id, in bytes of UTF-8. */
export const ID_LENGTH_MAX = 1024;

const MAGIC = new TextEncoder().encode('MDJOURNL');
const VERSION = 1;
const IDS_OFFSET = 40;
const CRC_OFFSET = BLOCK_LENGTH - 4;

/**
 * What the bits are worth. `tracking`: they hold, whatever ended the process. `invalid`: they do
 * not, and anything may differ. `finished`: they do not, and the target may be in use for itself.
 */
export type HeaderState = 'tracking' | 'invalid' | 'finished';

const STATES: readonly HeaderState[] = ['tracking', 'invalid', 'finished'];

/** What is told of a journal besides its bits. */
export interface JournalIdentity {
  /** The size of the disks, in bytes. */
  readonly size: number;
  /** Bytes that one bit stands for. */
  readonly granularity: number;
  /** Names the source among all disks there are: at most 1024 bytes of UTF-8. */
  readonly sourceId: string;
  /** Names the target likewise. */
  readonly targetId: string;
}

export interface JournalHeader extends JournalIdentity {
  readonly state: HeaderState;
  /** How often the file was opened or made void, from 1 on. */
  readonly generation: number;
}

/**
 * Writes a header down.
 *
 * @returns One block.
 * @throws {RangeError} When an id is too long.
 */
export function encodeHeader(header: JournalHeader): Uint8Array {
  const { state, granularity, size, generation } = header;
  const block = new Uint8Array(BLOCK_LENGTH);
  const view = new DataView(block.buffer);
  const source = encodeId(header.sourceId);
  const target = encodeId(header.targetId);
  block.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, 1 + STATES.indexOf(state), true);
  view.setUint32(16, granularity, true);
  view.setUint16(20, source.length, true);
  view.setUint16(22, target.length, true);
  view.setBigUint64(24, BigInt(size), true);
  view.setBigUint64(32, BigInt(generation), true);
  block.set(source, IDS_OFFSET);
  block.set(target, IDS_OFFSET + source.length);
  view.setUint32(CRC_OFFSET, crc32(block.subarray(0, CRC_OFFSET)), true);
  return block;
}

/** One copy of the header: read, or what is wrong with it. */
export type DecodedHeader = JournalHeader | { readonly state: 'unreadable'; readonly rule: string };

/**
 * Reads one copy of the header; nothing in it is believed before its CRC has matched.
 *
 * @param block What follows the header is left alone.
 */
export function decodeHeader(block: Uint8Array): DecodedHeader {
  if (!hasMagic(block)) return unreadable('it must begin with MDJOURNL');
  if (block.length < BLOCK_LENGTH) return unreadable('its header must not be cut short');
  const view = new DataView(block.buffer, block.byteOffset, BLOCK_LENGTH);
  if (view.getUint32(CRC_OFFSET, true) !== crc32(block.subarray(0, CRC_OFFSET))) {
    return unreadable('its header must match its CRC-32, which it does not');
  }
  const version = view.getUint32(8, true);
  if (version !== VERSION) return unreadable(`its version must be ${VERSION}: ${version}`);
  const number = view.getUint32(12, true);
  const state = STATES[number - 1];
  if (!state) return unreadable(`its state must be from 1 to ${STATES.length}: ${number}`);
  const targetStart = IDS_OFFSET + view.getUint16(20, true);
  const targetEnd = targetStart + view.getUint16(22, true);
  if (targetEnd > CRC_OFFSET) return unreadable('its ids must lie within its header');
  const text = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    state,
    granularity: view.getUint32(16, true),
    size: Number(view.getBigUint64(24, true)),
    generation: Number(view.getBigUint64(32, true)),
    sourceId: text.decode(block.subarray(IDS_OFFSET, targetStart)),
    targetId: text.decode(block.subarray(targetStart, targetEnd)),
  };
}

/** Whether the bytes begin as a header does, whole or not. */
export function hasMagic(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => bytes[index] === byte);
}

/** @returns The copy that holds, or why none does. */
export function chooseHeader(first: DecodedHeader, second: DecodedHeader): DecodedHeader {
  if (first.state === 'unreadable') return second.state === 'unreadable' ? first : second;
  if (second.state === 'unreadable') return first;
  const newer = second.generation > first.generation ? second : first;
  const older = newer === first ? second : first;
  return newer.state === 'tracking' ? (older.state === 'tracking' ? newer : older) : newer;
}

/** How many bytes the bits fill: whole blocks. */
export function bitsLengthOf({ size, granularity }: Geometry): number {
  return alignUp(Math.ceil(Math.ceil(size / granularity) / 8), BLOCK_LENGTH);
}

/** @returns The bytes, counted from the first one of the bits, in which a range has its bits. */
export function bitsOf({ granularity }: Geometry, { offset, length }: ByteRange): ByteRange {
  const span = 8 * granularity;
  const first = Math.floor(offset / span);
  return { offset: first, length: Math.ceil((offset + length) / span) - first };
}

/**
 * Writes down the bits of a bitmap.
 *
 * @param into Filled whole, with the bits from byte `position` on.
 * @param differing Ranges that may differ as well.
 */
export function encodeBits(
  into: Uint8Array,
  position: number,
  bitmap: DirtyBitmap,
  differing: readonly ByteRange[] = [],
): void {
  const { granularity, size } = bitmap;
  const span = 8 * granularity;
  const start = position * span;
  const end = Math.min((position + into.length) * span, size);
  into.fill(0);
  const bit = (offset: number) => Math.ceil((offset - start) / granularity);
  for (let at = start; at < end; ) {
    const clean = bitmap.nextClean(at);
    if (clean === undefined || clean >= end) break;
    at = Math.min(bitmap.nextDirty(clean, granularity)?.offset ?? size, end);
    writeBits(into, bit(clean), bit(at), true);
  }
  for (const { offset, length } of differing) {
    const from = Math.max(offset, start);
    const to = Math.min(offset + length, end);
    if (from < to) writeBits(into, Math.floor((from - start) / granularity), bit(to), false);
  }
}

/** Marks in a bitmap what may differ, by the bits from byte `position` on. */
export function decodeBits(bytes: Uint8Array, position: number, bitmap: DirtyBitmap): void {
  const { granularity, size } = bitmap;
  let runStart: number | undefined;
  const at = (bit: number) => Math.min((position * 8 + bit) * granularity, size);
  const endRun = (end: number) => {
    if (runStart !== undefined) bitmap.mark(runStart, at(end) - runStart);
    runStart = undefined;
  };
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte === 0x00) {
      runStart ??= at(index * 8);
    } else if (byte === 0xff) {
      endRun(index * 8);
    } else {
      for (let bit = index * 8; bit < index * 8 + 8; bit += 1) {
        if ((byte & (1 << (bit % 8))) === 0) runStart ??= at(bit);
        else endRun(bit);
      }
    }
  }
  endRun(bytes.length * 8);
}

interface Geometry {
  readonly size: number;
  readonly granularity: number;
}

/** Writes the bits from `start` up to and without `end`. */
function writeBits(into: Uint8Array, start: number, end: number, value: boolean): void {
  const firstWhole = Math.min(Math.ceil(start / 8) * 8, end);
  const lastWhole = Math.max(Math.floor(end / 8) * 8, firstWhole);
  for (let bit = start; bit < firstWhole; bit += 1) writeBit(into, bit, value);
  into.fill(value ? 0xff : 0, firstWhole / 8, lastWhole / 8);
  for (let bit = lastWhole; bit < end; bit += 1) writeBit(into, bit, value);
}

function writeBit(into: Uint8Array, bit: number, value: boolean): void {
  const index = Math.floor(bit / 8);
  const mask = 1 << (bit % 8);
  const byte = into[index] ?? 0;
  into[index] = value ? byte | mask : byte & ~mask;
}

function encodeId(id: string): Uint8Array {
  const bytes = new TextEncoder().encode(id);
  if (bytes.length <= ID_LENGTH_MAX) return bytes;
  const rule = `an id must be at most ${ID_LENGTH_MAX} bytes: ${bytes.length}`;
  throw new RangeError(`Cannot make a journal: ${rule}`);
}

function unreadable(rule: string): DecodedHeader {
  return { state: 'unreadable', rule };
}
