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
import { alignDown, alignUp, type ByteRange, isPowerOfTwo } from '../base/ranges.ts';
import { isZero, ZEROES } from '../base/zeroes.ts';
import type { BlockDriver, DriverLimits, WriteOptions, WriteZeroesOptions } from './driver.ts';

/** How finely zeroes are looked for in written data: one request for each run of such parts. */
const DETECT_LENGTH = 65_536;

/** A block can be transferred, and zeroed, in one piece: what follows relies on it. */
export function assertLimits({ alignment, transferMax, discardAlignment }: DriverLimits): void {
  assert(isPowerOfTwo(alignment), 'an alignment is a power of two');
  assert(alignment <= Math.min(transferMax, ZEROES.length), 'a block can be transferred whole');
  assert(isPowerOfTwo(discardAlignment), 'a discard unit is a power of two');
  assert(discardAlignment >= alignment, 'a discard unit is one block or more');
}

/** Whether a driver with this alignment takes the range as it is. */
export function isAligned(driver: BlockDriver, offset: number, length: number): boolean {
  const { alignment } = driver.limits;
  if (alignment === 1) return true;
  const end = offset + length;
  return offset % alignment === 0 && (end % alignment === 0 || end === driver.size());
}

/** The whole blocks that a range touches. */
export function blocksAround(driver: BlockDriver, { offset, length }: ByteRange): ByteRange {
  const { alignment } = driver.limits;
  const start = alignDown(offset, alignment);
  const end = Math.min(alignUp(offset + length, alignment), driver.size());
  return { offset: start, length: end - start };
}

export async function readPieces(driver: BlockDriver, offset: number, into: Uint8Array) {
  for (const piece of pieces(driver, offset, into.length, driver.limits.transferMax)) {
    const part = into.subarray(piece.offset - offset, piece.offset - offset + piece.length);
    if (isAligned(driver, piece.offset, piece.length)) {
      await driver.read(piece.offset, part);
    } else {
      const block = blocksAround(driver, piece);
      const bytes = await readBlock(driver, block);
      const start = piece.offset - block.offset;
      part.set(bytes.subarray(start, start + piece.length));
    }
  }
}

export async function writePieces(
  driver: BlockDriver,
  offset: number,
  from: Uint8Array,
  options: WriteOptions,
) {
  for (const piece of pieces(driver, offset, from.length, driver.limits.transferMax)) {
    const part = from.subarray(piece.offset - offset, piece.offset - offset + piece.length);
    await writePiece(driver, piece.offset, part, options);
  }
}

/** Writes data, but runs of zeroes in it as zeroes. */
export async function writeDetectingZeroes(
  driver: BlockDriver,
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
    if (zero) await writeZeroesPieces(driver, offset + start, end - start, options);
    else await writePieces(driver, offset + start, from.subarray(start, end), options);
    start = end;
  }
}

function detectEnd(offset: number): number {
  return alignDown(offset, DETECT_LENGTH) + DETECT_LENGTH;
}

export async function writeZeroesPieces(
  driver: BlockDriver,
  offset: number,
  length: number,
  options: WriteZeroesOptions,
) {
  for (const piece of pieces(driver, offset, length, Number.MAX_SAFE_INTEGER)) {
    if (await zeroPiece(driver, piece, options)) continue;
    if (options.noFallback) {
      throw new BlockError('ENOTSUP', 'zero fast', 'the disk has to be sent the zeroes');
    }
    const lengthMax = Math.min(ZEROES.length, driver.limits.transferMax);
    for (const part of pieces(driver, piece.offset, piece.length, lengthMax)) {
      await writePiece(driver, part.offset, ZEROES.subarray(0, part.length), options);
    }
  }
}

/** @returns Whether the driver did it. */
async function zeroPiece(driver: BlockDriver, piece: ByteRange, options: WriteZeroesOptions) {
  if (!driver.writeZeroes) return false;
  if (!isAligned(driver, piece.offset, piece.length)) return false;
  try {
    await driver.writeZeroes(piece.offset, piece.length, options);
    return true;
  } catch (error) {
    if (error instanceof BlockError && error.code === 'ENOTSUP') return false;
    throw error;
  }
}

/**
 * Discards the whole discard units within the range: it is advice, and the rest is not worth it.
 */
export async function discardInside(driver: BlockDriver, offset: number, length: number) {
  const unit = driver.limits.discardAlignment;
  const start = alignUp(offset, unit);
  const end = offset + length === driver.size() ? driver.size() : alignDown(offset + length, unit);
  if (end > start) await driver.discard?.(start, end - start);
}

async function writePiece(
  driver: BlockDriver,
  offset: number,
  from: Uint8Array,
  options: WriteOptions,
) {
  if (isAligned(driver, offset, from.length)) {
    await driver.write(offset, from, options);
    return;
  }
  const block = blocksAround(driver, { offset, length: from.length });
  const bytes = await readBlock(driver, block);
  bytes.set(from, offset - block.offset);
  await driver.write(block.offset, bytes, options);
}

async function readBlock(driver: BlockDriver, { offset, length }: ByteRange): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await driver.read(offset, bytes);
  return bytes;
}

/** Cuts a range into a head and a tail within one block each, and a middle of whole blocks. */
function* pieces(
  driver: BlockDriver,
  offset: number,
  length: number,
  lengthMax: number,
): Generator<ByteRange> {
  const { alignment } = driver.limits;
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
