/**
 * What has to be copied at first: as little as makes the target equal to the source.
 *
 * For the whole disk: where the target reads as zeroes, the zeroes of the source need no copy. It
 * may read so already, or it may be able to get there without being sent zeroes; otherwise
 * everything is dirty, for what an old target holds where the source has a hole would survive. For
 * its uppermost image alone: what is allocated there, the rest being the target's backing's.
 *
 * The order matters: what counts is the source's status after the target is zero and while its
 * writes already mark the bitmap, so a guest write that comes after the question is marked by
 * itself. Until the plan is made, guest writes go to the source alone: one that went to the target
 * as well could be zeroed there by what began before it.
 */

import { BlockError } from '../../base/errors.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { layersAbove, nextLayer } from '../../block/allocation.ts';
import type { BlockExtent } from '../../block/driver.ts';
import type { BlockEdge } from '../../block/edge.ts';
import { extents, type StatusSource } from '../../block/extents.ts';
import type { BlockNode } from '../../block/node.ts';
import type { Clock } from '../../env/env.ts';
import type { JobControl } from '../work.ts';
import type { MirrorSettings } from './options.ts';
import { CopyFailed, type MirrorPair } from './pair.ts';

/** Let others run after this many extents. */
const EXTENTS_PER_TURN = 256;
/** The longest single request to zero the target, in bytes: a pause or a cancel waits for it. */
const ZERO_MAX = 1024 * 1024 * 1024;

export interface PlanOptions {
  readonly pair: MirrorPair;
  readonly settings: MirrorSettings;
  readonly control: JobControl;
  readonly clock: Clock;
  /** What an earlier mirror of the same disks has left to copy. */
  readonly resumed?: DirtyBitmap | undefined;
}

/** Marks what has to be copied, and zeroes the target where that spares copies. */
export async function plan(options: PlanOptions): Promise<void> {
  const { pair, settings, resumed } = options;
  const { source } = pair;
  if (resumed) {
    pair.dirty.merge(resumed);
    return;
  }
  if (settings.sync === 'none') return;
  const base = settings.sync === 'top' ? nextLayer(source.node) : undefined;
  if (base) {
    await markWhere(options, ({ allocated }) => allocated, base);
  } else if (settings.targetIsZero || (await readsAsZero(options)) || (await zeroFast(options))) {
    pair.knownZero.markAll();
    await markWhere(options, ({ zero }) => !zero);
    pair.countClean();
  } else {
    pair.dirty.markAll();
  }
}

/** Marks what the layers above `base` say of the source. */
async function markWhere(
  options: PlanOptions,
  isMissing: (extent: BlockExtent) => boolean,
  base?: BlockNode,
): Promise<void> {
  const { source, dirty } = options.pair;
  const layers = answering(options, layersAbove(source, base));
  let count = 0;
  for await (const extent of extents(layers, { offset: 0, length: source.size })) {
    if (isMissing(extent)) dirty.mark(extent.offset, extent.length);
    await breathe(options, ++count);
  }
}

/** Whether the target is known to read as zeroes from end to end. */
async function readsAsZero(options: PlanOptions): Promise<boolean> {
  const { target } = options.pair;
  // Who wants zeroes unmapped wants holes, and not what merely reads as zeroes.
  const wantsHoles = target.node.options.detectZeroes === 'unmap';
  return !(await hasExtent(options, target, ({ zero, data }) => !zero || (data && wantsHoles)));
}

async function hasExtent(
  options: PlanOptions,
  disk: BlockEdge,
  isWanted: (extent: BlockExtent) => boolean,
): Promise<boolean> {
  let count = 0;
  const layers = answering(options, layersAbove(disk, undefined));
  for await (const extent of extents(layers, { offset: 0, length: disk.size })) {
    if (isWanted(extent)) return true;
    await breathe(options, ++count);
  }
  return false;
}

/**
 * Zeroes the target if there may be zeroes on the source. All of another one is copied in any case,
 * and a server that has given back its memory would only have to get it again.
 *
 * @returns Whether it did; `false` also when that would mean to send zeroes.
 */
async function zeroFast(options: PlanOptions): Promise<boolean> {
  const { source, target } = options.pair;
  // Who looks for zeroes in what is written finds those that the source does not know of.
  const isBlind = target.node.options.detectZeroes === 'off';
  if (isBlind && !(await hasExtent(options, source, ({ zero }) => zero))) return false;
  for (let at = 0; at < target.size; ) {
    const length = Math.min(ZERO_MAX, target.size - at);
    const done = await zeroPart(options, at, length);
    if (done === 'refused') return false;
    if (done === 'zeroed') at += length;
    await breathe(options, EXTENTS_PER_TURN);
  }
  return true;
}

async function zeroPart(
  { pair, settings }: PlanOptions,
  offset: number,
  length: number,
): Promise<'zeroed' | 'refused' | 'failed'> {
  const zeroes = { mayUnmap: settings.unmap, noFallback: true };
  try {
    await pair.request(() => pair.target.writeZeroes(offset, length, zeroes));
    return 'zeroed';
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    if (error.code === 'ENOTSUP') return 'refused';
    const action = pair.failed('write', error);
    if (action === 'report') throw new CopyFailed(action, error);
    // To ignore it is to copy all of it.
    return action === 'ignore' ? 'refused' : 'failed';
  }
}

/** The same layers, as long as anybody waits for their answers. */
function answering({ pair }: PlanOptions, layers: StatusSource): StatusSource {
  return {
    blockStatus: (offset, length) => pair.request(() => layers.blockStatus(offset, length)),
  };
}

async function breathe({ control, clock }: PlanOptions, count: number): Promise<void> {
  if (control.pausing) await control.pausePoint();
  if (count % EXTENTS_PER_TURN === 0) await clock.turn();
}
