/**
 * What a guest learns of its disk before the first request: feature bits and configuration space.
 *
 * Virtio 1.2, sections 5.2.3 ("Feature bits") and 5.2.4 ("Device configuration layout"). The fields
 * have the names of struct virtio_blk_config, in our spelling.
 */

import type { BlockNode } from '../block/node.ts';
import { SEGMENT_SECTORS_MAX, SEGMENTS_MAX } from './check.ts';
import { SECTOR_SIZE } from './request.ts';

/** Bit numbers of the features that this device can offer (VIRTIO_BLK_F_...). */
export const FEATURE = {
  SEG_MAX: 2,
  RO: 5,
  BLK_SIZE: 6,
  FLUSH: 9,
  TOPOLOGY: 10,
  CONFIG_WCE: 11,
  DISCARD: 13,
  WRITE_ZEROES: 14,
} as const;

export type Feature = keyof typeof FEATURE;

/** Block size and alignment that suit the disk; all but the exponent in logical blocks. */
export interface Topology {
  /** Logical blocks in a physical one, as a power of two. */
  readonly physicalBlockExp: number;
  /** Where the first aligned logical block is. */
  readonly alignmentOffset: number;
  readonly minIoSize: number;
  /** 0 is no suggestion. */
  readonly optIoSize: number;
}

/** The configuration space. */
export interface DeviceConfiguration {
  /** Sectors of 512 bytes. */
  readonly capacity: number;
  /** Longest data segment; 0 because there is no limit and VIRTIO_BLK_F_SIZE_MAX is not offered. */
  readonly sizeMax: number;
  /** Most data segments of a request. */
  readonly segMax: number;
  /** Bytes in a logical block. */
  readonly blkSize: number;
  readonly topology: Topology;
  /** Completed writes may still be in a volatile cache, until a flush. */
  readonly writeback: boolean;
  readonly numQueues: number;
  readonly maxDiscardSectors: number;
  readonly maxDiscardSeg: number;
  readonly discardSectorAlignment: number;
  readonly maxWriteZeroesSectors: number;
  readonly maxWriteZeroesSeg: number;
  readonly writeZeroesMayUnmap: boolean;
}

/** What a user may choose of all this; bytes, where it is no number of queues. */
export interface Shape {
  /** A power of two. @default 512 */
  readonly logicalBlockSize?: number | undefined;
  /** A power of two. @default What the disk is aligned to. */
  readonly physicalBlockSize?: number | undefined;
  /** @default The physical block size. */
  readonly minIoSize?: number | undefined;
  /** @default 0, which is no suggestion. */
  readonly optIoSize?: number | undefined;
  /** @default 1 */
  readonly numQueues?: number | undefined;
  /** Features that are not offered. @default None. */
  readonly without?: readonly Feature[];
}

/** What the virtqueue takes of a descriptor chain for itself: the header and the status byte. */
const CHAIN_OVERHEAD = 2;

/** The features that a device offers; they do not change with the node under it. */
export function featuresOf(
  device: { readonly readOnly: boolean },
  { without = [] }: Shape = {},
): ReadonlySet<Feature> {
  const features = Object.keys(FEATURE) as Feature[];
  const absent = device.readOnly ? without : [...without, 'RO'];
  return new Set(features.filter((feature) => !absent.includes(feature)));
}

/**
 * The configuration space as it is now: it follows the node, which a pivot may exchange.
 *
 * A node whose size is no multiple of 512 bytes shows whole sectors only; the rest is out of reach,
 * for a write to a sector of which only a part exists would have to lose the other part.
 */
export function configurationOf(
  node: BlockNode,
  device: { readonly queueSize: number; readonly writeback: boolean },
  shape: Shape = {},
): DeviceConfiguration {
  const { alignment, discardAlignment } = node.limits;
  const { logicalBlockSize = SECTOR_SIZE, optIoSize = 0, numQueues = 1 } = shape;
  const { physicalBlockSize = Math.max(alignment, logicalBlockSize) } = shape;
  const { minIoSize = physicalBlockSize } = shape;
  return {
    capacity: Math.floor(node.size / SECTOR_SIZE),
    sizeMax: 0,
    segMax: Math.max(device.queueSize - CHAIN_OVERHEAD, 1),
    blkSize: logicalBlockSize,
    topology: {
      physicalBlockExp: Math.log2(physicalBlockSize / logicalBlockSize),
      alignmentOffset: 0,
      minIoSize: minIoSize / logicalBlockSize,
      optIoSize: optIoSize / logicalBlockSize,
    },
    writeback: device.writeback,
    numQueues,
    maxDiscardSectors: SEGMENT_SECTORS_MAX,
    maxDiscardSeg: SEGMENTS_MAX,
    discardSectorAlignment: Math.max(discardAlignment / SECTOR_SIZE, 1),
    maxWriteZeroesSectors: SEGMENT_SECTORS_MAX,
    maxWriteZeroesSeg: SEGMENTS_MAX,
    writeZeroesMayUnmap: node.options.unmap,
  };
}
