/**
 * Copies up what is read: QEMU's copy-on-read filter.
 *
 * What is not allocated in the node below, and so comes from what is behind that, is written to it
 * when it is first read. Whole clusters are copied, so that what is below need not fetch the rest
 * of them itself; zeroes are written as zeroes. The failure of such a write fails the read, as in
 * QEMU.
 *
 *     clusters of the node below   |   0    |   1    |   2    |   3    |
 *     allocated there                  yes      no       no       yes
 *     read                            |====================|
 *     copied                                ^^^^^^^^^^^^^^^^^
 *
 * With `bottom` only that is copied which comes from the disks behind the node below, down to the
 * one of that name and no further.
 *
 * Clusters are held from the moment they are found missing until they are written. A guest's write
 * that came in between would otherwise be overwritten by old bytes. Through a node below that is
 * read-only one only reads.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { alignDown, alignUp, type ByteRange } from '../base/ranges.ts';
import { isZero } from '../base/zeroes.ts';
import { defineDriver } from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import type { BlockNode } from '../block/node.ts';
import type { EdgeParent } from '../block/parent.ts';
import { RangeLock } from '../sync/range-lock.ts';
import { optional } from '../wire/qapi/composites.ts';
import { str } from '../wire/qapi/scalars.ts';
import { type FilterDriver, passThrough } from './pass-through.ts';

/** How much is copied at a time, unless a cluster is larger. */
const COPY_LENGTH = 1024 * 1024;
/** How finely zeroes are looked for in what is copied, unless a cluster is larger. */
const DETECT_LENGTH = 4096;

export const copyOnRead = defineDriver(
  ({ node }) => ({
    file: node,
    /** The name of the last disk behind `file` that is copied from. */
    bottom: optional(str),
  }),
  {
    summary: 'Another node, into which is copied what is read through it',
    async open({ file, bottom }, { name, openChild }) {
      const child = await openChild('file', file);
      return copyingOnRead(child, findBottom(child.node, bottom, `open "${name}"`));
    },
  },
);

/**
 * Makes the driver of the filter.
 *
 * @param bottom The last disk behind the node below that is copied from; by default all are.
 */
export function copyingOnRead(child: BlockEdge, bottom?: BlockNode): FilterDriver {
  const copier = new Copier(child, bottom);
  return passThrough(child, {
    read: (offset, into, origin) => copier.read(offset, into, origin),
    write: (offset, from, options, origin) =>
      copier.apart({ offset, length: from.length }, () =>
        child.write(offset, from, options, origin),
      ),
    writeZeroes: (offset, length, options, origin) =>
      copier.apart({ offset, length }, () => child.writeZeroes(offset, length, options, origin)),
    discard: (offset, length, origin) =>
      copier.apart({ offset, length }, () => child.discard(offset, length, origin)),
  });
}

/** A part of the disk from some offset on, that is to be copied or not. */
interface Decision {
  readonly copy: boolean;
  readonly length: number;
}

interface ReadRequest {
  readonly offset: number;
  readonly into: Uint8Array;
  readonly origin: EdgeParent | undefined;
}

class Copier {
  readonly #child: BlockEdge;
  readonly #bottom: BlockNode | undefined;
  readonly #lock = new RangeLock();

  constructor(child: BlockEdge, bottom: BlockNode | undefined) {
    this.#child = child;
    this.#bottom = bottom;
  }

  /** Carries out a change, apart from copies of the same bytes. */
  apart(range: ByteRange, change: () => Pending): Pending {
    return this.#lock.holding(range, change);
  }

  read(offset: number, into: Uint8Array, origin?: EdgeParent): Pending {
    const end = offset + into.length;
    const plain = () => this.#child.read(offset, into, origin);
    if (this.#child.node.options.readOnly) return plain();
    // What is allocated stays so, and need not be held.
    const allocated = this.#isAllocated(offset, end);
    if (allocated === true) return plain();
    const copying = () => this.#holdingClusters({ offset, into, origin });
    if (allocated === false) return copying();
    return allocated.then((found) => (found ? plain() : copying()));
  }

  /** What is allocated at a time in the node below. */
  get #unit(): number {
    const { clusterSize = 1, limits } = this.#child.node;
    return Math.max(clusterSize, limits.alignment);
  }

  #isAllocated(offset: number, end: number): Pending<boolean> {
    for (let at = offset; at < end; ) {
      const extent = this.#child.blockStatus(at, end - at);
      if (extent instanceof Promise) {
        return extent.then((found) => found.allocated && this.#isAllocated(at + found.length, end));
      }
      if (!extent.allocated) return false;
      at += extent.length;
    }
    return true;
  }

