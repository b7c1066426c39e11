/**
 * The filter over the source while a mirror runs, through which all of its guests go.
 *
 * In background mode it does nothing but pass on: the source's node marks what changes. Otherwise a
 * write goes to both disks and completes when both have it. Which of the two holds for a write is
 * decided once, when it arrives; a write that began in the one mode ends in it.
 *
 * What a guest writes is copied first, because it may change its buffer while two disks read it,
 * and then they would differ.
 */

import type { Pending } from '../../base/pending.ts';
import type { ByteRange } from '../../base/ranges.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import type {
  BlockDriver,
  BlockExtent,
  DriverLimits,
  WriteOptions,
  WriteZeroesOptions,
} from '../../block/driver.ts';
import type { BlockEdge } from '../../block/edge.ts';
import type { EdgeParent } from '../../block/parent.ts';
import type { Clock } from '../../env/env.ts';
import type { GuestWrites } from './guest-writes.ts';
import type { Journal } from './journal.ts';
import type { MirrorPair } from './pair.ts';

export interface MirrorFilterOptions {
  /** Down to the source. */
  readonly child: BlockEdge;
  /** To the target, for the guest's writes. */
  readonly target: BlockEdge;
  readonly pair: MirrorPair;
  readonly guestWrites: GuestWrites;
  /** Zeroes may be unmapped on the target. */
  readonly unmap: boolean;
  readonly clock: Clock;
  /** Records each change before it begins. */
  readonly journal?: Journal | undefined;
}

/** Is told of each guest request that has completed, and how many bytes it has written. */
export type Watcher = (latencyMs: number, written: number) => void;

export class MirrorFilter implements BlockDriver {
  readonly limits: DriverLimits;
  // The nodes below honour it or flush.
  readonly supports = { forceUnitAccess: true };
  readonly children: readonly BlockEdge[];
  readonly filtered: BlockEdge;
  readonly #child: BlockEdge;
  readonly #target: BlockEdge;
  readonly #pair: MirrorPair;
  readonly #guestWrites: GuestWrites;
  readonly #unmap: boolean;
  readonly #clock: Clock;
  readonly #journal: Journal | undefined;
  #watcher: Watcher | undefined;

  constructor(options: MirrorFilterOptions) {
    const { child, target, pair } = options;
    const { transferMax, discardAlignment } = child.node.limits;
    this.limits = { alignment: 1, transferMax, discardAlignment };
    this.children = [child, target];
    this.filtered = child;
    this.#child = child;
    this.#target = target;
    this.#pair = pair;
    this.#guestWrites = options.guestWrites;
    this.#unmap = options.unmap;
    this.#clock = options.clock;
    this.#journal = options.journal;
  }

  size(): number {
    return this.#child.size;
  }

  /** From now on, or no more, tells of each read and write. */
  watch(watcher: Watcher | undefined): void {
    this.#watcher = watcher;
  }

  read(offset: number, into: Uint8Array, origin?: EdgeParent): Pending {
    if (!this.#watcher) return this.#child.read(offset, into, origin);
    return this.#timed(0, () => this.#child.read(offset, into, origin));
  }

  write(offset: number, from: Uint8Array, options: WriteOptions, origin?: EdgeParent): Pending {
    if (!this.#watcher && !this.#journal) return this.#write(offset, from, options, origin);
    const { length } = from;
    const write = () => this.#write(offset, from, options, origin);
    const start = () => this.#recorded(offset, length, write);
    return this.#watcher ? this.#timed(length, start) : start();
  }

  #write(offset: number, from: Uint8Array, options: WriteOptions, origin?: EdgeParent): Pending {
    if (!this.#pair.isActive) return this.#child.write(offset, from, options, origin);
    const bytes = from.slice();
    return this.#guestWrites.mirror({
      offset,
      length: bytes.length,
      toSource: (unmarked) => this.#child.write(offset, bytes, { unmarked, ...options }, origin),
      toTarget: (part) => {
        const start = part.offset - offset;
        const sent = bytes.subarray(start, start + part.length);
        return this.#pair.put(this.#target, part.offset, sent, options);
      },
    });
  }

  writeZeroes(
    offset: number,
    length: number,
    options: WriteZeroesOptions,
    origin?: EdgeParent,
  ): Pending {
    return this.#recorded(offset, length, () => {
      const { forceUnitAccess, mayUnmap, noFallback } = options;
      const toSource = (unmarked?: DirtyBitmap) =>
        this.#child.writeZeroes(offset, length, { unmarked, ...options }, origin);
      if (!this.#pair.isActive || noFallback) return toSource();
      const zeroes = { forceUnitAccess, mayUnmap: mayUnmap && this.#unmap };
      const toTarget = (part: ByteRange) => this.#pair.zero(this.#target, part, zeroes);
      return this.#guestWrites.mirror({ offset, length, toSource, toTarget });
    });
  }

  discard(offset: number, length: number, origin?: EdgeParent): Pending {
    return this.#recorded(offset, length, () => {
      const discard = () => this.#child.discard(offset, length, origin);
      // What a discarded range reads as is each disk's own affair, and both must read the same.
      if (!this.#pair.isActive) return discard();
      return this.#guestWrites.follow({ offset, length }, discard);
    });
  }

  flush(origin?: EdgeParent): Pending {
    return this.#child.flush(origin);
  }

  blockStatus(offset: number, length: number): Pending<BlockExtent> {
    return this.#child.blockStatus(offset, length);
  }

  async resize(size: number): Promise<void> {
    await this.#child.resize(size);
  }

  // The graph closes what is below.
  async close(): Promise<void> {}

  /** Has a change recorded before it begins. */
  #recorded(offset: number, length: number, start: () => Pending): Pending {
    return this.#journal ? this.#journal.writing({ offset, length }, start) : start();
  }

  async #timed(written: number, start: () => Pending): Promise<void> {
    const startMs = this.#clock.nowMs();
    await start();
    // Those who watch may have come or gone meanwhile.
    this.#watcher?.(this.#clock.nowMs() - startMs, written);
  }
}
