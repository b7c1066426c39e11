/**
 * What is known of a range through several layers: a disk, what is behind it, what is behind that.
 *
 *     top         | data |                |         above `base`: data, zeroes, and the rest that
 *     middle      |             | zero |            nobody above `base` has allocated
 *     base        | data ...                        is not asked
 *
 * The first layer from the top that has a range allocated decides what it reads as. A filter is no
 * layer: it shows the bytes below it, and is passed over; but a cache, which may hold back some of
 * them, is asked. Where a layer is shorter than the one above, the range beyond its end reads as
 * zeroes, and that it decides.
 */

import { assert } from '../base/assert.ts';
import { after, type Pending } from '../base/pending.ts';
import type { ByteRange } from '../base/ranges.ts';
import type { BlockExtent } from './driver.ts';
import { BlockEdge } from './edge.ts';
import { isSameKind, type StatusSource } from './extents.ts';
import type { BlockNode } from './node.ts';
import { isWithin, outOfRange } from './request.ts';

/** Queries after which a walk is content with what it knows, when it knows something. */
const QUERIES_MAX = 64;

/** The node of what a filter, or one over another, shows; a node that is no filter is its own. */
export function skipFilters(node: BlockNode): BlockNode {
  let found = node;
  while (found.filtered) found = found.filtered;
  return found;
}

/** The node that users see: below the filters that jobs have put over it unasked. */
export function skipImplicit(node: BlockNode): BlockNode {
  return node.options.implicit && node.filtered ? skipImplicit(node.filtered) : node;
}

/** The next layer: what is behind a node, or behind that which it filters, without filters. */
export function nextLayer(node: BlockNode): BlockNode | undefined {
  const { backing } = skipFilters(node);
  return backing && skipFilters(backing);
}

/** A node and all that its bytes may come from by way of filters and backings, from the top. */
export function backingChain(top: BlockNode): readonly BlockNode[] {
  const chain: BlockNode[] = [];
  for (let node: BlockNode | undefined = top; node; node = below(node)) chain.push(node);
  return chain;
}

/** A node and every node under it. */
export function subtreeOf(top: BlockNode, found: Set<BlockNode> = new Set()): Set<BlockNode> {
  if (found.has(top)) return found;
  found.add(top);
  for (const child of top.children) subtreeOf(child, found);
  return found;
}

/** Whether `node` is `top` or in its {@link backingChain}. */
export function isInChain(node: BlockNode, top: BlockNode): boolean {
  return backingChain(top).includes(node);
}

/**
 * Tells what is known of the beginning of a range in all layers above `base`.
 *
 * The walk is one request of the disk: a drain waits for the whole of it, and so the chain stays as
 * it is. (QEMU: `bdrv_co_block_status_above()`.)
 *
 * @param base Is in the chain of `top`, and neither it nor what is below it is asked; `undefined`
 *   for what the disk reads as altogether.
 * @param offset Within `top`, like the whole range.
 * @param length In bytes, at least 1.
 * @returns As much as is of one kind, 1 byte at least, or as much of that as some queries tell.
 *   `allocated` is for allocated in one of the layers; where it is false, `base` decides, unless
 *   `zero` is true: then it is too short to.
 * @throws {BlockError} `EINVAL` when the range is not within the disk; else what a query failed
 *   with.
 */
export function statusAbove(
  top: BlockNode | BlockEdge,
  base: BlockNode | undefined,
  offset: number,
  length: number,
): Pending<BlockExtent> {
  if (!(top instanceof BlockEdge)) return top.asOne(() => walk(top, base, { offset, length }));
  // Who has let go of the disk asks nothing more of it, as when a query never ended.
  const isOver = () => top.isClosed;
  return top.asOne((node) => walk(node, base, { offset, length }, isOver));
}

function walk(
  node: BlockNode,
  base: BlockNode | undefined,
  range: ByteRange,
  isOver: () => boolean = () => false,
): Pending<BlockExtent> {
  if (!isWithin(node.size, range.offset, range.length)) throw outOfRange(node, 'query', range);
  assert(!base || isInChain(base, node), 'the base is in the chain of the top');
  const steps = new Walk(node, base);
  const first = steps.statusAt(range.offset, range.length);
  // Mostly one answer says it all, and is here at once.
  if (!(first instanceof Promise) && first.length >= range.length) return first;
  return goOn(steps, first, range, isOver);
}

async function goOn(
  steps: Walk,
  first: Pending<BlockExtent>,
  { offset, length }: ByteRange,
  isOver: () => boolean,
): Promise<BlockExtent> {
  let found = await first;
  while (found.length < length && steps.queries < QUERIES_MAX && !isOver()) {
    const next = await steps.statusAt(offset + found.length, length - found.length);
    if (!isSameKind(found, next)) break;
    found = { ...found, length: found.length + next.length };
  }
  return found;
}

/** Everything above `base` as one disk, for `extents()`. */
export function layersAbove(top: BlockNode | BlockEdge, base: BlockNode | undefined): StatusSource {
  return { blockStatus: (offset, length) => statusAbove(top, base, offset, length) };
}

class Walk {
  readonly #top: BlockNode;
  readonly #base: BlockNode | undefined;
  queries = 0;

  constructor(top: BlockNode, base: BlockNode | undefined) {
    this.#top = top;
    this.#base = base;
  }

  /** Goes down once, from the top to the layer that decides. */
  statusAt(offset: number, lengthMax: number): Pending<BlockExtent> {
    return this.#descend(this.#top, offset, { length: lengthMax, zero: false });
  }

  /** Asks `from` and what is below it for what the layers above have left open. */
  #descend(
    from: BlockNode | undefined,
    offset: number,
    { length, zero }: { readonly length: number; readonly zero: boolean },
  ): Pending<BlockExtent> {
    let node = from;
    while (node && node !== this.#base && node.filtered && !this.#isToBeAsked(node)) {
      node = below(node);
    }
    if (!node || node === this.#base) return { length, data: false, zero, allocated: false };
    const within = node.size - offset;
    if (within <= 0 && node !== this.#top) {
      return { length, data: false, zero: true, allocated: true };
    }
    const next = below(node);
    this.queries += 1;
    return after(node.blockStatus(offset, Math.min(length, within)), (found) => {
      if (found.allocated) return found;
      const rest = { length: found.length, zero: zero || found.zero };
      if (next || rest.zero) return this.#descend(next, offset, rest);
      // Somebody decides who is not seen from here, such as the node below a format.
      return { length: found.length, data: true, zero: false, allocated: true };
    });
  }

  /** A filter that holds back bytes of a layer; of the base nobody is asked. */
  #isToBeAsked(filter: BlockNode): boolean {
    if (!filter.traits.holdsBack) return false;
    let shown = filter.filtered;
    while (shown?.filtered && shown !== this.#base) shown = shown.filtered;
    return shown !== this.#base;
  }
}

function below(node: BlockNode): BlockNode | undefined {
  return node.filtered ?? node.backing;
}
