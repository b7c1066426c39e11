/**
 * What a mirror takes hold of before it begins, and what of: edges to both disks, a bitmap on the
 * source and a filter over it.
 *
 * Once it has hold, no write to the source is missed, nobody else writes to the target, and nobody
 * changes the size of either.
 */

import { assert } from '../../base/assert.ts';
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { BlockEdge } from '../../block/edge.ts';
import type { BlockGraph } from '../../block/graph.ts';
import type { BlockNode } from '../../block/node.ts';
import type { EdgeParent, RestingParent } from '../../block/parent.ts';
import { NOT_RESIZING } from '../../block/permissions.ts';
import type { Env } from '../../env/env.ts';
import { busy } from './checks.ts';
import { MirrorFilter } from './filter.ts';
import { GuestWrites } from './guest-writes.ts';
import type { Journal } from './journal.ts';
import { type MirrorSettings, refusal } from './options.ts';
import { MirrorPair } from './pair.ts';

/** Where a mirror takes place. */
export interface MirrorStage {
  readonly graph: BlockGraph;
  readonly source: BlockNode;
  readonly target: BlockNode;
}

export interface MirrorContext extends MirrorStage {
  readonly env: Env;
  /** The id of the job. */
  readonly id: string;
  /** The job, as the parent of its disks. */
  readonly parent: RestingParent;
  /** Records what may differ, for a mirror that goes on after a crash of this one. */
  readonly journal?: MirrorJournal | undefined;
}

/** A journal in use, and what there is to be copied by it. */
export interface MirrorJournal {
  readonly journal: Journal;
  /** What an earlier mirror of the same disks has left to copy; none began the copy otherwise. */
  readonly resumed?: DirtyBitmap;
}

/** What a mirror stands on, from its start to its end. */
export interface MirrorParts {
  readonly source: BlockEdge;
  readonly target: BlockEdge;
  readonly dirty: DirtyBitmap;
  readonly pair: MirrorPair;
  readonly guestWrites: GuestWrites;
  readonly filter: BlockNode;
  readonly driver: MirrorFilter;
  /** Keeps others from taking the filter out. */
  readonly guard: BlockEdge;
}

/**
 * Puts the bitmap and the filter on the source, and an edge on both disks.
 *
 * @throws {BlockError} `EPERM` for a target that is read-only, `EBUSY` for one that others use.
 */
export async function takeHold(
  { env, graph, id, parent, source, target, journal }: MirrorContext,
  settings: MirrorSettings,
): Promise<MirrorParts> {
  const dirty = new DirtyBitmap(source.size, settings.granularity);
  if (target.options.readOnly) throw refusal('Block node is read-only', 'EPERM');
  if (target.inFlight > 0) {
    // They could come after what is copied now.
    throw busy(target, 'requests of an earlier job are still in flight');
  }
  const opened: BlockEdge[] = [];
  let driver: MirrorFilter | undefined;
  const asJob = (use: Partial<EdgeParent>): EdgeParent => {
    return { name: id, kind: 'job', stays: true, rest: parent, ...use };
  };
  const open = (node: BlockNode, use: Partial<EdgeParent>) => {
    const edge = new BlockEdge(node, asJob(use));
    opened.push(edge);
    return edge;
  };
  try {
    const edges = {
      source: open(source, { role: 'source', shares: NOT_RESIZING }),
      target: open(target, { needs: ['write'], shares: ['write-unchanged'] }),
    };
    const cluster = clusterOf(target, settings);
    const pair = new MirrorPair({ dirty, settings, cluster, ...edges });
    const guestWrites = new GuestWrites(pair, env.clock);
    const { filterNodeName: name, unmap } = settings;
    const filter = await graph.insertFilter(source, { name, driver: 'mirror_top' }, (child) => {
      const toTarget = new BlockEdge(target, { name: child.parent.name, role: 'target' });
      const rest = { pair, guestWrites, unmap, clock: env.clock, journal: journal?.journal };
      driver = new MirrorFilter({ child, target: toTarget, ...rest });
      source.track(dirty);
      return driver;
    });
    assert(driver !== undefined, 'a filter that is in has its driver');
    const use = { role: 'main node', needs: ['consistent-read'], shares: NOT_RESIZING } as const;
    const guard = new BlockEdge(filter, asJob(use));
    return { dirty, pair, guestWrites, filter, driver, guard, ...edges };
  } catch (error) {
    for (const edge of opened) edge.close();
    throw error;
  }
}

/**
 * What must be copied whole to the target at first: a cluster of it that gets its backing at the
 * end only, and until then would be filled with zeroes around a part. Where a granule is larger it
 * is that, for nothing tells which of its clusters the target has.
 */
function clusterOf({ clusterSize = 0 }: BlockNode, settings: MirrorSettings): number | undefined {
  const { targetBacking, sync, granularity } = settings;
  const getsBacking = targetBacking === 'source' && sync !== 'full';
  return getsBacking ? Math.max(clusterSize, granularity) : undefined;
}
