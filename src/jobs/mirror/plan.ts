/**
 * What has to be copied at first: as little as makes the target equal to the source.
 *
 * Where the target reads as zeroes, the zeroes of the source need no copy. It may read so already,
 * or it may be able to get there without being sent zeroes; otherwise everything is dirty, for what
 * an old target holds where the source has a hole would survive.
 *
 * The order matters: the source's status is asked for only after the target is zero and while its
 * writes already mark the bitmap, so a guest write that comes after the question is marked by
 * itself.
 */

import { BlockError } from '../../base/errors.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import type { BlockEdge } from '../../block/edge.ts';
import { extents } from '../../block/extents.ts';
import type { Clock } from '../../env/env.ts';
import type { JobControl } from '../job.ts';

/** Let others run after this many extents. */
const EXTENTS_PER_TURN = 256;

export interface PlanOptions {
  readonly source: BlockEdge;
  readonly target: BlockEdge;
  readonly dirty: DirtyBitmap;
  readonly control: JobControl;
  readonly clock: Clock;
  /** Zeroes may be unmapped on the target. */
  readonly unmap: boolean;
}

/** Marks what has to be copied, and zeroes the target where that spares copies. */
export async function planFullCopy(options: PlanOptions): Promise<void> {
  const { source, target, dirty } = options;
  const whole = { offset: 0, length: source.size };
  if (!(await readsAsZero(options)) && !(await zeroFast(target, options))) {
    dirty.mark(whole.offset, whole.length);
    return;
  }
  let count = 0;
  for await (const extent of extents(source, whole)) {
    if (!extent.zero) dirty.mark(extent.offset, extent.length);
    await breathe(options, ++count);
  }
}

/** Whether the target is known to read as zeroes from end to end. */
async function readsAsZero(options: PlanOptions): Promise<boolean> {
  const whole = { offset: 0, length: options.target.size };
  let count = 0;
  for await (const extent of extents(options.target, whole)) {
    if (!extent.zero) return false;
    await breathe(options, ++count);
  }
  return true;
}

/** @returns Whether the target was zeroed; `false` when that would mean to send zeroes. */
async function zeroFast(target: BlockEdge, { unmap, control }: PlanOptions): Promise<boolean> {
  try {
    await target.writeZeroes(0, target.size, { mayUnmap: unmap, noFallback: true });
    return true;
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    if (error.code === 'ENOTSUP') return false;
    control.report('write');
    throw error;
  }
}

async function breathe({ control, clock }: PlanOptions, count: number): Promise<void> {
  control.leaveIfCancelled();
  if (control.pausing) await control.pausePoint();
  if (count % EXTENTS_PER_TURN === 0) await clock.turn();
}
