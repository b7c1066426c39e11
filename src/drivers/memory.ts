/**
 * A disk in memory, gone when it is closed; perhaps a layer over another disk, its backing.
 *
 * It is sparse: what was never written is zero and costs nothing, so that an empty disk of 1 PiB is
 * as cheap as one of 1 MiB. {@link MemoryPages} holds the bytes.
 *
 * Over a backing, each cluster is in one of three states. Whatever changes a part of one that is
 * unallocated first copies the rest of it up:
 *
 *     cluster       |  0   |  1   |  2   |  3   |  4   |
 *     allocated        1      0      1      0      0        one bit each
 *     pages           data    -     none    -      -
 *     reads as        data  backing zeroes backing zeroes
 *     backing       |--------------------------|            shorter: zeroes beyond its end
 *
 * Changes that copy up are made one after the other where they share a cluster, and so is a change
 * of the size. Others need not wait for them: see {@link MemoryClusters}.
 *
 * Every request completes at once, unless the backing is asked and answers late.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { type ByteRange, isPowerOfTwo } from '../base/ranges.ts';
import {
  type BlockDriver,
  type BlockExtent,
  type DriverLimits,
  defineDriver,
  type Loan,
  type WriteOptions,
  type WriteZeroesOptions,
} from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import { unsigned } from '../block/options.ts';
import type { EdgeParent } from '../block/parent.ts';
import { RangeLock } from '../sync/range-lock.ts';
import { converted, optional } from '../wire/qapi/composites.ts';
import { MemoryClusters } from './memory-clusters.ts';
import { MemoryPages } from './memory-pages.ts';
import { inTurn } from './memory-turns.ts';
import { PAGE_LENGTH } from './page-pool.ts';

const CLUSTER_SIZE_MIN = PAGE_LENGTH;
const CLUSTER_SIZE_MAX = 2 * 1024 * 1024;
const CLUSTER_SIZE_DEFAULT = PAGE_LENGTH;

/** What a change of the size claims, so that nothing is copied up meanwhile. */
const WHOLE_DISK: ByteRange = { offset: 0, length: Number.MAX_SAFE_INTEGER };

const clusterSize = converted(unsigned, (given) => {
  if (isPowerOfTwo(given) && given >= CLUSTER_SIZE_MIN && given <= CLUSTER_SIZE_MAX) return given;
  const bounds = `between ${CLUSTER_SIZE_MIN} and ${CLUSTER_SIZE_MAX / 1024}k`;
  throw new BlockError('EINVAL', 'open the node', `Cluster size must be a power of two ${bounds}`);
});

export const memory = defineDriver(
  ({ nodeOrNull }) => ({
    /** Bytes. */
    size: unsigned,
    /** What the disk reads as where nothing is allocated in it; read-only unless that says not. */
    backing: optional(nodeOrNull),
    /**
     * What is allocated at a time, in bytes: a power of two from 4096, the default, to 2 MiB. If it
     * is given, the disk remembers which clusters were zeroed also while it has no backing, so that
     * one that is put behind it later does not show through.
     */
    'cluster-size': optional(clusterSize),
  }),
  {
    summary: 'A sparse disk in memory',
    async open({ size, backing, 'cluster-size': given }, { openChild }) {
      const child = backing == null ? undefined : await openChild('backing', backing);
      return new MemoryDisk({ size, backing: child, clusterSize: given });
    },
  },
);

interface MemoryParts {
  readonly size: number;
  readonly backing: BlockEdge | undefined;
  readonly clusterSize: number | undefined;
}

/** Bytes of the backing that are about to be written here. */
interface Copied {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What makes a disk a layer over another. */
interface Layer {
  readonly backing: BlockEdge;
  readonly clusters: MemoryClusters;
}

class MemoryDisk implements BlockDriver {
  readonly limits: DriverLimits;
  // Nothing here is ever more durable than when it is written.
  readonly supports = { forceUnitAccess: true };
  readonly reopening = {};
  /** Of a disk that was opened with one or with a backing; others have no use for it. */
  readonly clusterSize?: number;
  readonly #pages: MemoryPages;
  readonly #unit: number;
  readonly #lock = new RangeLock();
  /**
   * There are some as soon as the disk is opened with a cluster size or has a backing. While it has
   * none, what is written is not noted here, for it follows from the pages.
   */
  #clusters: MemoryClusters | undefined;
  #layer: Layer | undefined;
  #children: readonly BlockEdge[] = [];

  constructor({ size, backing, clusterSize: given }: MemoryParts) {
    this.#pages = new MemoryPages(size);
    this.#unit = given ?? CLUSTER_SIZE_DEFAULT;
    const isClustered = backing !== undefined || given !== undefined;
    if (isClustered) {
      this.clusterSize = this.#unit;
      this.#clusters = new MemoryClusters(size, this.#unit);
    }
    this.limits = {
      alignment: 1,
      transferMax: Number.MAX_SAFE_INTEGER,
      discardAlignment: isClustered ? this.#unit : 1,
    };
    this.setBacking(backing);
  }

  get children(): readonly BlockEdge[] {
    return this.#children;
  }

  get backing(): BlockEdge | undefined {
    return this.#layer?.backing;
  }

  size(): number {
    return this.#pages.size;
  }

