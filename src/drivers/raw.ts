/**
 * The raw format: the disk is the bytes of the node below, or a part of them.
 *
 *     node below   |-- offset --|------------------ stored ------------------|
 *     this disk                 |------------------------------------------ size --|
 *                                                                            zeroes
 *
 * Without `size` the disk goes to the end of the node below, and on to the next multiple of 512, as
 * QEMU's does: no guest has disks of odd size. What is beyond the end reads as zeroes. Zeroes that
 * are written there stay unwritten, so that a copy is as long as its original; the first other byte
 * lengthens the node below.
 *
 * The alignment is 1, whatever that of the node below: it brings requests to its own, and twice is
 * once too often. So is everything else that a node does for its driver.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { alignUp } from '../base/ranges.ts';
import { isZero } from '../base/zeroes.ts';
import {
  type BlockDriver,
  type BlockExtent,
  type DriverLimits,
  defineDriver,
  type WriteOptions,
  type WriteZeroesOptions,
} from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import { demandUnsigned } from '../block/options.ts';
import type { EdgeParent } from '../block/parent.ts';
import { optional, withDefault } from '../wire/qapi/composites.ts';
import { int } from '../wire/qapi/scalars.ts';
import { guessFormat, SIGNATURE_LENGTH } from './formats.ts';

const SECTOR_LENGTH = 512;

export const raw = defineDriver(
  ({ node }) => ({
    file: node,
    /** Where the disk begins in the node below, in bytes. */
    offset: withDefault(int, 0),
    /** Bytes, a multiple of 512; by default all to the end. */
    size: optional(int),
  }),
  {
    summary: 'The raw format: the bytes of another node, or a part of them',
    async open({ file, offset, size }, { name, isGuessed, openChild }) {
      demandUnsigned(offset, 'offset');
      if (size !== undefined) demandUnsigned(size, 'size');
      const child = await openChild('file', file);
      demandInside(`open "${name}"`, { offset, size, childSize: child.size });
      return new RawDisk({ name, child, offset, size, isGuessed });
    },
  },
);

interface Window {
  readonly offset: number;
  readonly size: number | undefined;
  readonly childSize: number;
}

function demandInside(action: string, { offset, size, childSize }: Window): void {
  const refuse = (reason: string) => new BlockError('EINVAL', action, reason);
  if (offset > childSize) {
    const rule = 'cannot be greater than size of the containing file';
    throw refuse(`Offset (${offset}) ${rule} (${childSize})`);
  }
  if (size === undefined) return;
  if (size > childSize - offset) {
    const rule = 'has to be smaller or equal to the  actual size of the containing file';
    throw refuse(`The sum of offset (${offset}) and size (${size}) ${rule} (${childSize})`);
  }
  if (size % SECTOR_LENGTH !== 0) {
    throw refuse(`Specified size is not multiple of ${SECTOR_LENGTH}`);
  }
}

/** What would look like another format the next time must not get onto the disk. */
function demandRaw(name: string, beginning: Uint8Array): void {
  const format = guessFormat(beginning);
  if (format === 'raw') return;
  const rule = `a disk whose format was guessed must not begin like ${format}`;
  throw new BlockError('EPERM', `write to the beginning of "${name}"`, rule);
}

interface RawParts {
  readonly name: string;
  readonly child: BlockEdge;
  readonly offset: number;
  readonly size: number | undefined;
  readonly isGuessed: boolean;
}

class RawDisk implements BlockDriver {
  readonly limits: DriverLimits;
  // The node below honours it or flushes.
  readonly supports = { forceUnitAccess: true };
  readonly children: readonly BlockEdge[];
  readonly #name: string;
  readonly #child: BlockEdge;
  readonly #offset: number;
  readonly #isFixed: boolean;
  readonly #isGuessed: boolean;
  /** How many bytes of the disk the node below has. */
  #stored: number;
  #size: number;
  /** The node below is changing its size. */
  #resizing: Promise<void> | undefined;

