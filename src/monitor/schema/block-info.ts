/** What is told of the nodes of a machine, and of the images in them. */

import { enumeration, later, list, optional, struct } from '../../wire/qapi/composites.ts';
import { bool, int, str } from '../../wire/qapi/scalars.ts';
import type { Type } from '../../wire/qapi/type.ts';

const snapshotInfo = struct('SnapshotInfo', {
  id: str,
  name: str,
  'vm-state-size': int,
  'date-sec': int,
  'date-nsec': int,
  'vm-clock-sec': int,
  'vm-clock-nsec': int,
  icount: optional(int),
});

/** An image, with those that it is based on, or that it filters. */
export interface ImageInfo {
  readonly filename: string;
  readonly format: string;
  readonly 'dirty-flag'?: boolean | undefined;
  readonly 'actual-size'?: number | undefined;
  readonly 'virtual-size': number;
  readonly 'cluster-size'?: number | undefined;
  readonly 'backing-image'?: ImageInfo | undefined;
}

const imageInfo: Type<ImageInfo> = struct('ImageInfo', {
  filename: str,
  format: str,
  'dirty-flag': optional(bool),
  'actual-size': optional(int),
  'virtual-size': int,
  'cluster-size': optional(int),
  encrypted: optional(bool),
  compressed: optional(bool),
  'backing-filename': optional(str),
  'full-backing-filename': optional(str),
  'backing-filename-format': optional(str),
  snapshots: optional(list(snapshotInfo)),
  'backing-image': optional(later(() => imageInfo)),
});

export const cacheInfo = struct('BlockdevCacheInfo', {
  writeback: bool,
  direct: bool,
  'no-flush': bool,
});

export const dirtyInfo = struct('BlockDirtyInfo', {
  name: optional(str),
  count: int,
  granularity: int,
  recording: bool,
  busy: bool,
  persistent: bool,
  inconsistent: optional(bool),
});

export const detectZeroes = enumeration('BlockdevDetectZeroesOptions', ['off', 'on', 'unmap']);

/** The limits of a device: bytes and requests a second, of both directions, of reads, of writes. */
export const throttleRates = {
  bps: int,
  bps_rd: int,
  bps_wr: int,
  iops: int,
  iops_rd: int,
  iops_wr: int,
};

/** What may be said beside that: bursts, how long they last, the size of a request, the group. */
export const throttleBursts = {
  bps_max: optional(int),
  bps_rd_max: optional(int),
  bps_wr_max: optional(int),
  iops_max: optional(int),
  iops_rd_max: optional(int),
  iops_wr_max: optional(int),
  bps_max_length: optional(int),
  bps_rd_max_length: optional(int),
  bps_wr_max_length: optional(int),
  iops_max_length: optional(int),
  iops_rd_max_length: optional(int),
  iops_wr_max_length: optional(int),
  iops_size: optional(int),
  group: optional(str),
};

/** A node, and what its device is limited to. */
export const blockDeviceInfo = struct('BlockDeviceInfo', {
  file: str,
  'node-name': optional(str),
  ro: bool,
  drv: str,
  backing_file: optional(str),
  backing_file_depth: int,
  encrypted: bool,
  detect_zeroes: detectZeroes,
  ...throttleRates,
  image: imageInfo,
  ...throttleBursts,
  cache: cacheInfo,
  write_threshold: int,
  'dirty-bitmaps': optional(list(dirtyInfo)),
});
