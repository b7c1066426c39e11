/**
 * What all filters have in common: a driver that hands every request to the node below, as it is.
 *
 * A filter is this with a few operations of its own in place of some. Nothing is remembered and
 * nothing waits here: where the node below is synchronous, so is this.
 */

import type { BlockDriver } from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';

/** A driver that shows the bytes of one node, and has every operation that such a node can need. */
export interface FilterDriver extends BlockDriver {
  readonly filtered: BlockEdge;
  readonly writeZeroes: NonNullable<BlockDriver['writeZeroes']>;
  readonly discard: NonNullable<BlockDriver['discard']>;
  readonly blockStatus: NonNullable<BlockDriver['blockStatus']>;
  readonly resize: NonNullable<BlockDriver['resize']>;
}

/**
 * Makes the driver of a filter.
 *
 * Its limits are those of the node below, so that a guest sees the same geometry with the filter as
 * without it. What the node below lacks it emulates there, FUA included.
 *
 * @param changes What the filter does otherwise; a getter in it is read once.
 */
export function passThrough(child: BlockEdge, changes: Partial<FilterDriver> = {}): FilterDriver {
  const { limits, clusterSize } = child.node;
  return {
    limits,
    supports: { forceUnitAccess: true },
    children: [child],
    filtered: child,
    ...(clusterSize === undefined ? {} : { clusterSize }),
    size: () => child.size,
    read: (offset, into, origin) => child.read(offset, into, origin),
    write: (offset, from, options, origin) => child.write(offset, from, options, origin),
    flush: (origin) => child.flush(origin),
    writeZeroes: (offset, length, options, origin) =>
      child.writeZeroes(offset, length, options, origin),
    discard: (offset, length, origin) => child.discard(offset, length, origin),
    blockStatus: (offset, length) => child.blockStatus(offset, length),
    resize: async (size) => child.resize(size),
    // The graph closes what is below.
    close: async () => {},
    ...changes,
  };
}
