/**
 * A volatile write cache, to try what a power cut leaves of a disk.
 *
 * Changes complete in memory and reach the node below when they are flushed, when they have to be
 * durable (FUA), or when the cache is full; then they go one at a time in an order of the seed's
 * choosing. A power cut makes of the rest what `on-power-cut` says, see
 * `write-cache-power-cut.ts`; from then on every request fails with `EIO` until the power is back.
 * With `flush: lie` the cache is that of a disk that takes a flush for done, and FUA too.
 *
 *     write, zeroes, discard --> cache --(flush, FUA, full, close)--> node below
 *     read <-- cache over node below        |
 *                                       power cut: all, some or none of it
 *
 * Whoever takes the filter out of a graph flushes it first: its parents go to the node below before
 * it closes, and would there miss what is cached.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { alignDown } from '../base/ranges.ts';
import {
  type BlockDriver,
  type BlockExtent,
  type DriverLimits,
  defineDriver,
  type WriteOptions,
  type WriteZeroesOptions,
} from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import type { BlockNode } from '../block/node.ts';
import { unsigned } from '../block/options.ts';
import type { EdgeParent } from '../block/parent.ts';
import { tellPowerLost } from '../block/power.ts';
import { enumeration, withDefault } from '../wire/qapi/composites.ts';
import { ByNode } from './by-node.ts';
import {
  type CachedRange,
  choosePowerCut,
  countPowerCuts,
  type PowerCutPolicy,
  type PowerCutReceipt,
  powerCuts,
  rangeOf,
  receiptOf,
  survivors,
} from './write-cache-power-cut.ts';
import { type CachedRequest, covers, layOver, REQUEST_COST } from './write-cache-requests.ts';
import { type Change, WriteCacheStore } from './write-cache-store.ts';

const SIZE_DEFAULT = 16 * 1024 * 1024;
const SIZE_MIN = 4096;
const SECTOR_LENGTH = 512;
/** How many receipts of power cuts are kept, the last ones. */
const RECEIPTS_MAX = 64;

/** What the disk may read as after a power cut. */
export interface CrashImage {
  readonly kept: readonly CachedRange[];
  readonly lost: readonly CachedRange[];
  readonly torn?: CachedRange & { readonly keptLength: number };
  /** Reads it; only until the cache next writes anything back. */
  read(offset: number, into: Uint8Array): Pending;
}

interface WriteCacheOptions {
  readonly size: number;
  readonly flush: 'honest' | 'lie';
  readonly 'on-power-cut': PowerCutPolicy;
  readonly seed: number;
}

const CACHES = new ByNode<WriteCache>();

export const writeCache = defineDriver(
  ({ node }) => ({
    image: node,
    /** How much is cached at most, in bytes, 128 for each request included; from 4096. */
    size: withDefault(unsigned, SIZE_DEFAULT),
    flush: withDefault(enumeration('WriteCacheFlush', ['honest', 'lie']), 'honest'),
    'on-power-cut': withDefault(enumeration('PowerCutPolicy', ['lose', 'reorder', 'tear']), 'lose'),
    seed: withDefault(unsigned, 0),
  }),
  {
    summary: 'Another node behind a volatile write cache that can lose its power',
    async open({ image, ...options }, { name, openChild }) {
      const child = await openChild('image', image);
      const least = Math.max(SIZE_MIN, child.node.limits.alignment + REQUEST_COST);
      if (options.size < least) {
        const reason = `Parameter 'size' must be at least ${least}`;
        throw new BlockError('EINVAL', `open "${name}"`, reason);
      }
      const made = new WriteCache(name, child, options);
      CACHES.add(child, made);
      return made;
    },
  },
);

/** @returns The cache of a filter's node, `undefined` when it is none. */
export function writeCacheOf(filter: BlockNode): WriteCache | undefined {
  return CACHES.find(filter);
}

export class WriteCache implements BlockDriver {
  readonly limits: DriverLimits;
  readonly supports = { forceUnitAccess: true };
  readonly children: readonly BlockEdge[];
  readonly filtered: BlockEdge;
  readonly holdsBack = true;
  readonly clusterSize?: number;
  readonly #child: BlockEdge;
  readonly #isHonest: boolean;
  readonly #policy: PowerCutPolicy;
  readonly #store: WriteCacheStore;
  readonly #receipts: PowerCutReceipt[] = [];

  constructor(name: string, child: BlockEdge, options: WriteCacheOptions) {
    const { limits, clusterSize } = child.node;
    // Whole sectors, for a request is cut into such pieces, and no disk tears a sector.
    const room = alignDown(options.size - REQUEST_COST, Math.max(limits.alignment, SECTOR_LENGTH));
    const transferMax = Math.min(limits.transferMax, room);
    this.limits = { ...limits, transferMax };
    this.children = [child];
    this.filtered = child;
    if (clusterSize !== undefined) this.clusterSize = clusterSize;
    this.#child = child;
    this.#isHonest = options.flush === 'honest';
    this.#policy = options['on-power-cut'];
    this.#store = new WriteCacheStore(name, child, options);
  }

  /** What a power cut could lose, the oldest first. */
  get unflushed(): readonly CachedRange[] {
    return this.#store.cache.all.map(rangeOf);
  }

  /** Bytes that the cache takes up, 128 for each request included. */
  get used(): number {
    return this.#store.cache.cost;
  }

  get hasPower(): boolean {
    return this.#store.power === 'on';
  }

  /** The last {@link RECEIPTS_MAX} power cuts. */
  get receipts(): readonly PowerCutReceipt[] {
    return this.#receipts;
  }

