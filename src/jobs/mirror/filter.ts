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
import type {
  BlockDriver,
  BlockExtent,
  DriverLimits,
  WriteOptions,
  WriteZeroesOptions,
} from '../../block/driver.ts';
import type { BlockEdge } from '../../block/edge.ts';
import type { EdgeParent } from '../../block/parent.ts';
import type { MirrorPair } from './pair.ts';

export interface MirrorFilterOptions {
  /** Down to the source. */
  readonly child: BlockEdge;
  /** To the target, for the guest's writes. */
  readonly target: BlockEdge;
  readonly pair: MirrorPair;
  /** Zeroes may be unmapped on the target. */
  readonly unmap: boolean;
}

export class MirrorFilter implements BlockDriver {
  readonly limits: DriverLimits;
  // The nodes below honour it or flush.
  readonly supports = { forceUnitAccess: true };
  readonly children: readonly BlockEdge[];
  readonly filtered: BlockEdge;
  readonly #child: BlockEdge;
  readonly #target: BlockEdge;
  readonly #pair: MirrorPair;
  readonly #unmap: boolean;

  constructor({ child, target, pair, unmap }: MirrorFilterOptions) {
    const { transferMax, discardAlignment } = child.node.limits;
    this.limits = { alignment: 1, transferMax, discardAlignment };
    this.children = [child, target];
    this.filtered = child;
    this.#child = child;
    this.#target = target;
    this.#pair = pair;
    this.#unmap = unmap;
  }

  size(): number {
    return this.#child.size;
  }

  read(offset: number, into: Uint8Array, origin?: EdgeParent): Pending {
    return this.#child.read(offset, into, origin);
  }

  write(offset: number, from: Uint8Array, options: WriteOptions, origin?: EdgeParent): Pending {
    if (!this.#pair.isActive) return this.#child.write(offset, from, options, origin);
    const bytes = from.slice();
    return this.#pair.mirror({
      offset,
      length: bytes.length,
      toSource: (unmarked) =>
        this.#child.write(offset, bytes, unmarked ? { ...options, unmarked } : options, origin),
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
    const { forceUnitAccess, mayUnmap, noFallback } = options;
    if (!this.#pair.isActive || noFallback) {
      return this.#child.writeZeroes(offset, length, options, origin);
    }
    const zeroes = { forceUnitAccess, mayUnmap: mayUnmap && this.#unmap };
    return this.#pair.mirror({
      offset,
      length,
      toSource: (unmarked) =>
        this.#child.writeZeroes(
          offset,
          length,
          unmarked ? { ...options, unmarked } : options,
          origin,
        ),
      toTarget: (part) => this.#pair.zero(this.#target, part, zeroes),
    });
  }

  discard(offset: number, length: number, origin?: EdgeParent): Pending {
    const discard = () => this.#child.discard(offset, length, origin);
    // What a discarded range reads as is each disk's own affair, and both must read the same.
    return this.#pair.isActive ? this.#pair.follow({ offset, length }, discard) : discard();
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
}
