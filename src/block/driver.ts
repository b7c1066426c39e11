/**
 * What a block driver is.
 *
 * A driver moves bytes and nothing else: it never sees a request outside its size, unaligned to its
 * `limits.alignment`, longer than its limits, or with a flag it did not declare. {@link BlockNode}
 * has checked all of that, emulates what is missing, and keeps the accounts. All offsets and
 * lengths are bytes.
 *
 * "Aligned" means: the offset is a multiple of the alignment, and so is the end, unless it is the
 * end of the disk, whose size need not be a multiple of anything.
 */

import type { Pending } from '../base/pending.ts';
import type { Env } from '../env/env.ts';
import type { MemberValues } from '../wire/qapi/composites.ts';
import type { Members } from '../wire/qapi/type.ts';
import type { BlockEdge } from './edge.ts';
import type { BlockdevRef, CacheOptions, OptionsOf } from './options.ts';
import type { EdgeParent } from './parent.ts';

export interface DriverLimits {
  /** Every offset and length is a multiple of this; a power of two. */
  readonly alignment: number;
  /** No single read or write is longer than this. */
  readonly transferMax: number;
  /** A discard covers whole multiples of this; a power of two, at least `alignment`. */
  readonly discardAlignment: number;
  /**
   * `writeZeroes` takes whole multiples of this, and the rest is written as data; a power of two,
   * at least `alignment`.
   *
   * @default The alignment.
   */
  readonly zeroesAlignment?: number;
  /** No single `writeZeroes` is longer than this. @default No limit. */
  readonly zeroesMax?: number;
  /** No single discard is longer than this. @default No limit. */
  readonly discardMax?: number;
}

/** Fixed at open. The contract suite checks that a driver does what it declares, and only that. */
export interface DriverSupport {
  /**
   * `write` and `writeZeroes` honour `forceUnitAccess`; where not, the node flushes after them.
   */
  readonly forceUnitAccess: boolean;
}

export interface WriteOptions {
  /** Durable before the request completes, as NBD_CMD_FLAG_FUA. */
  readonly forceUnitAccess: boolean;
  /**
   * The bytes are where {@link BlockDriver.place} wanted them, and their memory is the disk's from
   * now on. Only who has that operation is told.
   */
  readonly placed?: boolean;
}

export interface WriteZeroesOptions extends Omit<WriteOptions, 'placed'> {
  /** The range may be deallocated, as long as it reads as zeroes. */
  readonly mayUnmap: boolean;
  /**
   * Fail with `ENOTSUP` where zeroing would be no faster than writing zeroes, as
   * NBD_CMD_FLAG_FAST_ZERO.
   */
  readonly noFallback: boolean;
}

/** What is known of a range without reading it, in QEMU's terms. */
export interface BlockExtent {
  /** Bytes from the offset asked for that the answer holds for; more than 0. */
  readonly length: number;
  /** There are bytes stored, which a read would fetch. */
  readonly data: boolean;
  /** The range reads as zeroes. */
  readonly zero: boolean;
  /** This disk itself, and not one behind it, decides what the range reads as. */
  readonly allocated: boolean;
}

/** Bytes of a disk where they lie in its memory. */
export interface Loan {
  /** One behind the other, they are what was asked for; nobody changes them before the end. */
  readonly parts: readonly Uint8Array[];
  /** They are not looked at any more; called at the end. */
  end(): void;
}

/** How the discards of a disk fared. */
export interface DiscardCounts {
  readonly done: number;
  readonly failed: number;
  /** Of those that are done. */
  readonly bytes: number;
}

export interface BlockDriver {
  /** Fixed until it is reopened. */
  readonly limits: DriverLimits;
  readonly supports: DriverSupport;
  /** The nodes it stands on; the edges are its own, and it leaves them open when it closes. */
  readonly children: readonly BlockEdge[];
  /** Of a filter: the child whose bytes it shows as they are. */
  readonly filtered?: BlockEdge;
  /**
   * The node that is filtered may lag behind what this one reads as, as that below a cache does: so
   * the status of blocks is to be asked for here.
   */
  readonly holdsBack?: boolean;
  /** The child that decides what a range reads as that is not allocated here. */
  readonly backing?: BlockEdge | undefined;
  /** It relies on the size of its children, which nobody else may change. */
  readonly keepsSize?: boolean;
  /** What is allocated at a time, in bytes, where storage is allocated at all; a power of two. */
  readonly clusterSize?: number;
  size(): number;

  // Whoever began a request, such as a device, a job or an export, is its `origin`. A driver that
  // carries it out by one request to a child passes it on; what a driver does on its own account
  // has none.

  /** Fills the whole of `into`. @throws {BlockError} */
  read(offset: number, into: Uint8Array, origin?: EdgeParent): Pending;
  /**
   * Writes the whole of `from`, keeping no reference to it once done unless it was placed.
   *
   * @throws {BlockError}
   */
  write(offset: number, from: Uint8Array, options: WriteOptions, origin?: EdgeParent): Pending;
  /** Makes every write that completed before this call durable. @throws {BlockError} */
  flush(origin?: EdgeParent): Pending;
  /** Releases everything; called once, with no request in flight. */
  close(): Promise<void>;

  // Optional operations. Where one is absent the node writes zeroes, ignores the discard, reports
  // the range as data, refuses the new size, or neither lends nor places.