  /**
   * Cuts the power. From this call on every request fails, also those in flight; a write to the
   * node below that is under way ends first.
   *
   * @returns What became of what was not flushed.
   * @throws {TypeError} When the power is off already.
   * @throws {BlockError} What the node below failed with; what it did not take is lost.
   */
  async powerCut(): Promise<PowerCutReceipt> {
    return this.#store.cutPower(async (requests, random) => {
      const { owner } = this.#child;
      if (owner) tellPowerLost(owner);
      const outcome = choosePowerCut(this.#policy, requests, random);
      const receipt = receiptOf(this.#policy, outcome);
      this.#receipts.push(receipt);
      if (this.#receipts.length > RECEIPTS_MAX) this.#receipts.shift();
      const written = survivors(outcome);
      for (const request of written) await this.#store.send(request);
      // Below this cache it is on the disk proper.
      if (written.length > 0) await this.#child.flush();
      return receipt;
    });
  }

  /** @throws {TypeError} When the power is on, or its cut is not over. */
  powerOn(): void {
    this.#store.restorePower();
  }

  /** How many images {@link WriteCache.crashImages} has if nothing limits them. */
  get crashImageCount(): number {
    return countPowerCuts(this.#policy, this.#store.cache.all);
  }

  /**
   * Gives everything that a power cut could leave now, without cutting the power; whoever searches
   * exhaustively compares {@link WriteCache.crashImageCount} with the limit.
   *
   * @param limit How many at most.
   */
  *crashImages(limit: number): Generator<CrashImage> {
    let count = 0;
    for (const outcome of powerCuts(this.#policy, this.#store.cache.all)) {
      if (count >= limit) return;
      count += 1;
      const changes = survivors(outcome);
      const { kept, lost, torn } = outcome;
      yield {
        kept: kept.map(rangeOf),
        lost: lost.map(rangeOf),
        ...(torn ? { torn: { ...rangeOf(torn.request), keptLength: torn.keptLength } } : {}),
        read: (offset, into) => this.#readUnder(changes, offset, into),
      };
    }
  }

  size(): number {
    return this.#child.size;
  }

  read(offset: number, into: Uint8Array, origin?: EdgeParent): Pending {
    const range = { offset, length: into.length };
    const check = this.#store.checking('read', range);
    const changes = this.#store.cache.over(range);
    if (covers(changes, range)) return layOver(changes, offset, into);
    return surviving(this.#readUnder(changes, offset, into, origin), check);
  }

  write(offset: number, from: Uint8Array, options: WriteOptions, origin?: EdgeParent): Pending {
    const range = { offset, length: from.length };
    const cost = REQUEST_COST + from.length;
    const add = () => this.#store.cache.addWrite(offset, from);
    return this.#change({ operation: 'write', range, cost, add }, options, origin);
  }

  writeZeroes(
    offset: number,
    length: number,
    options: WriteZeroesOptions,
    origin?: EdgeParent,
  ): Pending {
    const range = { offset, length };
    const add = () => this.#store.cache.addZeroes(range, options);
    const change = { operation: 'write zeroes', range, cost: REQUEST_COST, add };
    return this.#change(change, options, origin);
  }

  discard(offset: number, length: number): Pending {
    const range = { offset, length };
    const add = () => this.#store.cache.addDiscard(range);
    return this.#change({ operation: 'discard', range, cost: REQUEST_COST, add });
  }

  flush(origin?: EdgeParent): Pending {
    const check = this.#store.checking('flush');
    if (!this.#isHonest) return;
    if (this.#store.isIdle) return surviving(this.#child.flush(origin), check);
    return this.#store.flush('flush', () => this.#child.flush(origin));
  }

  blockStatus(offset: number, length: number): Pending<BlockExtent> {
    const range = { offset, length };
    const check = this.#store.checking('query', range);
    const known = this.#store.cache.extentAt(range);
    return known.extent ?? surviving(this.#child.blockStatus(offset, known.length), check);
  }

  async resize(size: number): Promise<void> {
    await this.#store.flush('resize', async () => {
      await this.#child.resize(size);
      this.#store.cache.truncate(size);
    });
  }

  cancelInFlight(): void {
    // What is in flight below is cancelled there; what waits for that must not go on after it.
    this.#store.cancelWaiting();
  }

  /** Ends as an orderly shutdown does, also where flushes are lies. */
  async close(): Promise<void> {
    if (!this.hasPower) return;
    await this.#store.flush('close', () => this.#child.flush());
  }

  #change(change: Change, options?: WriteOptions, origin?: EdgeParent): Pending {
    this.#store.checking(change.operation, change.range);
    if (change.range.length === 0) return;
    const finish = (added: CachedRequest) => {
      if (!options?.forceUnitAccess || !this.#isHonest) return;
      return this.#store.writeThrough(change, added, origin);
    };
    const added = this.#store.add(change);
    return added instanceof Promise ? added.then(finish) : finish(added);
  }

  #readUnder(
    changes: readonly CachedRequest[],
    offset: number,
    into: Uint8Array,
    origin?: EdgeParent,
  ): Pending {
    const reading = this.#child.read(offset, into, origin);
    const finish = () => layOver(changes, offset, into);
    return reading instanceof Promise ? reading.then(finish) : finish();
  }
}

/** What came of a request, unless the power was cut meanwhile. */
function surviving<T>(result: Pending<T>, check: () => void): Pending<T> {
  if (!(result instanceof Promise)) return result;
  return result.then((value) => {
    check();
    return value;
  });
}
