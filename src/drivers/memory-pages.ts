/**
 * The bytes of a memory disk, as pages: what was never written is zero and has none.
 *
 * See {@link PageTable} for how pages are found and why they are 4 KiB. A request of one page
 * allocates nothing but that page, if it is the first to write it. In a longer one the pages that
 * lie together in memory are copied as one.
 *
 * A long one need not be copied at all. What is read is shown where it lies: as long as it is lent,
 * whatever changes a page puts another one in its place. And what is written may have come into
 * memory that then is the pages.
 */

import { assert } from '../base/assert.ts';
import { alignDown, alignUp } from '../base/ranges.ts';
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.ts';
import type { Loan } from '../block/driver.ts';
import { PAGE_LENGTH, PagePool } from './page-pool.ts';
import { PageTable } from './page-table.ts';

/** How often one query looks for the end of data that has holes smaller than a cluster. */
const LOOKS_MAX = 64;

/** How long the parts of a loan are on average, in bytes; to gather shorter ones costs more. */
const LENT_LENGTH_MIN = 16 * 1024;

/** What is stored at a place, and up to where that is so. */
export interface StoredExtent {
  readonly isData: boolean;
  /** The first byte, in bytes from the beginning of the disk, that it need not be so for. */
  readonly end: number;
}

export class MemoryPages {
  readonly #pool = new PagePool();
  readonly #pages: PageTable;
  #size: number;

