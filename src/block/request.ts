/**
 * One checked request as the several that its driver takes.
 *
 *     alignment   |-------|-------|-------|-------|
 *     request          |======================|
 *     pieces           |==|=======|=======|===|
 *                      head  middle (cut at     tail
 *                            transferMax)
 *
 * The middle goes to the driver as it is. Head and tail share their block with bytes that are not
 * the caller's: a read fetches the block and keeps part of it, a write reads the block, changes it
 * and writes it back. The caller holds the lock on the blocks of a write.
 */

import { assert } from '../base/assert.ts';
import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { alignDown, alignUp, type ByteRange, isPowerOfTwo } from '../base/ranges.ts';
import { isZero, ZEROES } from '../base/zeroes.ts';
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.ts';
import type {
  BlockDriver,
  BlockExtent,
  DriverLimits,
  WriteOptions,
  WriteZeroesOptions,
} from './driver.ts';
import type { EdgeParent } from './parent.ts';

/** How finely zeroes are looked for in written data: one request for each run of such parts. */
const DETECT_LENGTH = 65_536;

/** How a change is made, beyond what the driver has to know. */
export interface ChangeOptions extends Partial<WriteOptions> {
  /** A bitmap that the caller looks after by itself, unless the request fails. */
  readonly unmarked?: DirtyBitmap | undefined;
}

/** Where a request goes, and who began it. */
export interface Destination {
  readonly driver: BlockDriver;
  readonly origin: EdgeParent | undefined;
}

/** A block can be transferred, and zeroed, in one piece: what follows relies on it. */
export function assertLimits(limits: DriverLimits): void {
  const { alignment, transferMax, discardAlignment } = limits;
  const { zeroesAlignment = alignment, zeroesMax = zeroesAlignment, discardMax } = limits;
  assert(isPowerOfTwo(alignment), 'an alignment is a power of two');
  assert(alignment <= Math.min(transferMax, ZEROES.length), 'a block can be transferred whole');
  assert(isPowerOfTwo(discardAlignment), 'a discard unit is a power of two');
  assert(discardAlignment >= alignment, 'a discard unit is one block or more');
  assert((discardMax ?? discardAlignment) >= discardAlignment, 'a unit can be discarded whole');
  assert(isPowerOfTwo(zeroesAlignment), 'a unit of zeroes is a power of two');
  assert(zeroesAlignment >= alignment, 'a unit of zeroes is one block or more');
  assert(zeroesMax >= zeroesAlignment, 'a unit can be zeroed whole');
}

/** Whether a range lies within a disk of that size. */
export function isWithin(size: number, offset: number, length: number): boolean {
  // Written so that NaN fails as well.
  if (!(offset >= 0 && length >= 0 && offset + length <= size)) return false;
  return Number.isInteger(offset) && Number.isInteger(length);
}

/** A disk as its errors name it. */
interface NamedDisk {
  readonly name: string;
  readonly size: number;
}

export function outOfRange(disk: NamedDisk, operation: string, range: ByteRange): BlockError {
  const rule = `the range must lie within ${disk.size} bytes`;
  return new BlockError('EINVAL', describe(disk, operation, range), rule);
}

export function readOnlyDisk(disk: NamedDisk, operation: string, range: ByteRange): BlockError {
  return new BlockError('EPERM', describe(disk, operation, range), 'the disk is read-only');
}

function describe(disk: NamedDisk, operation: string, { offset, length }: ByteRange): string {
  return `${operation} ${length} bytes at ${offset} of "${disk.name}"`;
}

/** Whether a driver with this alignment takes the range as it is. */
export function isAligned(
  driver: BlockDriver,
  offset: number,
  length: number,
  alignment: number = driver.limits.alignment,
): boolean {
  if (alignment === 1) return true;
  const end = offset + length;
  return offset % alignment === 0 && (end % alignment === 0 || end === driver.size());
}

/** Whether a driver takes reads and writes of the range as they are, in one piece. */
export function isOnePiece(driver: BlockDriver, offset: number, length: number): boolean {
  return length <= driver.limits.transferMax && isAligned(driver, offset, length);
}

/** The whole blocks that a range touches. */
export function blocksAround(driver: BlockDriver, { offset, length }: ByteRange): ByteRange {
  const { alignment } = driver.limits;
  const start = alignDown(offset, alignment);
  const end = Math.min(alignUp(offset + length, alignment), driver.size());
  return { offset: start, length: end - start };
}

export async function readPieces(from: Destination, offset: number, into: Uint8Array) {
  const { driver, origin } = from;
  for (const piece of pieces(driver, offset, into.length, driver.limits.transferMax)) {
    const part = into.subarray(piece.offset - offset, piece.offset - offset + piece.length);
    if (isAligned(driver, piece.offset, piece.length)) {
      await driver.read(piece.offset, part, origin);
    } else {
      const block = blocksAround(driver, piece);
      const bytes = await readBlock(from, block);
      const start = piece.offset - block.offset;
      part.set(bytes.subarray(start, start + piece.length));
    }
  }
}

export async function writePieces(
  to: Destination,
  offset: number,
  from: Uint8Array,
  options: WriteOptions,
) {
  const { transferMax } = to.driver.limits;
  for (const piece of pieces(to.driver, offset, from.length, transferMax)) {
    const part = from.subarray(piece.offset - offset, piece.offset - offset + piece.length);
    await writePiece(to, piece.offset, part, options);
  }
}

