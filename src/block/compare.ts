/** Where two disks read differently. */

import { assert } from '../base/assert.ts';
import { alignDown, type ByteRange } from '../base/ranges.ts';
import type { BlockNode } from './node.ts';

/** Bytes read at a time from each disk. */
const CHUNK_LENGTH = 1024 * 1024;
/** Chunks that are read at the same time. */
const CHUNKS_IN_FLIGHT = 4;

export interface CompareOptions {
  /** Differences are told in multiples of this many bytes; it divides a mebibyte. */
  readonly unit: number;
  /** Called now and then with the number of bytes compared so far. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Gives the ranges in which two disks differ, in order. What one disk has beyond the end of the
 * other is compared with zeroes, as `qemu-img compare` does. What both know to be zeroes is not
 * read.
 *
 * @throws {BlockError} What a read failed with.
 */
export async function* differences(
  left: BlockNode,
  right: BlockNode,
  options: CompareOptions,
): AsyncGenerator<ByteRange> {
  let last: ByteRange | undefined;
  for await (const { offset, length } of differingUnits(left, right, options)) {
    if (last && last.offset + last.length === offset) {
      last = { offset: last.offset, length: last.length + length };
    } else {
      if (last) yield last;
      last = { offset, length };
    }
  }
  if (last) yield last;
}

/** Compares chunk after chunk, the next ones being read meanwhile. */
async function* differingUnits(
  left: BlockNode,
  right: BlockNode,
  { unit, onProgress }: CompareOptions,
): AsyncGenerator<ByteRange> {
  const free: Uint8Array[] = Array.from(
    { length: CHUNKS_IN_FLIGHT },
    () => new Uint8Array(2 * CHUNK_LENGTH),
  );
  const reading: Promise<readonly ByteRange[]>[] = [];
  const compare = async (chunk: ByteRange, buffer: Uint8Array) => {
    const found = await compareChunk(left, right, { chunk, buffer, unit });
    free.push(buffer);
    return found;
  };
  for await (const chunk of chunksToRead(left, right)) {
    if (reading.length === CHUNKS_IN_FLIGHT) {
      yield* (await reading.shift()) ?? [];
      onProgress?.(chunk.offset);
    }
    const buffer = free.pop();
    assert(buffer !== undefined, 'a chunk that was compared gives its buffer back');
    const found = compare(chunk, buffer);
    // When one fails the others are not waited for; their failures are the same news.
    found.catch(() => {});
    reading.push(found);
  }
  for (const found of reading) yield* await found;
  onProgress?.(Math.max(left.size, right.size));
}

/** The chunks that are not zeroes on both sides. */
async function* chunksToRead(left: BlockNode, right: BlockNode): AsyncGenerator<ByteRange> {
  const size = Math.max(left.size, right.size);
  for (let at = 0; at < size; ) {
    const zeroes = Math.min(await zeroesAt(left, at, size), await zeroesAt(right, at, size));
    if (zeroes > 0) {
      at += zeroes;
      continue;
    }
    const end = Math.min(alignDown(at, CHUNK_LENGTH) + CHUNK_LENGTH, size);
    yield { offset: at, length: end - at };
    at = end;
  }
}

/** @returns How many bytes from `offset` on are known to be zeroes. */
async function zeroesAt(node: BlockNode, offset: number, size: number): Promise<number> {
  if (offset >= node.size) return size - offset;
  const extent = await node.blockStatus(offset, node.size - offset);
  return extent.zero ? extent.length : 0;
}

interface ChunkToCompare {
  readonly chunk: ByteRange;
  /** Room for the chunk twice. */
  readonly buffer: Uint8Array;
  readonly unit: number;
}

async function compareChunk(
  left: BlockNode,
  right: BlockNode,
  { chunk: { offset, length }, buffer, unit }: ChunkToCompare,
): Promise<readonly ByteRange[]> {
  const a = buffer.subarray(0, length);
  const b = buffer.subarray(CHUNK_LENGTH, CHUNK_LENGTH + length);
  await Promise.all([readPadded(left, offset, a), readPadded(right, offset, b)]);
  if (Buffer.compare(a, b) === 0) return [];
  const found: ByteRange[] = [];
  for (let at = 0; at < length; ) {
    const end = Math.min(alignDown(offset + at, unit) + unit - offset, length);
    const same = Buffer.compare(a.subarray(at, end), b.subarray(at, end)) === 0;
    if (!same) found.push({ offset: offset + at, length: end - at });
    at = end;
  }
  return found;
}

/** Reads a range, with zeroes for what lies beyond the end of the disk. */
async function readPadded(node: BlockNode, offset: number, into: Uint8Array): Promise<void> {
  const within = Math.min(Math.max(node.size - offset, 0), into.length);
  if (within > 0) await node.read(offset, into.subarray(0, within));
  into.fill(0, within);
}
