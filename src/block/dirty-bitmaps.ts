/**
 * Dirty bitmaps with names, on nodes: QEMU's block-dirty-bitmap-add and its like.
 *
 * From the moment it is added, a bitmap marks whatever changes on its node, until it is removed or
 * the node is closed. Who shows one to others claims it meanwhile, so that it is not removed.
 */

import { assert } from '../base/assert.ts';
import { BlockError } from '../base/errors.ts';
import { isPowerOfTwo } from '../base/ranges.ts';
import { DirtyBitmap, GRANULARITY_MAX, GRANULARITY_MIN } from '../bitmap/dirty-bitmap.ts';
import { backingChain } from './allocation.ts';
import type { BlockNode } from './node.ts';

/** A bitmap to be added. */
export interface DirtyBitmapOptions {
  /** One of its own among the bitmaps of the node. */
  readonly name: string;
  /**
   * Bytes of one bit: a power of two from 512 to 2 GiB.
   *
   * @default The cluster size of the disk, 4 KiB at least; 64 KiB where it has none.
   */
  readonly granularity?: number | undefined;
  /** What changes on the node is marked. @default true */
  readonly isRecording?: boolean;
}

const NAME_LENGTH_MAX = 1023;
const GRANULARITY_DEFAULT = 65_536;
const CLUSTER_SIZE_MIN = 4096;

export class DirtyBitmaps {
  readonly #named = new WeakMap<BlockNode, Map<string, DirtyBitmap>>();
  /** Those that somebody uses. */
  readonly #claimed = new Set<DirtyBitmap>();

  /** The bitmaps of a node, by name. */
  of(node: BlockNode): ReadonlyMap<string, DirtyBitmap> {
    return this.#named.get(node) ?? new Map();
  }

  /**
   * Adds a bitmap, in which nothing is dirty.
   *
   * @throws {BlockError} `EINVAL` for a name or granularity that cannot be, `EEXIST` for a name in
   *   use.
   */
  add(node: BlockNode, { name, granularity, isRecording = true }: DirtyBitmapOptions): DirtyBitmap {
    const bitmaps = this.#named.get(node) ?? new Map<string, DirtyBitmap>();
    if (name === '') throw refuse('EINVAL', 'Bitmap name cannot be empty');
    if (granularity !== undefined) demandGranularity(granularity);
    if (bitmaps.has(name)) throw refuse('EEXIST', `Bitmap already exists: ${name}`);
    if (new TextEncoder().encode(name).length > NAME_LENGTH_MAX) {
      throw refuse('EINVAL', `Bitmap name too long: ${name}`);
    }
    const bitmap = new DirtyBitmap(node.size, granularity ?? defaultGranularity(node));
    if (isRecording) node.track(bitmap);
    bitmaps.set(name, bitmap);
    this.#named.set(node, bitmaps);
    return bitmap;
  }

  /** @throws {BlockError} As {@link DirtyBitmaps.claimable}. */
  remove(node: BlockNode, name: string): void {
    const bitmap = this.claimable(node, name);
    this.#named.get(node)?.delete(name);
    node.untrack(bitmap);
  }

  /**
   * Finds a bitmap of a node that nobody uses, to change it.
   *
   * @throws {BlockError} `ENOENT` when it is not there, `EBUSY` when somebody has claimed it.
   */
  claimable(node: BlockNode, name: string): DirtyBitmap {
    const bitmap = this.get(node, name);
    if (!this.isClaimed(bitmap)) return bitmap;
    const rule = 'is currently in use by another operation and cannot be used';
    throw refuse('EBUSY', `Bitmap '${name}' ${rule}`);
  }

  /** @throws {BlockError} `ENOENT` when the node has no bitmap of that name. */
  get(node: BlockNode, name: string): DirtyBitmap {
    const bitmap = this.#named.get(node)?.get(name);
    if (bitmap) return bitmap;
    throw refuse('ENOENT', `Dirty bitmap '${name}' not found`);
  }

  /**
   * Changes the size of a disk, and of its bitmaps with it: what is added is clean.
   *
   * @throws {BlockError} `EBUSY` while somebody has claimed one; else as {@link BlockNode.resize}.
   */
  async resize(node: BlockNode, size: number): Promise<void> {
    const names = [...this.of(node).keys()];
    const recording = names.filter((name) => node.bitmaps.has(this.claimable(node, name)));
    for (const name of recording) node.untrack(this.get(node, name));
    try {
      await node.resize(size);
      for (const [name, bitmap] of this.of(node)) {
        this.#named.get(node)?.set(name, resized(bitmap, node.size));
      }
    } finally {
      for (const name of recording) node.track(this.get(node, name));
    }
  }

  /**
   * Finds which has a bitmap of that name: a node, or the next one that its bytes may come from.
   *
   * @throws {BlockError} `ENOENT` when none has.
   */
  layerWith(node: BlockNode, name: string): BlockNode {
    for (const layer of backingChain(node)) if (this.#named.get(layer)?.has(name)) return layer;
    throw refuse('ENOENT', `Bitmap '${name}' is not found`);
  }

  isClaimed(bitmap: DirtyBitmap): boolean {
    return this.#claimed.has(bitmap);
  }

  /** Keeps a bitmap that nobody uses from being used by others, changed or removed. */
  claim(bitmap: DirtyBitmap): void {
    assert(!this.isClaimed(bitmap), 'a bitmap is claimed once');
    this.#claimed.add(bitmap);
  }

  giveBack(bitmap: DirtyBitmap): void {
    assert(this.isClaimed(bitmap), 'a bitmap is given back that was claimed');
    this.#claimed.delete(bitmap);
  }
}

function demandGranularity(granularity: number): void {
  const isInRange = granularity >= GRANULARITY_MIN && granularity <= GRANULARITY_MAX;
  if (isPowerOfTwo(granularity) && isInRange) return;
  throw refuse('EINVAL', `Granularity must be power of 2 and at least ${GRANULARITY_MIN}`);
}

/** A bitmap for a disk of another size, with what is dirty of this one. */
function resized(bitmap: DirtyBitmap, size: number): DirtyBitmap {
  const made = new DirtyBitmap(size, bitmap.granularity);
  for (const { offset, length } of bitmap.ranges()) {
    if (offset < size) made.mark(offset, Math.min(length, size - offset));
  }
  return made;
}

function defaultGranularity({ clusterSize }: BlockNode): number {
  if (clusterSize === undefined) return GRANULARITY_DEFAULT;
  return Math.max(clusterSize, CLUSTER_SIZE_MIN);
}

function refuse(code: 'EINVAL' | 'EEXIST' | 'ENOENT' | 'EBUSY', reason: string): BlockError {
  return new BlockError(code, 'use a dirty bitmap', reason);
}
