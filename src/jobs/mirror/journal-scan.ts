/**
 * The search for bits that say more than is true: granules that the journal calls differing and
 * that are not dirty.
 *
 * A search is bounded twice: by the blocks of bits that would have to be written, so that a guest
 * write that needs the file next does not wait long for them, and by how many runs it finds, so
 * that it does not hold up the event loop. What it did not get to is found by a later one.
 */

import type { ByteRange } from '../../base/ranges.ts';
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { BLOCK_LENGTH } from './journal-format.ts';

/** How many blocks of bits at most: 1 MiB. */
const BLOCKS_MAX = 256;
/** How many runs of granules at most. */
const RUNS_MAX = 16_384;

export class JournalScan {
  readonly #recorded: DirtyBitmap;
  readonly #dirty: DirtyBitmap;
  /** The bytes of disk that one block of bits stands for. */
  readonly #span: number;
  /** What was found. */
  readonly found: DirtyBitmap;
  #runs = 0;
  #blocks = 0;
  #lastBlock = -1;

  /**
   * @param recorded What the journal calls differing.
   * @param dirty What is dirty.
   */
  constructor(recorded: DirtyBitmap, dirty: DirtyBitmap) {
    this.#recorded = recorded;
    this.#dirty = dirty;
    this.#span = BLOCK_LENGTH * 8 * recorded.granularity;
    this.found = new DirtyBitmap(recorded.size, recorded.granularity);
  }

  /** Searches a range of whole granules. @returns Where it stopped: the end, or before it. */
  search({ offset, length }: ByteRange): number {
    const end = offset + length;
    for (let at = offset; at < end; ) {
      const run = this.#recorded.nextDirty(at);
      if (!run || run.offset >= end) return end;
      const runEnd = Math.min(run.offset + run.length, end);
      const stopped = this.#searchRun(run.offset, runEnd);
      if (stopped < runEnd) return stopped;
      at = runEnd;
    }
    return end;
  }

  #searchRun(start: number, end: number): number {
    for (let at = start; at < end; ) {
      const clean = this.#dirty.nextClean(at);
      if (clean === undefined || clean >= end) return end;
      const next = this.#dirty.nextDirty(clean, 1)?.offset ?? end;
      at = Math.min(next, end);
      const taken = this.#take(clean, at);
      if (taken < at) return taken;
    }
    return end;
  }

  /** @returns How far the bounds let it. */
  #take(start: number, end: number): number {
    const first = Math.floor(start / this.#span);
    const left = BLOCKS_MAX - this.#blocks + (first === this.#lastBlock ? 1 : 0);
    if (this.#runs === RUNS_MAX || left === 0) return start;
    const taken = Math.min(end, (first + left) * this.#span);
    this.found.mark(start, taken - start);
    const last = Math.ceil(taken / this.#span) - 1;
    this.#runs += 1;
    this.#blocks += last - first + (first === this.#lastBlock ? 0 : 1);
    this.#lastBlock = last;
    return taken;
  }
}
