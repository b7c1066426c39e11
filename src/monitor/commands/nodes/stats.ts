/** What is counted of a node, and of those under it. */

import { skipImplicit } from '../../../block/allocation.ts';
import type { BlockNode } from '../../../block/node.ts';
import type { ValueOf } from '../../../wire/qapi/type.ts';
import type { BlockStats, blockDeviceStats } from '../../schema/block-stats.ts';

/** The accounts of what no device has used. */
export const NO_REQUESTS: Omit<ValueOf<typeof blockDeviceStats>, 'wr_highest_offset'> = {
  rd_bytes: 0,
  wr_bytes: 0,
  unmap_bytes: 0,
  rd_operations: 0,
  wr_operations: 0,
  flush_operations: 0,
  unmap_operations: 0,
  rd_total_time_ns: 0,
  wr_total_time_ns: 0,
  flush_total_time_ns: 0,
  unmap_total_time_ns: 0,
  rd_merged: 0,
  wr_merged: 0,
  unmap_merged: 0,
  idle_time_ns: undefined,
  failed_rd_operations: 0,
  failed_wr_operations: 0,
  failed_flush_operations: 0,
  failed_unmap_operations: 0,
  invalid_rd_operations: 0,
  invalid_wr_operations: 0,
  invalid_flush_operations: 0,
  invalid_unmap_operations: 0,
  account_invalid: false,
  account_failed: false,
  timed_stats: [],
  rd_latency_histogram: undefined,
  wr_latency_histogram: undefined,
  flush_latency_histogram: undefined,
};

/** Describes a node; that which it stands on is called its parent, as QEMU has it. */
export function statsOf(node: BlockNode): BlockStats {
  const below = childOf(node);
  return { ...countsOf(node), ...(below && { parent: statsOf(below) }) };
}

/** The same of the node in a drive: what it filters, or has behind it, is its backing besides. */
export function mediumStatsOf(top: BlockNode): BlockStats {
  const node = skipImplicit(top);
  const below = childOf(node);
  const backing = node.filtered ?? node.backing;
  return {
    ...countsOf(node),
    ...(below && { parent: mediumStatsOf(below) }),
    ...(backing && { backing: mediumStatsOf(backing) }),
  };
}

function childOf(node: BlockNode): BlockNode | undefined {
  return node.filtered ?? node.children.find((child) => child !== node.backing);
}

function countsOf(node: BlockNode): BlockStats {
  const discards = node.traits.discards;
  return {
    'node-name': node.name,
    stats: { ...NO_REQUESTS, wr_highest_offset: node.writes.highest },
    ...(discards && {
      'driver-specific': {
        driver: 'file',
        'discard-nb-ok': discards.done,
        'discard-nb-failed': discards.failed,
        'discard-bytes-ok': discards.bytes,
      },
    }),
  };
}
