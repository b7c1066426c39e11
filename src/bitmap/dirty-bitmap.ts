/**
 * Which parts of a disk changed since we last looked.
 *
 * One bit stands for one granule. Marking rounds outward, because a granule that is partly written
 * must be copied whole; clearing demands whole granules, because rounding a clear in either
 * direction would forget a change. The bitmap is passive: nodes mark it, jobs drain it, and it
 * knows neither.
 *
 *     bytes     0        64K       128K      192K  200K (size)
 *     granules  |    0    |    1    |    2    |  3  |
 *     mark(70000, 1)      ^^^^^^^^^^^ granule 1 becomes dirty
 *     mark(200000, 1)                         ^^^^^^^ granule 3 does, which counts 8K
 *
 * The bits are a {@link BitTree}, so looking for the next dirty granule is a handful of steps on a
 * disk of any size, and memory goes with how often clean and dirty parts alternate.
 */

import { alignUp, type ByteRange, isPowerOfTwo } from '../base/ranges.ts';
import { BitTree } from './bit-tree.ts';
import { checksum } from './checksum.ts';
import { deserialiseBits, deserialiseHeader, serialise } from './serialise.ts';

/** The smallest granularity, in bytes. */
export const GRANULARITY_MIN = 512;

/** The largest granularity, in bytes: 2 GiB, QEMU's for bitmaps with names. */
export const GRANULARITY_MAX = 2 ** 31;

export class DirtyBitmap {
  /** The size of the disk, in bytes. */
  readonly size: number;
  /** How many bytes one bit stands for: a power of two. */
  readonly granularity: number;
  readonly #bits: BitTree;
  /** How many bytes the last granule lacks, since the disk ends inside it. */
  readonly #tailLack: number;

