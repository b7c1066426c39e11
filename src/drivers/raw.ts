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
  type Loan,
  type PreparedReopening,
  type ReopenContext,
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

interface RawOptions {
  readonly offset: number;
  readonly size?: number | undefined;
}

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
    async open({ file, ...options }, { name, isGuessed, openChild }) {
      demandSizes(options);
      const child = await openChild('file', file);
      const window = windowOf(`open "${name}"`, options, child.size);
      return new RawDisk({ name, child, window, isGuessed });
    },
  },
);

function demandSizes({ offset, size }: RawOptions): void {
  demandUnsigned(offset, 'offset');
  if (size !== undefined) demandUnsigned(size, 'size');
}

/** A part of the node below. */
interface Window {
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** How many bytes of it the node below has. */
  readonly stored: number;
  /** Its size was given. */
  readonly isFixed: boolean;
}

function windowOf(action: string, options: RawOptions, childSize: number): Window {
  const { offset, size } = options;
  demandInside(action, options, childSize);
  return { offset, stored: size ?? childSize - offset, isFixed: size !== undefined };
}

function demandInside(action: string, { offset, size }: RawOptions, childSize: number): void {
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

function limitsOf(below: DriverLimits, offset: number, isGuessed: boolean): DriverLimits {
  const { transferMax, discardAlignment } = below;
  const isShifted = offset % discardAlignment !== 0;
  const alignment = isGuessed ? SIGNATURE_LENGTH : 1;
  const unit = Math.max(isShifted ? 1 : discardAlignment, alignment);
  return { alignment, transferMax, discardAlignment: unit };
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
  readonly window: Window;
  readonly isGuessed: boolean;
}

class RawDisk implements BlockDriver {
  readonly reopening = {
    changeable: ['offset', 'size'],
    prepare: (options: RawOptions, context: ReopenContext) => this.#prepare(options, context),
  };
  // The node below honours it or flushes.
  readonly supports = { forceUnitAccess: true };
  readonly children: readonly BlockEdge[];
  readonly #name: string;
  readonly #child: BlockEdge;
  readonly #isGuessed: boolean;
  #limits: DriverLimits;
  #offset: number;
  #isFixed: boolean;
  /** How many bytes of the disk the node below has. */
  #stored: number;
  #size: number;
  /** The node below is changing its size. */
  #resizing: Promise<void> | undefined;

  constructor({ name, child, window, isGuessed }: RawParts) {
    this.#limits = limitsOf(child.node.limits, window.offset, isGuessed);
    this.#isGuessed = isGuessed;
    this.children = [child];
    this.#name = name;
    this.#child = child;
    this.#offset = window.offset;
    this.#isFixed = window.isFixed;
    this.#stored = window.stored;
    this.#size = alignUp(this.#stored, SECTOR_LENGTH);
  }

  get limits(): DriverLimits {
    return this.#limits;
  }

  /** Of a part of a node, which would be another one then. */
  get keepsSize(): boolean {
    return this.#isFixed || this.#offset > 0;
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

  lend(offset: number, length: number): Loan | undefined {
    if (this.#storedOf(offset, length) < length) return undefined;
    return this.#child.lend(this.#offset + offset, length);
  }

  place(offset: number, length: number): Uint8Array | undefined {
    if (this.#storedOf(offset, length) < length) return undefined;
    return this.#child.place(this.#offset + offset, length);
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

  #prepare(options: RawOptions, { sizeOf }: ReopenContext): PreparedReopening {
    demandSizes(options);
    const window = () => windowOf(`reopen "${this.#name}"`, options, sizeOf('file'));
    return {
      size: () => alignUp(window().stored, SECTOR_LENGTH),
      commit: () => this.#moveTo(window()),
    };
  }

  #moveTo({ offset, stored, isFixed }: Window): void {
    this.#limits = limitsOf(this.#child.node.limits, offset, this.#isGuessed);
    this.#offset = offset;
    this.#isFixed = isFixed;
    this.#stored = stored;
    this.#size = alignUp(stored, SECTOR_LENGTH);
  }

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