  /**
   * Makes the range read as zeroes, without sending zeroes.
   *
   * @throws {BlockError} `ENOTSUP` when that cannot be had here; the node then writes zeroes.
   */
  writeZeroes?(
    offset: number,
    length: number,
    options: WriteZeroesOptions,
    origin?: EdgeParent,
  ): Pending;
  /** Gives the storage of the range back where it can; what it reads as afterwards is open. */
  discard?(offset: number, length: number, origin?: EdgeParent): Pending;
  /** @returns The first extent of the range; its length may exceed the range. */
  blockStatus?(offset: number, length: number): Pending<BlockExtent>;
  /** How its discards fared, where that is counted. */
  readonly discards?: DiscardCounts;
  /** What the storage of the disk takes, in bytes, which may be less or more than its size. */
  allocatedSize?(): Promise<number>;
  /** Changes the size; what is added reads as zeroes. */
  resize?(size: number): Promise<void>;
  /**
   * A read without a copy: it is over when this returns, and what it shows stays as it is then,
   * whatever is written until the loan ends.
   *
   * @returns Nothing where that is not cheap, and {@link BlockDriver.read} is to be used.
   */
  lend?(offset: number, length: number): Loan | undefined;
  /**
   * For a write without a copy: memory that becomes the disk's when it is written as `placed`.
   *
   * @returns As many bytes as the write will have, with anything in them, to be written once as a
   *   whole, or not at all, and then forgotten; nothing where that is not to be had.
   */
  place?(offset: number, length: number): Uint8Array | undefined;
  /** How it goes on with other options; absent where it can do with those it has only. */
  readonly reopening?: DriverReopening;
  /** Changes {@link BlockDriver.backing}, with no request in flight; the edge is the driver's. */
  setBacking?(backing: BlockEdge | undefined): void;
  /** A drain has begun that waits for what is in flight: holds nothing back of its own accord. */
  beginDrain?(): void;
  /** That drain has ended; called as often as {@link BlockDriver.beginDrain}. */
  endDrain?(): void;
  /**
   * Fails, with `ECANCELED`, what is in flight and may otherwise never end; later requests are
   * carried out as ever.
   */
  cancelInFlight?(): void;
}

/**
 * How a driver goes on with other options, with no request in flight until it is over.
 *
 * Of several nodes that are reopened together all are, or none: each driver first gets ready, and
 * does what may fail. Only then is it told which it shall be.
 */
export interface DriverReopening {
  /** The options of its own that may change; that the others do not is seen to. @default None */
  readonly changeable?: readonly string[];
  /**
   * Gets ready, while the driver goes on as it is. @default There is nothing to get ready.
   *
   * @param options Those of its own, as {@link DriverDefinition.open} is given them.
   * @throws {BlockError} When that cannot be; it then leaves nothing behind.
   */
  prepare?(options: never, context: ReopenContext): Pending<PreparedReopening>;
}

/** A driver that is ready for other options: one of the two is called, once. */
export interface PreparedReopening {
  /**
   * Asked once all are ready. @default The one that it has
   *
   * @returns The size that the disk will have, in bytes.
   * @throws {BlockError} When that of a child is not what it must be.
   */
  size?(): number;
  /**
   * Goes on with them, before it returns; what it then waits for is to put the old away. Never
   * fails.
   */
  commit(): Pending;
  /** Puts away what was made ready. @default There is nothing. */
  abort?(): Pending;
}

/** What of a node changes, beside the options of its driver. */
export interface ReopenContext extends Pick<OpenContext, 'readOnly' | 'unmap' | 'cache'> {
  /** The size that a child will have, in bytes; known once all are ready. */
  sizeOf(role: string): number;
}

/** What those need to know of a driver who deal with its node. */
export type DriverTraits = Pick<
  BlockDriver,
  'holdsBack' | 'keepsSize' | 'reopening' | 'backing' | 'setBacking' | 'discards' | 'allocatedSize'
>;

/** What a driver is given when it opens, beside its options. */
export interface OpenContext {
  readonly env: Env;
  /** The name of the node that is being opened, for messages. */
  readonly name: string;
  readonly readOnly: boolean;
  /** Discards and unmapping zero writes will reach this driver. */
  readonly unmap: boolean;
  readonly cache: CacheOptions;
  /** Others may do with what is opened what they like (`force-share`). */
  readonly forceShare: boolean;
  /** The user did not say which format the image has: how it begins must not change the guess. */
  readonly isGuessed: boolean;
  /**
   * Opens the node below, or finds it when `options` is the name of one.
   *
   * @param role What the child is to its parent, such as "file".
   */
  openChild(role: string, options: BlockdevRef): Promise<BlockEdge>;
}

/** How disks of one kind are opened; `Values` are the options of its own, once checked. */
export interface DriverDefinition<Values = object> {
  /** One sentence, for people. */
  readonly summary: string;
  /** By QEMU's names. */
  readonly options: OptionsOf<Members>;
  /** @throws {BlockError} When it cannot be opened; it then leaves nothing open. */
  open(options: Values, context: OpenContext): Promise<BlockDriver>;
}

/** Drivers by the name that `driver=` gives. */
export type DriverRegistry = Readonly<Record<string, DriverDefinition>>;

/**
 * Makes a definition; the types of its options follow from their declaration.
 *
 * (Two arguments, because the compiler infers from the first before it looks at the second.)
 */
export function defineDriver<const M extends Members>(
  options: OptionsOf<M>,
  rest: Omit<DriverDefinition<MemberValues<M>>, 'options'>,
): DriverDefinition {
  // The registry forgets which options belong to which driver: they are checked by the definition's
  // own types before open() sees them.
  return { options, ...rest } as unknown as DriverDefinition;
}
