/** The command `block-latency-histogram-set`. */

import { BlockError } from '../../../base/errors.ts';
import type { LatencyKind } from '../../../machine/drive-histograms.ts';
import { list, optional, struct } from '../../../wire/qapi/composites.ts';
import { str, uint64 } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';
import { findDrive } from './find.ts';

const boundaries = optional(list(uint64));

export const latencyHistogramSet = defineCommand(
  {
    name: 'block-latency-histogram-set',
    summary: 'Counts latencies between boundaries in nanoseconds; without any, no longer',
    arguments: struct('q_obj_block-latency-histogram-set-arg', {
      id: str,
      boundaries,
      'boundaries-read': boundaries,
      'boundaries-write': boundaries,
      'boundaries-flush': boundaries,
    }),
  },
  ({ id, boundaries: all, ...given }, context) => {
    const { drive } = findDrive(context, { id });
    const chosen = {
      read: given['boundaries-read'] ?? all,
      write: given['boundaries-write'] ?? all,
      flush: given['boundaries-flush'] ?? all,
    };
    const entries = Object.entries(chosen) as [LatencyKind, readonly number[] | undefined][];
    if (entries.every(([, each]) => each === undefined)) drive.histograms.clear();
    for (const [kind, each] of entries) {
      if (!each) continue;
      try {
        drive.histograms.set(kind, each);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        const reason = `Device '${id}' set ${kind} boundaries fail`;
        throw new BlockError('EINVAL', 'set boundaries', reason);
      }
    }
  },
);
