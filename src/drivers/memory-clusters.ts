/**
 * Which clusters of a memory disk are its own, and which read from what is behind it.
 *
 * A cluster goes from unallocated to allocated and never back. So whoever waited for bytes of the
 * backing need only look whether they are still wanted.
 */

import { alignDown, alignUp, type ByteRange } from '../base/ranges.ts';
import { DirtyBitmap } from '../bitmap/dirty-bitmap.ts';
import { resized } from './page-table.ts';

/** A part of the disk that is of one kind from end to end. */
export interface ClusterRun extends ByteRange {
  readonly isAllocated: boolean;
}

export class MemoryClusters {
  /** Bytes in a cluster. */
  readonly clusterSize: number;
  #allocated: DirtyBitmap;

  /**
   * @param size The size of the disk, in bytes.
   * @param clusterSize In bytes, a power of two from 512 to 64 MiB.
   */
  constructor(size: number, clusterSize: number) {
    this.clusterSize = clusterSize;
    this.#allocated = new DirtyBitmap(size, clusterSize);
  }

  /** Allocates every cluster that a range touches. */
  allocate({ offset, length }: ByteRange): void {
    this.#allocated.mark(offset, length);
  }

  /** Allocates every cluster that has a dirty granule; the bitmap is of a disk of the same size. */
  allocateDirty(bitmap: DirtyBitmap): void {
    this.#allocated.merge(bitmap);
  }

  isAllocated(offset: number): boolean {
    return this.#allocated.test(offset);
  }

  /** The clusters that a range touches, the last one as if the disk went on. */
  around({ offset, length }: ByteRange): ByteRange {
    const start = alignDown(offset, this.clusterSize);
    return { offset: start, length: alignUp(offset + length, this.clusterSize) - start };
  }

  /** The clusters that are wholly in a range; the last one is where the disk ends inside it. */
  inside({ offset, length }: ByteRange): ByteRange {
    const end = offset + length;
    const start = alignUp(offset, this.clusterSize);
    const wholeEnd = end === this.#allocated.size ? end : alignDown(end, this.clusterSize);
    return { offset: start, length: Math.max(wholeEnd - start, 0) };
  }

  /**
   * What a change of a range has to copy up: the bytes beside the range in the unallocated ones of
   * its clusters.
   *
   * @param backingSize In bytes; beyond it there is nothing to copy.
   */
  missing({ offset, length }: ByteRange, backingSize: number): readonly ByteRange[] {
    const end = offset + length;
    const sizeMin = Math.min(this.#allocated.size, backingSize);
    const head = [alignDown(offset, this.clusterSize), Math.min(offset, sizeMin)] as const;
    const tail = [end, Math.min(alignUp(end, this.clusterSize), sizeMin)] as const;
    return [head, tail]
      .filter(([from, to]) => from < to && !this.isAllocated(from))
      .map(([from, to]) => ({ offset: from, length: to - from }));
  }

  /** The runs of a range, each looked for when the one before has been dealt with. */
  *runs({ offset, length }: ByteRange): Generator<ClusterRun> {
    for (let at = offset; at < offset + length; ) {
      const run = this.runAt(at, offset + length - at);
      yield run;
      at += run.length;
    }
  }

  /** The run at `offset`, up to `length` bytes of it; what is beyond the disk's end is its own. */
  runAt(offset: number, length: number): ClusterRun {
    const allocated = this.#allocated;
    if (offset >= allocated.size) return { offset, length, isAllocated: true };
    const isAllocated = allocated.test(offset);
    const next = isAllocated ? allocated.nextClean(offset) : allocated.nextDirty(offset, 1)?.offset;
    const end = Math.min(next ?? allocated.size, offset + length);
    return { offset, length: end - offset, isAllocated };
  }

  /** Changes the size of the disk; clusters that are added are unallocated. */
  resize(size: number): void {
    this.#allocated = resized(this.#allocated, size);
  }
}