  /** @param size The size of the disk, in bytes. */
  constructor(size: number) {
    this.#size = size;
    this.#pages = new PageTable(size, this.#pool);
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** What has a page is dirty in it; nobody else changes it, and a new size makes a new one. */
  get stored(): DirtyBitmap {
    return this.#pages.present;
  }

  /** Fills `into` with the bytes at `offset`; what is beyond the end is zero. */
  read(offset: number, into: Uint8Array): void {
    const { length } = into;
    for (let at = 0; at < length; ) {
      const part = this.#partAt(offset + at, length - at);
      if (part === undefined) {
        const end = Math.min(alignDown(offset + at, PAGE_LENGTH) + PAGE_LENGTH - offset, length);
        into.fill(0, at, end);
        at = end;
      } else {
        into.set(part, at);
        at += part.length;
      }
    }
  }

  /** Lends the bytes at `offset`, unless some of them have no page, or lie scattered. */
  lend(offset: number, length: number): Loan | undefined {
    const countMax = length / LENT_LENGTH_MIN;
    const parts: Uint8Array[] = [];
    for (let at = 0; at < length; ) {
      const part = this.#partAt(offset + at, length - at);
      if (part === undefined || parts.length >= countMax) return undefined;
      parts.push(part);
      at += part.length;
    }
    return this.#pool.lend(parts);
  }

  /** @returns Memory to be written as `placed` at `offset`, for whole pages. */
  place(offset: number, length: number): Uint8Array | undefined {
    if (offset % PAGE_LENGTH !== 0 || length % PAGE_LENGTH !== 0) return undefined;
    return this.#pool.place(length / PAGE_LENGTH);
  }

  /**
   * Writes the whole of `from`, within the disk.
   *
   * @param placed What {@link MemoryPages.place} gave may become the pages.
   */
  write(offset: number, from: Uint8Array, placed = false): void {
    if (placed && this.#adopt(offset, from)) return;
    const { length } = from;
    this.#openPages(offset, length);
    for (let at = 0; at < length; ) {
      const part = this.#partAt(offset + at, length - at);
      assert(part !== undefined, 'what is written has pages');
      part.set(part.length === length ? from : from.subarray(at, at + part.length));
      at += part.length;
    }
  }

  /** Makes a range read as zeroes, and gives back the pages that are wholly in it. */
  clear(offset: number, length: number): void {
    const end = offset + length;
    const wholeStart = alignUp(offset, PAGE_LENGTH);
    // The last page is whole where the disk ends inside it.
    const wholeEnd = end === this.#size ? end : alignDown(end, PAGE_LENGTH);
    if (wholeStart > wholeEnd) {
      this.#clearPart(offset, length);
      return;
    }
    this.#clearPart(offset, wholeStart - offset);
    this.#pages.drop({ offset: wholeStart, length: wholeEnd - wholeStart });
    this.#clearPart(wholeEnd, end - wholeEnd);
  }

  /** @returns Whether there is a page at `offset`, and up to where the answer is the same. */
  extentAt(offset: number): StoredExtent {
    const isData = this.#pages.has(offset);
    return {
      isData,
      end: isData ? this.#pages.nextMissing(offset) : this.#pages.nextPresent(offset),
    };
  }

  /**
   * As {@link MemoryPages.extentAt}, but a cluster with one page in it is data as a whole.
   *
   * @param clusterSize In bytes, a multiple of the page's. The answer for data may end early, with
   *   a cluster.
   */
  clusterExtentAt(offset: number, clusterSize: number): StoredExtent {
    const size = this.#size;
    const start = alignDown(offset, clusterSize);
    let next = this.#pages.nextPresent(start);
    if (next === size) return { isData: false, end: size };
    if (next >= start + clusterSize) return { isData: false, end: alignDown(next, clusterSize) };
    let end = start;
    for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
      end = Math.min(alignUp(this.#pages.nextMissing(next), clusterSize), size);
      if (end === size) break;
      next = this.#pages.nextPresent(end);
      if (next === size || next >= end + clusterSize) break;
    }
    return { isData: true, end };
  }

  /** Changes the size of the disk; what is added reads as zeroes. */
  resize(size: number): void {
    if (size < this.#size) this.clear(size, this.#size - size);
    this.#pages.resize(size);
    this.#size = size;
  }

  /** @returns The bytes at `offset`, as many as lie together; none where there is no page. */
  #partAt(offset: number, lengthMax: number): Uint8Array | undefined {
    const index = Math.floor(offset / PAGE_LENGTH);
    const start = offset - index * PAGE_LENGTH;
    const page = this.#pages.find(index);
    if (page === undefined) return undefined;
    if (start + lengthMax <= PAGE_LENGTH) {
      return lengthMax === PAGE_LENGTH ? page : page.subarray(start, start + lengthMax);
    }
    const countMax = Math.ceil((start + lengthMax) / PAGE_LENGTH);
    const count = this.#pages.countAdjacent(index, page, countMax);
    const length = Math.min(count * PAGE_LENGTH - start, lengthMax);
    return new Uint8Array(page.buffer, page.byteOffset + start, length);
  }

  /** @returns Whether `from` is now the pages. */
  #adopt(offset: number, from: Uint8Array): boolean {
    const pages = offset % PAGE_LENGTH === 0 ? this.#pool.adopt(from) : undefined;
    if (pages) this.#pages.addAll(offset / PAGE_LENGTH, pages);
    return pages !== undefined;
  }

  /**
   * Sees to it that a range has pages that may be changed. New ones, for those that are missing or
   * lent, have what they had before unless all their bytes are in the range.
   */
  #openPages(offset: number, length: number): void {
    const end = offset + length;
    for (let at = alignDown(offset, PAGE_LENGTH); at < end; at += PAGE_LENGTH) {
      const index = at / PAGE_LENGTH;
      const former = this.#pages.find(index);
      if (former && !this.#pool.isLent(former)) continue;
      const page = this.#pages.add(index);
      if (at >= offset && at + PAGE_LENGTH <= end) continue;
      if (former) page.set(former);
      else page.fill(0);
    }
  }

  /** Zeroes a range within one page. */
  #clearPart(offset: number, length: number): void {
    if (length === 0) return;
    const index = Math.floor(offset / PAGE_LENGTH);
    if (!this.#pages.find(index)) return;
    this.#openPages(offset, length);
    const start = offset - index * PAGE_LENGTH;
    this.#pages.find(index)?.fill(0, start, start + length);
  }
}
