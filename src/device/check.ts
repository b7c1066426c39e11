/**
 * What the device refuses before it asks the disk.
 *
 * Virtio 1.2, section 5.2.6.2 ("Device Requirements: Device Operation"). Where the specification
 * leaves the status open it is QEMU's: UNSUPP for more segments than the device takes, IOERR for
 * segments that are too long and for sectors that the disk does not have.
 */

import {
  type DiscardRequest,
  type InRequest,
  type OutRequest,
  SECTOR_SIZE,
  type Segment,
  STATUS,
  type Status,
  type WriteZeroesRequest,
} from './request.ts';

/** Most sectors of one segment of a discard or write zeroes request: 2 GiB, as in QEMU. */
export const SEGMENT_SECTORS_MAX = 4_194_303;

/** Most segments of one discard or write zeroes request: what Linux makes use of. */
export const SEGMENTS_MAX = 256;

/**
 * Whether the sectors of a read or write are whole and on the disk.
 *
 * @param size Bytes of the disk. A request is whole sectors, so what is left of a last, partial
 *   sector is out of its reach.
 * @param blockSize What a request is a whole number of.
 */
export function isOnDisk(
  { sector, data }: InRequest | OutRequest,
  size: number,
  blockSize: number = SECTOR_SIZE,
): boolean {
  const { length } = data;
  if (length % blockSize !== 0 || !Number.isInteger(sector) || sector < 0) return false;
  const offset = sector * SECTOR_SIZE;
  return offset % blockSize === 0 && offset + length <= size;
}

/** @returns OK, or the status of a discard or write zeroes request that is refused. */
export function checkSegments(
  { type, segments }: DiscardRequest | WriteZeroesRequest,
  { size, readOnly }: { readonly size: number; readonly readOnly: boolean },
): Status {
  if (segments.length > SEGMENTS_MAX) return STATUS.UNSUPP;
  for (const { unmap, reserved = 0 } of segments) {
    if (reserved !== 0 || (unmap && type === 'discard')) return STATUS.UNSUPP;
  }
  if (readOnly) return STATUS.IOERR;
  return segments.every((segment) => isSegmentOnDisk(segment, size)) ? STATUS.OK : STATUS.IOERR;
}

function isSegmentOnDisk({ sector, sectors }: Segment, size: number): boolean {
  if (!Number.isInteger(sector) || !Number.isInteger(sectors)) return false;
  if (sector < 0 || sectors < 0 || sectors > SEGMENT_SECTORS_MAX) return false;
  return (sector + sectors) * SECTOR_SIZE <= size;
}
