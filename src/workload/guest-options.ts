/** What a guest is told to do, and the checks of it. */

import { alignDown, type ByteRange } from '../base/ranges.ts';
import { SECTOR_SIZE } from '../device/request.ts';
import type { VirtioBlockDevice } from '../device/virtio-blk.ts';
import { PATTERNS, type Pattern } from './pattern.ts';

/** A guest stops at the first limit it reaches; without one, when it is told to. */
export interface GuestOptions {
  /** Which block comes next. @default 'random' */
  readonly pattern?: Pattern;
  /** Bytes of a request, a multiple of 512 up to 16 MiB. @default 4096 */
  readonly blockSize?: number;
  /**
   * Where on the disk it works, in multiples of 512 bytes; no other guest may write there. What is
   * left at the end after whole blocks is not touched. @default The whole disk.
   */
  readonly area?: ByteRange;
  /** How many of the requests are reads, from 0 to 1. @default 0 */
  readonly readShare?: number;
  /** Requests a second; 0 is one whenever one is done. @default 0 */
  readonly requestsPerSecond?: number;
  /** Most requests in flight, up to the size of the device's queue. @default 32 */
  readonly queueDepth?: number;
  /** Determines blocks, order and content: a whole number from 0 to 2^53 - 1. @default 1 */
  readonly seed?: number;
  /** Limit: how long it issues requests. */
  readonly seconds?: number;
  /** Limit: how many bytes it reads and writes. */
  readonly bytes?: number;
  /** Limit: how many requests it issues. */
  readonly requests?: number;
}

/** {@link GuestOptions}, complete and checked. */
export interface GuestPlan {
  readonly pattern: Pattern;
  readonly blockSize: number;
  /** Whole blocks. */
  readonly area: ByteRange;
  readonly readShare: number;
  readonly requestsPerSecond: number;
  /** At most the number of blocks: two writes never overlap. */
  readonly queueDepth: number;
  readonly seed: number;
  readonly durationMs: number;
  readonly requestsMax: number;
}

/** A buffer of this size for each request in flight is all the memory that a guest's data takes. */
const BLOCK_SIZE_MAX = 16 * 1024 * 1024;

/** @throws {RangeError} For options that contradict the device or one another. */
export function planGuest(device: VirtioBlockDevice, options: GuestOptions): GuestPlan {
  const { pattern = 'random', blockSize = 4096, readShare = 0, requestsPerSecond = 0 } = options;
  const { seed = 1, seconds = Infinity, bytes = Infinity, requests = Infinity } = options;
  const diskSize = device.capacity * SECTOR_SIZE;
  const { area = { offset: 0, length: diskSize } } = options;
  const { queueDepth = Math.min(32, device.queueSize) } = options;
  const sizes = `the block size must be a multiple of ${SECTOR_SIZE} up to ${BLOCK_SIZE_MAX}`;
  demand(isSectors(blockSize) && blockSize > 0 && blockSize <= BLOCK_SIZE_MAX, sizes, blockSize);
  demand(PATTERNS.includes(pattern), `the pattern must be one of ${PATTERNS.join(', ')}`, pattern);
  demand(readShare >= 0 && readShare <= 1, 'the share of reads must be from 0 to 1', readShare);
  demand(readShare === 1 || !device.readOnly, 'a read-only disk is for reads only', readShare);
  demand(
    requestsPerSecond >= 0 && Number.isFinite(requestsPerSecond),
    'the rate must not be negative',
    requestsPerSecond,
  );
  const depths = `the queue depth must be from 1 to ${device.queueSize}`;
  demand(Number.isInteger(queueDepth) && queueDepth >= 1, depths, queueDepth);
  demand(queueDepth <= device.queueSize, depths, queueDepth);
  for (const limit of [seconds, bytes, requests]) {
    demand(limit >= 0, 'a limit must not be negative', limit);
  }
  const isSeed = Number.isSafeInteger(seed) && seed >= 0;
  demand(isSeed, 'the seed must be a whole number from 0 to 2^53 - 1', seed);
  const length = alignDown(area.length, blockSize);
  const place = `${area.offset}+${area.length}`;
  demand(isSectors(area.offset) && isSectors(area.length), 'the area must be sectors', place);
  demand(length > 0, `the area must have a block of ${blockSize} bytes`, place);
  const end = area.offset + area.length;
  demand(end <= diskSize, `the area must lie within ${diskSize} bytes`, place);
  return {
    pattern,
    blockSize,
    area: { offset: area.offset, length },
    readShare,
    requestsPerSecond,
    queueDepth: Math.min(queueDepth, length / blockSize),
    seed,
    durationMs: seconds * 1000,
    requestsMax: Math.min(requests, Math.ceil(bytes / blockSize)),
  };
}

function isSectors(length: number): boolean {
  return Number.isSafeInteger(length) && length >= 0 && length % SECTOR_SIZE === 0;
}

function demand(condition: boolean, rule: string, value: unknown): void {
  if (!condition) throw new RangeError(`Cannot run a guest: ${rule}: ${value}`);
}
