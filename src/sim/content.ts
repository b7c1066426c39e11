/**
 * What simulated disks hold: each sector is one number over and over, its stamp, and the stamp
 * tells who wrote it. So a sector that is wrong says by itself whether a write was lost, went
 * astray, or came too late.
 *
 *     0                            zeroes
 *     (index + 1) * 2^16 + sector  the guest's request `index`, that sector
 *     0x7e00_0000 + sector         what the source held at first
 *     0x7f00_0000 + sector         what the target held at first
 *     0xdddd_dddd                  what was discarded
 */

import { SECTOR_SIZE } from '../device/request.ts';

const SOURCE_STAMP = 0x7e00_0000;
const TARGET_STAMP = 0x7f00_0000;
const REQUEST_STAMPS = 0x1_0000;
const WORDS = SECTOR_SIZE / 4;

export const ZERO_STAMP = 0;
export const DISCARDED_STAMP = 0xdddd_dddd;
/** What stands for a sector that is not one stamp all over. */
export const TORN_STAMP = 0xffff_ffff;

/** The most requests of a guest, and sectors of a disk, that stamps can tell apart. */
export const REQUESTS_MAX = SOURCE_STAMP / REQUEST_STAMPS - 1;
export const SECTORS_MAX = REQUEST_STAMPS;

/** @returns What a disk holds at first in one sector. */
export function initialStamp(disk: 'source' | 'target', sector: number): number {
  return (disk === 'source' ? SOURCE_STAMP : TARGET_STAMP) + sector;
}

/** @param index Which of its requests the guest writes with. */
export function requestStamp(index: number, sector: number): number {
  return (index + 1) * REQUEST_STAMPS + sector;
}

/** Says in words what a stamp is. */
export function describeStamp(stamp: number): string {
  if (stamp === ZERO_STAMP) return 'zeroes';
  if (stamp === DISCARDED_STAMP) return 'what a discard left';
  if (stamp === TORN_STAMP) return 'parts of several writes';
  const sector = stamp % REQUEST_STAMPS;
  if (stamp >= TARGET_STAMP) return `what the target first held in sector ${sector}`;
  if (stamp >= SOURCE_STAMP) return `what the source first held in sector ${sector}`;
  return `request ${Math.floor(stamp / REQUEST_STAMPS) - 1}'s sector ${sector}`;
}

/** Fills whole sectors of `bytes`, the first of which is `sector`, with what `stampOf` gives. */
export function fillStamps(
  bytes: Uint8Array,
  sector: number,
  stampOf: (sector: number) => number,
): void {
  const words = wordsOf(bytes);
  for (let at = 0; at * WORDS < words.length; at += 1) {
    words.fill(stampOf(sector + at), at * WORDS, (at + 1) * WORDS);
  }
}

/** @returns The stamp of the sector that begins at `offset` in `bytes`. */
export function stampAt(bytes: Uint8Array, offset: number): number {
  const words = wordsOf(bytes);
  const first = offset / 4;
  const stamp = words[first] ?? TORN_STAMP;
  const end = Math.min(first + WORDS, words.length);
  for (let at = first + 1; at < end; at += 1) if (words[at] !== stamp) return TORN_STAMP;
  return stamp;
}

/** As {@link stampAt}, but looks at the first word only: for fingerprints. */
export function firstWordAt(bytes: Uint8Array, offset: number): number {
  const [low = 0, second = 0] = [bytes[offset], bytes[offset + 1]];
  const [third = 0, high = 0] = [bytes[offset + 2], bytes[offset + 3]];
  return (low | (second << 8) | (third << 16) | (high << 24)) >>> 0;
}

/** The bytes as words; buffers of a simulation begin on multiples of 4 bytes. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
}