  constructor({ name, child, offset, size, isGuessed }: RawParts) {
    const { transferMax, discardAlignment } = child.node.limits;
    const isShifted = offset % discardAlignment !== 0;
    this.limits = {
      alignment: isGuessed ? SIGNATURE_LENGTH : 1,
      transferMax,
      discardAlignment: Math.max(
        isShifted ? 1 : discardAlignment,
        isGuessed ? SIGNATURE_LENGTH : 1,
      ),
    };
    this.#isGuessed = isGuessed;
    this.children = [child];
    this.#name = name;
    this.#child = child;
    this.#offset = offset;
    this.#isFixed = size !== undefined;
    this.#stored = size ?? child.size - offset;
    this.#size = alignUp(this.#stored, SECTOR_LENGTH);
  }

  size(): number {
    return this.#size;
  }

  read(offset: number, into: Uint8Array, origin?: EdgeParent): Pending {
    const count = this.#storedOf(offset, into.length);
    if (count === into.length) return this.#child.read(this.#offset + offset, into, origin);
    into.fill(0, count);
    if (count > 0) return this.#child.read(this.#offset + offset, into.subarray(0, count), origin);
  }

  write(offset: number, from: Uint8Array, options: WriteOptions, origin?: EdgeParent): Pending {
    if (this.#isGuessed && offset === 0) demandRaw(this.#name, from);
    const [at, count] = [this.#offset + offset, this.#storedOf(offset, from.length)];
    if (count === from.length) return this.#child.write(at, from, options, origin);
    if (!isZero(from.subarray(count))) return this.#writeBeyond(offset, from, options, origin);
    if (count === 0) return;
    return this.#child.write(at, from.subarray(0, count), options, origin);
  }

  writeZeroes(
    offset: number,
    length: number,
    options: WriteZeroesOptions,
    origin?: EdgeParent,
  ): Pending {
    const count = this.#storedOf(offset, length);
    if (count > 0) return this.#child.writeZeroes(this.#offset + offset, count, options, origin);
  }

  discard(offset: number, length: number, origin?: EdgeParent): Pending {
    const count = this.#storedOf(offset, length);
    if (count > 0) return this.#child.discard(this.#offset + offset, count, origin);
  }

  flush(origin?: EdgeParent): Pending {
    return this.#child.flush(origin);
  }

  blockStatus(offset: number, length: number): Pending<BlockExtent> {
    const count = this.#storedOf(offset, length);
    if (count > 0) return this.#child.blockStatus(this.#offset + offset, count);
    return { length, data: false, zero: true, allocated: true };
  }

  async resize(size: number): Promise<void> {
    const action = `resize "${this.#name}" to ${size} bytes`;
    if (this.#isFixed) {
      throw new BlockError('ENOTSUP', action, 'Cannot resize fixed-size raw disks');
    }
    if (!Number.isSafeInteger(this.#offset + size)) {
      throw new BlockError('EINVAL', action, 'Disk size too large for the chosen offset');
    }
    // How a write beyond the end fared is that write's affair.
    await Promise.allSettled([this.#resizing]);
    this.#resizing = this.#resizeChild(size);
    await this.#resizing;
  }

  // The graph closes what is below.
  async close(): Promise<void> {}

  /** How many bytes of a range the node below has. */
  #storedOf(offset: number, length: number): number {
    const available = this.#stored - offset;
    return length <= available ? length : Math.max(available, 0);
  }

  async #writeBeyond(
    offset: number,
    from: Uint8Array,
    options: WriteOptions,
    origin: EdgeParent | undefined,
  ): Promise<void> {
    this.#resizing ??= this.#resizeChild(this.#size);
    await this.#resizing;
    await this.#child.write(this.#offset + offset, from, options, origin);
  }

  async #resizeChild(size: number): Promise<void> {
    try {
      await this.#child.resize(this.#offset + size);
      this.#stored = size;
      this.#size = alignUp(size, SECTOR_LENGTH);
    } finally {
      this.#resizing = undefined;
    }
  }
}
