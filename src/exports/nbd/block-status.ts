/** The status of blocks, as the extents of a metadata context. */

import type { Pending } from '../../base/pending.ts';
import { alignDown, type ByteRange } from '../../base/ranges.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { statusAbove } from '../../block/allocation.ts';
import type { BlockEdge } from '../../block/edge.ts';
import { ALLOCATION, DIRTY } from '../../wire/nbd/constants.ts';
import type { StatusExtent } from '../../wire/nbd/replies.ts';
import type { ChosenContext } from './meta-contexts.ts';

/** Extents of one reply: a client asks again from where they end. */
export const EXTENTS_MAX = 2048;

/** Looks at the disk for one reply, of which several may come to one extent. */
const LOOKS_MAX = 2 * EXTENTS_MAX;

/** Bytes of one extent, in whole blocks of any size, so that its length fits into 32 bits. */
const COMPACT_LENGTH_MAX = 2 ** 31;

/** How a client wants to be told. */
export interface StatusOptions {
  /** Extents: 1, or {@link EXTENTS_MAX}. */
  readonly countMax: number;
  /** What their lengths are multiples of, but for the end of the range; bytes. */
  readonly minimum: number;
  /** Lengths have 64 bits. */
  readonly extended: boolean;
}

/**
 * Tells what a context says of a range, from its beginning on.
 *
 * @returns Extents that follow one another: one at least, none that goes beyond the range.
 * @throws {BlockError} What the disk failed with.
 */
export function extentsOf(
  { bitmap }: ChosenContext,
  edge: BlockEdge,
  range: ByteRange,
  options: StatusOptions,
): Pending<readonly StatusExtent[]> {
  return bitmap ? dirtyExtents(bitmap, range, options) : allocationExtents(edge, range, options);
}

async function allocationExtents(
  edge: BlockEdge,
  range: ByteRange,
  options: StatusOptions,
): Promise<readonly StatusExtent[]> {
  const list = new ExtentList(range, options, 0);
  while (!list.isFull) {
    const { length, data, zero } = await statusAbove(edge, undefined, list.at, list.left);
    list.add(length, (data ? 0 : ALLOCATION.HOLE) | (zero ? ALLOCATION.ZERO : 0));
  }
  return list.extents;
}

function dirtyExtents(
  bitmap: DirtyBitmap,
  range: ByteRange,
  options: StatusOptions,
): readonly StatusExtent[] {
  const list = new ExtentList(range, options, DIRTY);
  while (!list.isFull) {
    const { at, left } = list;
    if (at >= bitmap.size) {
      // The disk has grown, or is another one now: what lies there may have changed.
      list.add(left, DIRTY);
    } else {
      const isDirty = bitmap.test(at);
      const next = isDirty ? bitmap.nextClean(at) : bitmap.nextDirty(at)?.offset;
      list.add((next ?? bitmap.size) - at, isDirty ? DIRTY : 0);
    }
  }
  return list.extents;
}

/** Extents in the making: neighbours that say the same become one. */
class ExtentList {
  readonly #extents: { length: number; readonly flags: number }[] = [];
  readonly #options: StatusOptions;
  readonly #end: number;
  readonly #unsure: number;
  #at: number;
  #looks = 0;
  #isFull = false;

  /** @param unsure What is said of a block that is not the same throughout. */
  constructor({ offset, length }: ByteRange, options: StatusOptions, unsure: number) {
    this.#at = offset;
    this.#end = offset + length;
    this.#options = options;
    this.#unsure = unsure;
  }

  get extents(): readonly StatusExtent[] {
    return this.#extents;
  }

  /** Where the next extent begins. */
  get at(): number {
    return this.#at;
  }

  /** Bytes of the range that nothing is said of yet. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Whether nothing is left, or nothing more is taken. */
  get isFull(): boolean {
    return this.#isFull || this.left === 0 || this.#looks === LOOKS_MAX;
  }

  /** Adds what is known from {@link ExtentList.at} on, which may go beyond the range. */
  add(known: number, flags: number): void {
    const { minimum } = this.#options;
    this.#looks += 1;
    const whole = known >= this.left ? this.left : alignDown(known, minimum);
    if (whole > 0) this.#push(whole, flags);
    else this.#push(Math.min(minimum, this.left), this.#unsure);
  }

  #push(length: number, flags: number): void {
    const { countMax, extended } = this.#options;
    const lengthMax = extended ? Number.POSITIVE_INFINITY : COMPACT_LENGTH_MAX;
    const last = this.#extents.at(-1);
    if (last && last.flags === flags && last.length + length <= lengthMax) {
      last.length += length;
    } else if (this.#extents.length < countMax) {
      this.#extents.push({ length: Math.min(length, lengthMax), flags });
      this.#isFull = length > lengthMax;
    } else {
      this.#isFull = true;
    }
    this.#at += length;
  }
}
