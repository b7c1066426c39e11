/**
 * Where a file that began as one hole has been written to.
 *
 * Node can neither ask a file for its holes nor make one. But a file without storage is all zero,
 * and what is written to it from then on passes through here: a part is marked before the write to
 * it begins, so that what is not marked is zero, whatever is under way.
 */

import { alignUp, type ByteRange } from '../base/ranges.ts';
import { DirtyBitmap } from '../bitmap/dirty-bitmap.ts';

const GRANULARITY = 65_536;

export class WrittenMap {
  #marks: DirtyBitmap;

  /** @param size The size of the file, in bytes; all of it is zero. */
  constructor(size: number) {
    this.#marks = new DirtyBitmap(size, GRANULARITY);
  }

  /** Says that a write to the range is about to begin. */
  mark(offset: number, length: number): void {
    this.#marks.mark(offset, length);
  }

  /** Says that everything from `offset` on is zero again. */
  clearFrom(offset: number): void {
    const { size } = this.#marks;
    const start = alignUp(offset, GRANULARITY);
    if (start < size) this.#marks.clear(start, size - start);
  }

  /** Changes the size; what is added is zero. */
  resize(size: number): void {
    const marks = new DirtyBitmap(size, GRANULARITY);
    for (const { offset, length } of this.#marks.ranges()) {
      if (offset >= size) break;
      marks.mark(offset, Math.min(length, size - offset));
    }
    this.#marks = marks;
  }

  /** @returns The first part of the range that may be other than zero; nothing if none may. */
  firstWritten({ offset, length }: ByteRange): ByteRange | undefined {
    const found = this.#marks.nextDirty(offset);
    if (!found) return undefined;
    const start = Math.max(found.offset, offset);
    const end = Math.min(found.offset + found.length, offset + length);
    return end > start ? { offset: start, length: end - start } : undefined;
  }
}
