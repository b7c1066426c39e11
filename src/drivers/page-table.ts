/**
 * The pages of a memory disk by their index, of which any may be missing.
 *
 *     page index   ... 130 | 131 | 132 ...
 *                        |
 *       tables (Map)     +--> table 2: [ page 128 | - | page 130 | ... | - ]     64 slots
 *       index (bitmap)   ... 1 0 1 ...
 *
 * Lookups go through the tables. What is missing over how long is asked of a bitmap with one bit
 * for each page, which costs the same in an empty petabyte as in a full megabyte.
 *
 * A page is small, so that pages written far apart cost little more than themselves; 4 KiB, because
 * requests of a whole page are the commonest of all and need no window on the page, which is an
 * allocation: with pages of 64 KiB they took a third longer. A table is small for the first reason;
 * from 16 to 1024 slots made no difference to reading.
 */

import type { ByteRange } from '../base/ranges.ts';
import { DirtyBitmap } from '../bitmap/dirty-bitmap.ts';
import { PAGE_LENGTH, type PagePool } from './page-pool.ts';

const TABLE_PAGES = 64;

interface Table {
  readonly pages: (Uint8Array | undefined)[];
  used: number;
}

export class PageTable {
  readonly #pool: PagePool;
  readonly #tables = new Map<number, Table>();
  #present: DirtyBitmap;
  /** The table that was used last, and its index; none has the index -1. */
  #last: Table | undefined;
  #lastIndex = -1;

  /**
   * @param size The size of the disk, in bytes.
   * @param pool Where its pages come from.
   */
  constructor(size: number, pool: PagePool) {
    this.#pool = pool;
    this.#present = new DirtyBitmap(size, PAGE_LENGTH);
  }

  /** How many bytes of pages there are. */
  get bytes(): number {
    return this.#present.dirtyGranules * PAGE_LENGTH;
  }

  /** The pages that are there, one a granule; it is the table's own. */
  get present(): DirtyBitmap {
    return this.#present;
  }

  /** @returns The page, or nothing where it is missing. */
  find(index: number): Uint8Array | undefined {
    const tableIndex = Math.floor(index / TABLE_PAGES);
    if (tableIndex !== this.#lastIndex) {
      this.#last = this.#tables.get(tableIndex);
      this.#lastIndex = tableIndex;
    }
    return this.#last?.pages[index - tableIndex * TABLE_PAGES];
  }

  /**
   * Counts the pages from `index` on that lie one behind the other in memory, as those do that were
   * added together.
   *
   * @param first The page at `index`.
   * @param countMax At least 1.
   */
  countAdjacent(index: number, first: Uint8Array, countMax: number): number {
    const { buffer, byteOffset } = first;
    for (let count = 1; count < countMax; count += 1) {
      const next = this.find(index + count);
      if (next?.buffer !== buffer || next.byteOffset !== byteOffset + count * PAGE_LENGTH) {
        return count;
      }
    }
    return countMax;
  }

  /** Adds a page, in the place of another if there is one. @returns It, with anything in it. */
  add(index: number): Uint8Array {
    const page = this.#pool.take();
    this.#put(index, page);
    this.#present.mark(index * PAGE_LENGTH, 1);
    return page;
  }

  /** Adds pages in use of its pool, from `index` on, in the place of those that are there. */
  addAll(index: number, pages: readonly Uint8Array[]): void {
    let at = index;
    for (const page of pages) {
      this.#put(at, page);
      at += 1;
    }
    this.#present.mark(index * PAGE_LENGTH, pages.length * PAGE_LENGTH);
  }

  /** Drops the pages of a range, given in bytes, that begins with a page and ends with one. */
  drop({ offset, length }: ByteRange): void {
    const end = offset + length;
    let range = this.#present.nextDirty(offset);
    while (range && range.offset < end) {
      const rangeEnd = Math.min(range.offset + range.length, end);
      for (let at = range.offset; at < rangeEnd; at += PAGE_LENGTH) this.#remove(at / PAGE_LENGTH);
      range = this.#present.nextDirty(rangeEnd);
    }
    this.#present.clear(offset, length);
  }

  /** Whether the page that the byte is in is there. */
  has(offset: number): boolean {
    return this.#present.test(offset);
  }

  /** @returns Where the first page begins that is there, from that of `offset`; else `size`. */
  nextPresent(offset: number): number {
    return this.#present.nextDirty(offset, PAGE_LENGTH)?.offset ?? this.#present.size;
  }

  /** @returns Where the first page begins that is missing, from that of `offset`; else `size`. */
  nextMissing(offset: number): number {
    return this.#present.nextClean(offset) ?? this.#present.size;
  }

  /** Changes the size of the disk; no page is beyond the new one. */
  resize(size: number): void {
    this.#present = resized(this.#present, size);
  }

  #put(index: number, page: Uint8Array): void {
    const tableIndex = Math.floor(index / TABLE_PAGES);
    let table = this.#tables.get(tableIndex);
    if (!table) {
      table = { pages: new Array(TABLE_PAGES).fill(undefined), used: 0 };
      this.#tables.set(tableIndex, table);
      this.#last = table;
      this.#lastIndex = tableIndex;
    }
    const slot = index - tableIndex * TABLE_PAGES;
    const former = table.pages[slot];
    table.pages[slot] = page;
    if (former) this.#pool.giveBack(former);
    else table.used += 1;
  }

  #remove(index: number): void {
    const tableIndex = Math.floor(index / TABLE_PAGES);
    const slot = index - tableIndex * TABLE_PAGES;
    const table = this.#tables.get(tableIndex);
    const page = table?.pages[slot];
    if (!table || !page) return;
    table.pages[slot] = undefined;
    table.used -= 1;
    // If it was used last it still is: all its pages are missing, as they are without it.
    if (table.used === 0) this.#tables.delete(tableIndex);
    this.#pool.giveBack(page);
  }
}

/** @returns A bitmap of another size with the same marks, as far as they are within that. */
export function resized(bitmap: DirtyBitmap, size: number): DirtyBitmap {
  const result = new DirtyBitmap(size, bitmap.granularity);
  for (const { offset, length } of bitmap.ranges()) {
    if (offset >= size) break;
    result.mark(offset, Math.min(length, size - offset));
  }
  return result;
}
