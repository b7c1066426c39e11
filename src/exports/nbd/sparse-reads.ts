/**
 * Reads of which a part is known to be zeroes: that part is told instead of sent.
 *
 *     | data                | zeroes        | data |      what the disk knows of the range
 *     | chunk with bytes    | hole          | chunk|      the reply
 *
 * What that costs must not exceed what it saves. A hole that is short is read like its neighbours.
 * And a disk that has to ask somebody else, and then knows of no zeroes, is not asked again for
 * some time.
 */

import type { Pending } from '../../base/pending.ts';
import type { ByteRange } from '../../base/ranges.ts';
import type { BlockExtent } from '../../block/driver.ts';
import type { BlockEdge } from '../../block/edge.ts';

/** Reads that are shorter are not looked into, in bytes. */
export const SPARSE_LENGTH_MIN = 32 * 1024;

/** Holes that are shorter are read, in bytes. */
const HOLE_LENGTH_MIN = 16 * 1024;

/** Extents after which the rest of a read is read as it is. */
const EXTENTS_MAX = 32;

/** Reads that are not looked into after one for which that took time and was of no use. */
const READS_SKIPPED = 64;

/** A part of a read. */
export interface SparsePart extends ByteRange {
  readonly isZero: boolean;
}

export class SparseReads {
  readonly #edge: BlockEdge;
  #skips = 0;

  constructor(edge: BlockEdge) {
    this.#edge = edge;
  }

  /**
   * @returns The parts of a range in order, or `undefined` when it is best read as it is.
   * @throws {BlockError} What the disk failed with.
   */
  partsOf(range: ByteRange): Pending<readonly SparsePart[] | undefined> {
    const { offset, length } = range;
    if (length < SPARSE_LENGTH_MIN) return undefined;
    if (this.#skips > 0) {
      this.#skips -= 1;
      return undefined;
    }
    const first = this.#edge.blockStatus(offset, length);
    if (first instanceof Promise) return this.#walk(range, first);
    return first.zero || first.length < length ? this.#walk(range, first) : undefined;
  }

  async #walk(
    { offset, length }: ByteRange,
    first: Pending<BlockExtent>,
  ): Promise<readonly SparsePart[] | undefined> {
    const end = offset + length;
    const parts: { offset: number; length: number; readonly isZero: boolean }[] = [];
    let known: Pending<BlockExtent> = first;
    for (let at = offset, count = 0; at < end; count += 1) {
      if (count > 0) known = this.#edge.blockStatus(at, end - at);
      const extent = await known;
      const isLast = count + 1 === EXTENTS_MAX;
      const found = isLast ? end - at : extent.length;
      const isZero = extent.zero && extent.length >= HOLE_LENGTH_MIN && !isLast;
      const last = parts.at(-1);
      if (last?.isZero === isZero) last.length += found;
      else parts.push({ offset: at, length: found, isZero });
      at += found;
    }
    if (parts.some(({ isZero }) => isZero)) return parts;
    if (first instanceof Promise) this.#skips = READS_SKIPPED;
    return undefined;
  }
}