/** Writes data, but runs of zeroes in it as zeroes. */
export async function writeDetectingZeroes(
  to: Destination,
  offset: number,
  from: Uint8Array,
  options: WriteZeroesOptions,
) {
  for (let start = 0; start < from.length; ) {
    // The parts end on multiples of their length, as the disk's own storage does.
    let end = Math.min(detectEnd(offset + start) - offset, from.length);
    const zero = isZero(from.subarray(start, end));
    while (end < from.length) {
      const next = Math.min(end + DETECT_LENGTH, from.length);
      if (isZero(from.subarray(end, next)) !== zero) break;
      end = next;
    }
    if (zero) await writeZeroesPieces(to, offset + start, end - start, options);
    else await writePieces(to, offset + start, from.subarray(start, end), options);
    start = end;
  }
}

function detectEnd(offset: number): number {
  return alignDown(offset, DETECT_LENGTH) + DETECT_LENGTH;
}

export async function writeZeroesPieces(
  to: Destination,
  offset: number,
  length: number,
  options: WriteZeroesOptions,
) {
  const { limits } = to.driver;
  const { alignment, zeroesAlignment = alignment, zeroesMax } = limits;
  const unit = zeroesAlignment;
  for (const piece of pieces(to.driver, offset, length, zeroesMax, unit)) {
    if (await zeroPiece(to, piece, options)) continue;
    if (options.noFallback) {
      throw new BlockError('ENOTSUP', 'zero fast', 'the disk has to be sent the zeroes');
    }
    const lengthMax = Math.min(ZEROES.length, limits.transferMax);
    for (const part of pieces(to.driver, piece.offset, piece.length, lengthMax)) {
      await writePiece(to, part.offset, ZEROES.subarray(0, part.length), options);
    }
  }
}

/** @returns Whether the driver did it. */
async function zeroPiece(
  { driver, origin }: Destination,
  piece: ByteRange,
  options: WriteZeroesOptions,
): Promise<boolean> {
  if (!driver.writeZeroes) return false;
  if (!isAligned(driver, piece.offset, piece.length, driver.limits.zeroesAlignment)) return false;
  try {
    await driver.writeZeroes(piece.offset, piece.length, options, origin);
    return true;
  } catch (error) {
    if (error instanceof BlockError && error.code === 'ENOTSUP') return false;
    throw error;
  }
}

/**
 * Discards the whole discard units within the range: it is advice, and the rest is not worth it.
 */
export async function discardInside(to: Destination, offset: number, length: number) {
  const { driver, origin } = to;
  const { discardAlignment: unit, discardMax = Number.MAX_SAFE_INTEGER } = driver.limits;
  const size = driver.size();
  const start = alignUp(offset, unit);
  const end = offset + length === size ? size : alignDown(offset + length, unit);
  const lengthMax = alignDown(discardMax, unit);
  for (let at = start; at < end; at += lengthMax) {
    await driver.discard?.(at, Math.min(lengthMax, end - at), origin);
  }
}

async function writePiece(
  to: Destination,
  offset: number,
  from: Uint8Array,
  options: WriteOptions,
) {
  const { driver, origin } = to;
  if (isAligned(driver, offset, from.length)) {
    await driver.write(offset, from, options, origin);
    return;
  }
  const block = blocksAround(driver, { offset, length: from.length });
  const bytes = await readBlock(to, block);
  bytes.set(from, offset - block.offset);
  await driver.write(block.offset, bytes, options, origin);
}

async function readBlock(from: Destination, { offset, length }: ByteRange): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await from.driver.read(offset, bytes, from.origin);
  return bytes;
}

/** Cuts a range into a head and a tail within one block each, and a middle of whole blocks. */
function* pieces(
  driver: BlockDriver,
  offset: number,
  length: number,
  lengthMax: number = Number.MAX_SAFE_INTEGER,
  alignment: number = driver.limits.alignment,
): Generator<ByteRange> {
  const middleMax = alignDown(lengthMax, alignment);
  const end = offset + length;
  const wholeEnd = end === driver.size() ? end : alignDown(end, alignment);
  for (let at = offset; at < end; ) {
    let next = alignUp(at, alignment);
    if (next === at) next = at < wholeEnd ? Math.min(wholeEnd, at + middleMax) : end;
    next = Math.min(next, end);
    yield { offset: at, length: next - at };
    at = next;
  }
}

/** What a driver knows of the beginning of a range. */
export function statusOf(driver: BlockDriver, { offset, length }: ByteRange): Pending<BlockExtent> {
  if (!driver.blockStatus || length === 0) {
    return { length, data: true, zero: false, allocated: true };
  }
  const blocks = blocksAround(driver, { offset, length });
  const skipped = offset - blocks.offset;
  const extent = driver.blockStatus(blocks.offset, blocks.length);
  return extent instanceof Promise
    ? extent.then((found) => clip(found, skipped, length))
    : clip(extent, skipped, length);
}

/** The part of an extent that begins `skipped` bytes into it, `length` bytes at most. */
function clip(extent: BlockExtent, skipped: number, length: number): BlockExtent {
  assert(extent.length > skipped, 'an extent reaches what was asked for');
  return { ...extent, length: Math.min(extent.length - skipped, length) };
}
