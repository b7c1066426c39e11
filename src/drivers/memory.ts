/**
 * A disk in memory, gone when it is closed.
 *
 * It is sparse: what was never written is zero and costs nothing, so that an empty disk of 1 PiB is
 * as cheap as one of 1 MiB. See {@link PageTable} for how pages are found and why they are 4 KiB.
 *
 * Every request completes at once, and one of whole pages allocates nothing but the pages it is the
 * first to write.
 */

import { alignDown, alignUp } from '../base/ranges.ts';
import { type BlockDriver, type BlockExtent, defineDriver } from '../block/driver.ts';
import { required, unsigned } from '../block/options.ts';
import { PAGE_LENGTH } from './page-pool.ts';
import { PageTable } from './page-table.ts';

export const memory = defineDriver(
  {
    /** Bytes. */
    size: required(unsigned),
  },
  {
    summary: 'A sparse disk in memory',
    async open({ size }) {
      return new MemoryDisk(size);
    },
  },
);

class MemoryDisk implements BlockDriver {
  readonly limits = {
    alignment: 1,
    transferMax: Number.MAX_SAFE_INTEGER,
    discardAlignment: 1,
  };
  // Nothing here is ever more durable than when it is written.
  readonly supports = { forceUnitAccess: true };
  readonly children = [];
  readonly #pages: PageTable;
  #size: number;

  constructor(size: number) {
    this.#size = size;
    this.#pages = new PageTable(size);
  }

  size(): number {
    return this.#size;
  }

  read(offset: number, into: Uint8Array): void {
    const { length } = into;
    let index = Math.floor(offset / PAGE_LENGTH);
    let start = offset - index * PAGE_LENGTH;
    for (let at = 0; at < length; index += 1, start = 0) {
      const count = Math.min(PAGE_LENGTH - start, length - at);
      const page = this.#pages.find(index);
      if (page === undefined) into.fill(0, at, at + count);
      else if (count === PAGE_LENGTH) into.set(page, at);
      else into.set(page.subarray(start, start + count), at);
      at += count;
    }
  }

  write(offset: number, from: Uint8Array): void {
    const { length } = from;
    let index = Math.floor(offset / PAGE_LENGTH);
    let start = offset - index * PAGE_LENGTH;
    for (let at = 0; at < length; index += 1, start = 0) {
      const count = Math.min(PAGE_LENGTH - start, length - at);
      const page = this.#pages.find(index) ?? this.#addPage(index, count);
      page.set(count === length ? from : from.subarray(at, at + count), start);
      at += count;
    }
  }

  flush(): void {}

  writeZeroes(offset: number, length: number): void {
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

  discard(offset: number, length: number): void {
    this.writeZeroes(offset, length);
  }

  blockStatus(offset: number): BlockExtent {
    const isData = this.#pages.has(offset);
    const end = isData ? this.#pages.nextMissing(offset) : this.#pages.nextPresent(offset);
    return { length: end - offset, data: isData, zero: !isData, allocated: true };
  }

  async resize(size: number): Promise<void> {
    if (size < this.#size) this.writeZeroes(size, this.#size - size);
    this.#pages.resize(size);
    this.#size = size;
  }

  async close(): Promise<void> {}

  /** @returns A new page, zeroed unless all its bytes are about to be written. */
  #addPage(index: number, written: number): Uint8Array {
    const page = this.#pages.add(index);
    return written === PAGE_LENGTH ? page : page.fill(0);
  }

  /** Zeroes a range within one page. */
  #clearPart(offset: number, length: number): void {
    if (length === 0) return;
    const index = Math.floor(offset / PAGE_LENGTH);
    const start = offset - index * PAGE_LENGTH;
    this.#pages.find(index)?.fill(0, start, start + length);
  }
}
