/** What is counted of disks and their devices. */

import { later, list, optional, struct, union } from '../../wire/qapi/composites.ts';
import { bool, int, number, str } from '../../wire/qapi/scalars.ts';
import type { Type, ValueOf } from '../../wire/qapi/type.ts';
import { blockdevDriver } from './blockdev.ts';

const timedStats = struct('BlockDeviceTimedStats', {
  interval_length: int,
  min_rd_latency_ns: int,
  max_rd_latency_ns: int,
  avg_rd_latency_ns: int,
  min_wr_latency_ns: int,
  max_wr_latency_ns: int,
  avg_wr_latency_ns: int,
  min_flush_latency_ns: int,
  max_flush_latency_ns: int,
  avg_flush_latency_ns: int,
  avg_rd_queue_depth: number,
  avg_wr_queue_depth: number,
});

const latencyHistogram = struct('BlockLatencyHistogramInfo', {
  boundaries: list(int),
  bins: list(int),
});

export const blockDeviceStats = struct('BlockDeviceStats', {
  rd_bytes: int,
  wr_bytes: int,
  unmap_bytes: int,
  rd_operations: int,
  wr_operations: int,
  flush_operations: int,
  unmap_operations: int,
  rd_total_time_ns: int,
  wr_total_time_ns: int,
  flush_total_time_ns: int,
  unmap_total_time_ns: int,
  wr_highest_offset: int,
  rd_merged: int,
  wr_merged: int,
  unmap_merged: int,
  idle_time_ns: optional(int),
  failed_rd_operations: int,
  failed_wr_operations: int,
  failed_flush_operations: int,
  failed_unmap_operations: int,
  invalid_rd_operations: int,
  invalid_wr_operations: int,
  invalid_flush_operations: int,
  invalid_unmap_operations: int,
  account_invalid: bool,
  account_failed: bool,
  timed_stats: list(timedStats),
  rd_latency_histogram: optional(latencyHistogram),
  wr_latency_histogram: optional(latencyHistogram),
  flush_latency_histogram: optional(latencyHistogram),
});

const specificStats = union('BlockStatsSpecific', {
  members: { driver: blockdevDriver },
  tag: 'driver',
  branches: {
    file: struct('BlockStatsSpecificFile', {
      'discard-nb-ok': int,
      'discard-nb-failed': int,
      'discard-bytes-ok': int,
    }),
  },
});

/** What is counted of one node or device, and of the nodes under it. */
export interface BlockStats {
  readonly device?: string | undefined;
  readonly qdev?: string | undefined;
  readonly 'node-name'?: string | undefined;
  readonly stats: ValueOf<typeof blockDeviceStats>;
  readonly 'driver-specific'?: ValueOf<typeof specificStats> | undefined;
  readonly parent?: BlockStats | undefined;
  readonly backing?: BlockStats | undefined;
}

export const blockStats: Type<BlockStats> = struct('BlockStats', {
  device: optional(str),
  qdev: optional(str),
  'node-name': optional(str),
  stats: blockDeviceStats,
  'driver-specific': optional(specificStats),
  parent: optional(later(() => blockStats)),
  backing: optional(later(() => blockStats)),
});
