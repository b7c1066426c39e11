/** What is counted of the guest's requests to a drive. */

import { OperationAccount } from '../../../device/accounting.ts';
import type { GuestRequestType } from '../../../device/request.ts';
import type { Drive } from '../../../machine/drive.ts';
import type { LatencyInterval, LatencyKind } from '../../../machine/drive-histograms.ts';
import type { ValueOf } from '../../../wire/qapi/type.ts';
import type { BlockStats, blockDeviceStats } from '../../schema/block-stats.ts';
import { mediumStatsOf, NO_REQUESTS } from '../nodes/stats.ts';

const NS_PER_MS = 1e6;

/** Describes a drive, and the nodes in it. */
export function driveStatsOf(drive: Drive, nowMs: number): BlockStats {
  const { name, device, medium } = drive;
  const below = medium && mediumStatsOf(medium);
  const highest = below?.stats.wr_highest_offset ?? 0;
  return {
    ...below,
    device: name,
    qdev: device?.qdev,
    stats: { ...NO_REQUESTS, ...countsOf(drive, nowMs), wr_highest_offset: highest },
  };
}

function countsOf(drive: Drive, nowMs: number): Partial<ValueOf<typeof blockDeviceStats>> {
  const { accounts, histograms } = drive;
  const read = sumOf(drive, 'in');
  const write = sumOf(drive, 'out', 'writeZeroes');
  const flush = sumOf(drive, 'flush');
  const unmap = sumOf(drive, 'discard');
  const { lastUseMs, rules } = accounts;
  return {
    rd_bytes: read.bytes,
    wr_bytes: write.bytes,
    unmap_bytes: unmap.bytes,
    rd_operations: read.requests,
    wr_operations: write.requests,
    flush_operations: flush.requests,
    unmap_operations: unmap.requests,
    rd_total_time_ns: totalOf(read),
    wr_total_time_ns: totalOf(write),
    flush_total_time_ns: totalOf(flush),
    unmap_total_time_ns: totalOf(unmap),
    idle_time_ns: lastUseMs === undefined ? undefined : inNs(nowMs - lastUseMs),
    failed_rd_operations: read.failed,
    failed_wr_operations: write.failed,
    failed_flush_operations: flush.failed,
    failed_unmap_operations: unmap.failed,
    invalid_rd_operations: read.invalid,
    invalid_wr_operations: write.invalid,
    invalid_flush_operations: flush.invalid,
    invalid_unmap_operations: unmap.invalid,
    account_invalid: rules.invalid,
    account_failed: rules.failed,
    timed_stats: histograms.intervals.map(intervalOf),
    rd_latency_histogram: histogramOf(drive, 'read'),
    wr_latency_histogram: histogramOf(drive, 'write'),
    flush_latency_histogram: histogramOf(drive, 'flush'),
  };
}

function sumOf({ accounts }: Drive, ...types: readonly GuestRequestType[]): OperationAccount {
  const sum = new OperationAccount();
  for (const type of types) sum.merge(accounts.operations[type]);
  return sum;
}

function totalOf({ latency }: OperationAccount): number {
  return inNs(latency.count * latency.meanMs);
}

function histogramOf({ histograms }: Drive, kind: LatencyKind) {
  const found = histograms.get(kind);
  return found && { boundaries: found.boundaries, bins: found.bins };
}

function intervalOf({ seconds, latencies }: LatencyInterval) {
  const read = latencies.read.summary();
  const write = latencies.write.summary();
  const flush = latencies.flush.summary();
  return {
    interval_length: seconds,
    min_rd_latency_ns: inNs(read.minMs),
    max_rd_latency_ns: inNs(read.maxMs),
    avg_rd_latency_ns: inNs(read.meanMs),
    min_wr_latency_ns: inNs(write.minMs),
    max_wr_latency_ns: inNs(write.maxMs),
    avg_wr_latency_ns: inNs(write.meanMs),
    min_flush_latency_ns: inNs(flush.minMs),
    max_flush_latency_ns: inNs(flush.maxMs),
    avg_flush_latency_ns: inNs(flush.meanMs),
    avg_rd_queue_depth: read.queueDepth,
    avg_wr_queue_depth: write.queueDepth,
  };
}

function inNs(ms: number): number {
  return Math.round(ms * NS_PER_MS);
}