  #holdingClusters(request: ReadRequest): Pending {
    const unit = this.#unit;
    const offset = alignDown(request.offset, unit);
    const requestEnd = request.offset + request.into.length;
    const end = Math.min(alignUp(requestEnd, unit), this.#child.size);
    return this.#lock.holding({ offset, length: end - offset }, async () => {
      for (let at = offset; at < end; ) {
        const { copy, length } = await this.#decide(at, end, unit);
        if (copy) await this.#copy({ offset: at, length }, unit, request);
        else await this.#readPart({ offset: at, length }, request);
        at += length;
      }
    });
  }

  /** Looks at the clusters from `at` on. @returns What becomes of the first of them. */
  async #decide(at: number, end: number, unit: number): Promise<Decision> {
    const found = await this.#child.blockStatus(at, end - at);
    // Nothing is allocated by halves: what ends within a cluster does so for other reasons.
    const length = Math.min(alignUp(found.length, unit), end - at);
    if (found.allocated || !this.#bottom) return { copy: !found.allocated, length };
    return this.#decideByLayers(at, at + length, unit, this.#bottom);
  }

  /** Whether clusters have bytes in a layer that is copied from, in part at least. */
  async #decideByLayers(at: number, end: number, unit: number, bottom: BlockNode) {
    for (let from = at; from < end; ) {
      const { copy, length } = await this.#isInLayers(from, end, bottom);
      const before = alignDown(from - at, unit);
      if (copy && before > 0) return { copy: false, length: before };
      if (copy) return { copy, length: Math.min(alignUp(from - at + length, unit), end - at) };
      from += length;
    }
    return { copy: false, length: end - at };
  }

  async #isInLayers(at: number, end: number, bottom: BlockNode): Promise<Decision> {
    let length = end - at;
    for (const layer of layersUnder(this.#child.node)) {
      // A layer that is too short decides that the rest reads as zeroes.
      if (at >= layer.size) return { copy: true, length };
      const found = await layer.blockStatus(at, Math.min(length, layer.size - at));
      if (found.allocated) return { copy: true, length: found.length };
      length = Math.min(length, found.length);
      if (layer === bottom) break;
    }
    return { copy: false, length };
  }

  async #copy(clusters: ByteRange, unit: number, request: ReadRequest): Promise<void> {
    const end = clusters.offset + clusters.length;
    const bytes = new Uint8Array(Math.min(Math.max(COPY_LENGTH, unit), clusters.length));
    for (let at = clusters.offset; at < end; ) {
      const zeroes = await this.#zeroesAt(at, end, unit);
      const length = zeroes > 0 ? zeroes : Math.min(bytes.length, end - at);
      if (zeroes > 0) {
        await this.#child.writeZeroes(at, length, { mayUnmap: true });
        wanted(request, { offset: at, length })?.fill(0);
      } else {
        await this.#copyData(at, bytes.subarray(0, length), unit, request);
      }
      at += length;
    }
  }

  async #copyData(
    at: number,
    bytes: Uint8Array,
    unit: number,
    request: ReadRequest,
  ): Promise<void> {
    const { length } = bytes;
    await this.#child.read(at, bytes, request.origin);
    for (const { start, end, zero } of runsOf(bytes, Math.max(unit, DETECT_LENGTH))) {
      // That is this filter's own idea, and nobody else's request.
      if (zero) await this.#child.writeZeroes(at + start, end - start, { mayUnmap: true });
      else await this.#child.write(at + start, bytes.subarray(start, end));
    }
    const into = wanted(request, { offset: at, length });
    const start = Math.max(request.offset - at, 0);
    into?.set(bytes.subarray(start, start + into.length));
  }

  /** How many bytes of whole clusters are known to be zeroes. */
  async #zeroesAt(at: number, end: number, unit: number): Promise<number> {
    const found = await this.#child.blockStatus(at, end - at);
    if (!found.zero) return 0;
    return at + found.length === end ? found.length : alignDown(found.length, unit);
  }

  async #readPart(range: ByteRange, request: ReadRequest): Promise<void> {
    const into = wanted(request, range);
    if (into) await this.#child.read(Math.max(range.offset, request.offset), into, request.origin);
  }
}

/** Cuts bytes into runs of zeroes and of others, in pieces of `grain`. */
function* runsOf(bytes: Uint8Array, grain: number) {
  for (let start = 0; start < bytes.length; ) {
    const isZeroAt = (at: number) => isZero(bytes.subarray(at, at + grain));
    const zero = isZeroAt(start);
    let end = start + grain;
    while (end < bytes.length && isZeroAt(end) === zero) end += grain;
    end = Math.min(end, bytes.length);
    yield { start, end, zero };
    start = end;
  }
}

/** The part of a request's buffer that a range fills, if they share any bytes. */
function wanted({ offset, into }: ReadRequest, range: ByteRange): Uint8Array | undefined {
  const start = Math.max(range.offset - offset, 0);
  const end = Math.min(range.offset + range.length - offset, into.length);
  return start < end ? into.subarray(start, end) : undefined;
}

/** The disks behind a node, the nearest first; filters are none. */
function* layersUnder(top: BlockNode): Generator<BlockNode> {
  for (let layer = unfiltered(top)?.backing; layer; layer = unfiltered(layer)?.backing) {
    const disk = unfiltered(layer);
    if (disk) yield disk;
  }
}

function unfiltered(top: BlockNode | undefined): BlockNode | undefined {
  let found = top;
  while (found?.filtered) found = found.filtered;
  return found;
}

function findBottom(top: BlockNode, name: string | undefined, action: string) {
  if (name === undefined) return undefined;
  for (const layer of layersUnder(top)) if (layer.name === name) return layer;
  throw new BlockError('EINVAL', action, `Bottom node '${name}' not found`);
}