  read(offset: number, into: Uint8Array, origin?: EdgeParent): Pending {
    if (this.#layer === undefined) return this.#pages.read(offset, into);
    const { backing, clusters } = this.#layer;
    return inTurn(clusters.runs({ offset, length: into.length }), (run) => {
      const start = run.offset - offset;
      const part = into.subarray(start, start + run.length);
      if (run.isAllocated) return this.#pages.read(run.offset, part);
      const count = Math.min(Math.max(backing.size - run.offset, 0), part.length);
      part.fill(0, count);
      if (count > 0) return backing.read(run.offset, part.subarray(0, count), origin);
    });
  }

  write(offset: number, from: Uint8Array, { placed }: WriteOptions): Pending {
    if (this.#layer === undefined) return this.#pages.write(offset, from, placed);
    const range = { offset, length: from.length };
    return this.#change(this.#layer, range, () => this.#pages.write(offset, from));
  }

  flush(): void {}

  lend(offset: number, length: number): Loan | undefined {
    return this.#layer === undefined ? this.#pages.lend(offset, length) : undefined;
  }

  place(offset: number, length: number): Uint8Array | undefined {
    return this.#layer === undefined ? this.#pages.place(offset, length) : undefined;
  }

  writeZeroes(offset: number, length: number, { noFallback }: WriteZeroesOptions): Pending {
    const range = { offset, length };
    if (this.#layer === undefined) {
      this.#pages.clear(offset, length);
      this.#clusters?.allocate(range);
      return;
    }
    const { backing, clusters } = this.#layer;
    if (noFallback && clusters.missing(range, backing.size).length > 0) {
      throw new BlockError('ENOTSUP', 'zero fast', 'a part of a cluster has to be copied up');
    }
    return this.#change(this.#layer, range, () => this.#pages.clear(offset, length));
  }

  /** Over a backing, clusters become zeroes, as those of qcow2 do: it must not show through. */
  discard(offset: number, length: number): void {
    if (this.#layer === undefined) {
      this.#pages.clear(offset, length);
      return;
    }
    const { clusters } = this.#layer;
    const whole = clusters.inside({ offset, length });
    if (whole.length === 0) return;
    this.#pages.clear(whole.offset, whole.length);
    clusters.allocate(whole);
  }

  /**
   * A hole is allocated where there is no backing, for then this disk decides that it is zeroes.
   * (QEMU says that it is not; its `sync=top` makes no difference, being `full` without a backing.)
   */
  blockStatus(offset: number, length: number): BlockExtent {
    const layer = this.#layer;
    const run = layer?.clusters.runAt(offset, length);
    if (layer && run && !run.isAllocated) {
      // Beyond its end nobody needs to be asked.
      const within = layer.backing.size - offset;
      const zero = within <= 0;
      const known = zero ? run.length : Math.min(run.length, within);
      return { length: known, data: false, zero, allocated: false };
    }
    const { isData, end } =
      this.#unit === PAGE_LENGTH
        ? this.#pages.extentAt(offset)
        : this.#pages.clusterExtentAt(offset, this.#unit);
    const known = Math.min(end - offset, run?.length ?? end);
    return { length: known, data: isData, zero: !isData, allocated: true };
  }

  /** What is added reads as zeroes, also where the backing is longer than this disk was. */
  async resize(size: number): Promise<void> {
    await this.#lock.holding(WHOLE_DISK, async () => {
      const layer = this.#layer;
      const before = this.#pages.size;
      const uncovered = Math.min(size, layer?.backing.size ?? 0) - before;
      // A cluster that the old end lies in keeps its bytes: they are copied up while it is the end.
      if (layer && uncovered > 0) {
        await this.#copyUp(layer, { offset: before, length: 0 }, () => {});
      }
      this.#pages.resize(size);
      this.#clusters?.resize(size);
      if (uncovered > 0) this.#clusters?.allocate({ offset: before, length: uncovered });
    });
  }

  /** Clusters keep their state, and those that were written while there was no backing get one. */
  setBacking(backing: BlockEdge | undefined): void {
    if (backing === undefined) {
      this.#layer = undefined;
      this.#children = [];
      return;
    }
    const clusters = this.#clusters ?? new MemoryClusters(this.#pages.size, this.#unit);
    clusters.allocateDirty(this.#pages.stored);
    this.#clusters = clusters;
    this.#layer = { backing, clusters };
    this.#children = [backing];
  }

  // The graph closes what is below.
  async close(): Promise<void> {}

  #change(layer: Layer, range: ByteRange, apply: () => void): Pending {
    if (range.length === 0) return;
    const { backing, clusters } = layer;
    if (clusters.missing(range, backing.size).length > 0) {
      return this.#lock.holding(clusters.around(range), () => this.#copyUp(layer, range, apply));
    }
    apply();
    clusters.allocate(range);
  }

  /** Copies up what a change leaves of its first and last cluster, and makes the change. */
  #copyUp(layer: Layer, range: ByteRange, apply: () => void): Pending {
    const { backing, clusters } = layer;
    const copied = clusters.missing(range, backing.size).map(({ offset, length }) => ({
      offset,
      bytes: new Uint8Array(length),
    }));
    const fetching = inTurn(copied, ({ offset, bytes }) => backing.read(offset, bytes));
    if (fetching instanceof Promise) {
      return fetching.then(() => this.#settle(clusters, copied, range, apply));
    }
    this.#settle(clusters, copied, range, apply);
  }

  /** In one step: between two, somebody would find the clusters neither as before nor as after. */
  #settle(
    clusters: MemoryClusters,
    copied: readonly Copied[],
    range: ByteRange,
    apply: () => void,
  ): void {
    if (range.offset + range.length > this.#pages.size) {
      const action = `write ${range.length} bytes at ${range.offset}`;
      throw new BlockError('EIO', action, 'the disk has become smaller');
    }
    // A cluster that was written whole or discarded while this waited is newer than the backing.
    const wanted = copied.filter(({ offset }) => !clusters.isAllocated(offset));
    for (const { offset, bytes } of wanted) this.#pages.write(offset, bytes);
    apply();
    for (const { offset, bytes } of wanted) clusters.allocate({ offset, length: bytes.length });
    clusters.allocate(range);
  }
}