  /**
   * Makes a bitmap that is clean.
   *
   * @param size The size of the disk in bytes, from 0 to 2^53 - 1.
   * @param granularity In bytes: a power of two from 512 to 64 MiB.
   * @throws {RangeError} When one of them is something else.
   */
  constructor(size: number, granularity: number) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new RangeError(
        `Cannot create a dirty bitmap: size must be a whole number from 0 to 2^53 - 1: ${size}`,
      );
    }
    if (
      !isPowerOfTwo(granularity) ||
      granularity < GRANULARITY_MIN ||
      granularity > GRANULARITY_MAX
    ) {
      throw new RangeError(
        'Cannot create a dirty bitmap: granularity must be a power of two ' +
          `from ${GRANULARITY_MIN} to ${GRANULARITY_MAX}: ${granularity}`,
      );
    }
    this.size = size;
    this.granularity = granularity;
    this.#bits = new BitTree(Math.ceil(size / granularity));
    this.#tailLack = this.#bits.length * granularity - size;
  }

  /**
   * Makes a bitmap from what {@link DirtyBitmap.serialise} gave.
   *
   * @throws {RangeError} When the bytes are something else, are cut short or have been changed.
   */
  static restore(bytes: Uint8Array): DirtyBitmap {
    const { size, granularity } = deserialiseHeader(bytes);
    const bitmap = new DirtyBitmap(size, granularity);
    deserialiseBits(bytes, bitmap.#bits);
    return bitmap;
  }

  /** How many bytes are dirty: of a last granule that the disk ends inside, only its real ones. */
  get dirtyBytes(): number {
    const bytes = this.#bits.count * this.granularity;
    const tailIsDirty = this.#tailLack > 0 && this.#bits.has(this.#bits.length - 1);
    return tailIsDirty ? bytes - this.#tailLack : bytes;
  }

  /** How many granules are dirty. */
  get dirtyGranules(): number {
    return this.#bits.count;
  }

  /** Whether no granule is dirty. */
  get isClean(): boolean {
    return this.#bits.count === 0;
  }

  /** What the bits occupy, in bytes; some 500 bytes of objects come to it. */
  get memoryBytes(): number {
    return this.#bits.memoryBytes;
  }

  /**
   * Makes every granule dirty that the range touches.
   *
   * @param offset First byte, from 0 to the size.
   * @param length In bytes; 0 marks nothing.
   * @throws {RangeError} When the range does not lie inside the disk.
   */
  mark(offset: number, length: number): void {
    this.#checkRange('mark', offset, length);
    if (length === 0) return;
    const { granularity } = this;
    this.#bits.set(Math.floor(offset / granularity), Math.ceil((offset + length) / granularity));
  }

  /** Makes every granule dirty. */
  markAll(): void {
    this.#bits.set(0, this.#bits.length);
  }

  /**
   * Makes every granule of the range clean.
   *
   * @param offset First byte, a multiple of the granularity.
   * @param length In bytes; the range ends at a multiple of the granularity or with the disk. 0
   *   clears nothing.
   * @throws {RangeError} When the range is not whole granules or does not lie inside the disk.
   */
  clear(offset: number, length: number): void {
    this.#checkRange('clear', offset, length);
    if (length === 0) return;
    const { granularity } = this;
    const first = offset / granularity;
    const end = (offset + length) / granularity;
    const isTail = offset + length === this.size;
    if (!Number.isInteger(first) || !(Number.isInteger(end) || isTail)) {
      throw new RangeError(
        `Cannot clear: the range must be whole granules of ${granularity} bytes: ` +
          `${length} bytes at ${offset}`,
      );
    }
    this.#bits.clear(first, Math.ceil(end));
  }

  /** Makes every granule clean. */
  clearAll(): void {
    this.#bits.clear(0, this.#bits.length);
  }

  /**
   * Tells whether the granule is dirty that a byte lies in.
   *
   * @param offset From 0 to the size - 1.
   * @throws {RangeError} When the disk has no such byte.
   */
  test(offset: number): boolean {
    this.#checkRange('test', offset, 1);
    return this.#bits.has(Math.floor(offset / this.granularity));
  }

  /**
   * Finds the next dirty granules.
   *
   * @param from Where to start, in bytes from 0 to the size; rounded down to a granule.
   * @param lengthMax How many bytes at most, at least 1; rounded down to granules, but to one at
   *   least, so that a range can be longer where `lengthMax` is below the granularity.
   * @returns Adjacent dirty granules that begin at or after `from`, as many as there are, and of a
   *   last one that the disk ends in only the real bytes; `undefined` when no granule is dirty from
   *   there on.
   * @throws {RangeError} When `from` is not inside the disk or `lengthMax` is below 1.
   */
  nextDirty(from: number, lengthMax: number = Number.MAX_SAFE_INTEGER): ByteRange | undefined {
    this.#checkRange('find dirty granules', from, 0);
    if (!(lengthMax >= 1)) {
      throw new RangeError(`Cannot find dirty granules: lengthMax must be 1 or more: ${lengthMax}`);
    }
    const { granularity, size } = this;
    const first = this.#bits.nextSet(this.#granuleAt(from));
    if (first === this.#bits.length) return undefined;
    const endMax = first + Math.max(Math.floor(lengthMax / granularity), 1);
    const end = Math.min(this.#bits.nextClear(first + 1), endMax);
    const offset = first * granularity;
    return { offset, length: Math.min(end * granularity, size) - offset };
  }

  /**
   * Finds the next clean granule.
   *
   * @param from Where to start, in bytes from 0 to the size; rounded down to a granule.
   * @returns The offset of its first byte; `undefined` when every granule from there on is dirty.
   * @throws {RangeError} When `from` is not inside the disk.
   */
  nextClean(from: number): number | undefined {
    this.#checkRange('find a clean granule', from, 0);
    const first = this.#bits.nextClear(this.#granuleAt(from));
    return first === this.#bits.length ? undefined : first * this.granularity;
  }

  /**
   * Goes through the dirty granules, from the first to the last.
   *
   * Each step looks afresh from where the one before ended, so the bitmap may change meanwhile:
   * what becomes dirty ahead is met, what becomes clean ahead is not, what changes behind makes no
   * difference.
   *
   * @param lengthMax As in {@link DirtyBitmap.nextDirty}.
   */
  *ranges(lengthMax?: number): Generator<ByteRange, void, undefined> {
    let range = this.nextDirty(0, lengthMax);
    while (range !== undefined) {
      yield range;
      range = this.nextDirty(range.offset + range.length, lengthMax);
    }
  }

  /**
   * Counts the dirty bytes in a range, which need not be whole granules.
   *
   * @throws {RangeError} When the range does not lie inside the disk.
   */
  countDirty(offset: number, length: number): number {
    this.#checkRange('count dirty bytes', offset, length);
    if (length === 0) return 0;
    const { granularity } = this;
    const end = offset + length;
    const first = Math.floor(offset / granularity);
    const last = Math.ceil(end / granularity) - 1;
    let bytes = this.#bits.countBetween(first, last + 1) * granularity;
    if (this.#bits.has(first)) bytes -= offset - first * granularity;
    if (this.#bits.has(last)) bytes -= (last + 1) * granularity - end;
    return bytes;
  }

  /**
   * Makes every granule dirty that is dirty in another bitmap, or that one of its granules touches.
   *
   * @param other A bitmap of a disk of the same size; its granularity may differ.
   * @throws {RangeError} When the sizes differ.
   */
  merge(other: DirtyBitmap): void {
    if (other.size !== this.size) {
      throw new RangeError(
        `Cannot merge: both bitmaps must be of ${this.size} bytes: ${other.size}`,
      );
    }
    if (other.granularity === this.granularity) {
      this.#bits.merge(other.#bits);
      return;
    }
    let range = other.nextDirty(0);
    while (range !== undefined) {
      this.mark(range.offset, range.length);
      const end = alignUp(range.offset + range.length, this.granularity);
      range = other.nextDirty(Math.min(end, this.size));
    }
  }

  /**
   * Writes the bitmap down; `serialise.ts` draws the format. Equal bitmaps give equal bytes.
   *
   * @returns At most some bytes more than one bit a granule, and some ten bytes for each change
   *   between clean and dirty where those are few.
   */
  serialise(): Uint8Array {
    return serialise(this, this.#bits);
  }

  /**
   * Computes QEMU's fingerprint of a bitmap, that of `x-debug-block-dirty-bitmap-sha256`. It takes
   * a second for some ten billion granules, clean or dirty, since all their bits go into it.
   *
   * @returns SHA-256 in hex.
   */
  checksum(): string {
    return checksum(this.#bits);
  }

  /** @returns The granule a search starts in: past the last one at the very end of the disk. */
  #granuleAt(from: number): number {
    return from === this.size ? this.#bits.length : Math.floor(from / this.granularity);
  }

  #checkRange(action: string, offset: number, length: number): void {
    if (
      Number.isSafeInteger(offset) &&
      Number.isSafeInteger(length) &&
      offset >= 0 &&
      length >= 0 &&
      offset + length <= this.size
    ) {
      return;
    }
    throw new RangeError(
      `Cannot ${action}: the range must lie inside the disk of ${this.size} bytes: ` +
        `${length} bytes at ${offset}`,
    );
  }
}
