/**
 * A disk as its parents see it: a driver with everything around it that all drivers share.
 *
 * The node checks each request, brings it to the driver's alignment and limits, emulates what the
 * driver lacks, counts what is in flight, and marks the dirty bitmaps that are on it. Completion is
 * synchronous where the driver's is: see {@link Pending}.
 *
 * Three rules carry the mirror's correctness:
 * - A write marks after it has taken effect and before its caller learns of it. Marked earlier, a
 *   copier could clear the mark and copy the old bytes; marked later, an acknowledged write could
 *   be forgotten. A failed write marks too, for nobody knows how much of it took effect.
 * - Whatever can change what the disk reads as marks: writes, zeroes, and discards.
 * - On a driver with a coarse alignment, writes that share a block wait for one another, so that
 *   one's read-modify-write cannot undo the other. (With alignment 1 there is none.)
 */

import { assert } from '../base/assert.ts';
import type { Pending } from '../base/pending.ts';
import type { ByteRange } from '../base/ranges.ts';
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.ts';
import { RangeLock } from '../sync/range-lock.ts';
import { Signal } from '../sync/signal.ts';
import type {
  BlockDriver,
  BlockExtent,
  DriverLimits,
  DriverTraits,
  Loan,
  WriteOptions,
  WriteZeroesOptions,
} from './driver.ts';
import type { BlockEdge } from './edge.ts';
import type { NodeOptions } from './options.ts';
import type { ActiveDrain, EdgeParent, ParentEdge } from './parent.ts';
import { admit, demandResizable } from './permissions.ts';
import {
  assertLimits,
  blocksAround,
  type ChangeOptions,
  type Destination,
  discardInside,
  isOnePiece,
  isWithin,
  outOfRange,
  readOnlyDisk,
  readPieces,
  statusOf,
  writeDetectingZeroes,
  writePieces,
  writeZeroesPieces,
} from './request.ts';
import { WriteReach } from './write-reach.ts';

const PLAIN_WRITE: WriteOptions = { forceUnitAccess: false };
const PLACED_WRITE: WriteOptions = { forceUnitAccess: false, placed: true };

export class BlockNode {
  /** Who stands on it. */
  readonly parents: Set<ParentEdge> = new Set();
  readonly writes = new WriteReach();
  /** The drains it is in. */
  readonly drains: Set<ActiveDrain> = new Set();
  readonly #driver: BlockDriver;
  readonly #bitmaps = new Set<DirtyBitmap>();
  readonly #lock = new RangeLock();
  readonly #idle = new Signal();
  #options: NodeOptions;
  #size: number;
  #inFlight = 0;
  #isClosed = false;

  constructor(options: NodeOptions, driver: BlockDriver) {
    assertLimits(driver.limits);
    this.#options = options;
    this.#driver = driver;
    this.#size = driver.size();
    for (const edge of driver.children) edge.belongTo(this);
  }

  get options(): NodeOptions {
    return this.#options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  get limits(): DriverLimits {
    return this.#driver.limits;
  }

  /** The edges to the nodes it stands on, and those nodes. */
  get edges(): readonly BlockEdge[] {
    return this.#driver.children;
  }

  get children(): readonly BlockNode[] {
    return this.edges.map((edge) => edge.node);
  }

  /** The bitmaps that its changes mark. */
  get bitmaps(): ReadonlySet<DirtyBitmap> {
    return this.#bitmaps;
  }

  /** Of a filter: the node whose bytes it shows. */
  get filtered(): BlockNode | undefined {
    return this.#driver.filtered?.node;
  }

  /** The node that decides what a range reads as that is not allocated here. */
  get backing(): BlockNode | undefined {
    return this.#driver.backing?.node;
  }

  /** Bytes allocated at a time, where that has a meaning. */
  get clusterSize(): number | undefined {
    return this.#driver.clusterSize;
  }

  /** What its driver tells of itself. */
  get traits(): DriverTraits {
    return this.#driver;
  }

  /** Requests that have begun and not ended. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** It is closed, or on the way there. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when nothing is in flight; by the time the caller runs, something may be again. */
  async whenIdle(): Promise<void> {
    while (this.#inFlight > 0) await this.#idle.wait();
  }

  /**
   * Fills `into` with the bytes at `offset`.
   *
   * @throws {BlockError} `EINVAL` when the range is not within the disk; else what the driver
   *   failed with, usually `EIO`. So for every request below.
   */
  read(offset: number, into: Uint8Array, origin?: EdgeParent): Pending {
    const { length } = into;
    this.#check('read', offset, length);
    const driver = this.#driver;
    if (isOnePiece(driver, offset, length)) {
      return this.#run(() => driver.read(offset, into, origin));
    }
    return this.#run(() => readPieces({ driver, origin }, offset, into));
  }

  /** As {@link BlockDriver.lend}; nothing of a range that {@link BlockNode.read} would refuse. */
  lend(offset: number, length: number): Loan | undefined {
    const isFit = isWithin(this.#size, offset, length) && isOnePiece(this.#driver, offset, length);
    return isFit ? this.#driver.lend?.(offset, length) : undefined;
  }

  /** As {@link BlockDriver.place}; nothing for a write that does not reach the driver as it is. */
  place(offset: number, length: number): Uint8Array | undefined {
    const isFit = isWithin(this.#size, offset, length) && this.#isTakenAsIs(offset, length);
    return isFit && this.limits.alignment === 1 ? this.#driver.place?.(offset, length) : undefined;
  }

  /** Writes the whole of `from`, which must not change before the write has completed. */
  write(
    offset: number,
    from: Uint8Array,
    options: ChangeOptions = PLAIN_WRITE,
    origin?: EdgeParent,
  ): Pending {
    const { length } = from;
    this.#checkChange('write', offset, length);
    const driver = this.#driver;
    if (this.#isTakenAsIs(offset, length) && !options.forceUnitAccess) {
      const isAlone = driver.limits.alignment === 1;
      const isPlaced = isAlone && options.placed && driver.place;
      const actual = isPlaced ? PLACED_WRITE : PLAIN_WRITE;
      const write = () => driver.write(offset, from, actual, origin);
      const start = isAlone ? write : () => this.#lock.holding({ offset, length }, write);
      return this.#run(start, offset, length, options.unmarked);
    }
    const to = { driver, origin };
    return this.#change(to, { offset, length }, options, (actual) => {
      if (this.options.detectZeroes === 'off') return writePieces(to, offset, from, actual);
      const mayUnmap = this.options.unmap && this.options.detectZeroes === 'unmap';
      const zeroes = { mayUnmap, noFallback: false, ...actual };
      return writeDetectingZeroes(to, offset, from, zeroes);
    });
  }

  /**
   * Makes a range read as zeroes.
   *
   * @throws {BlockError} `ENOTSUP` only where `noFallback` was asked for.
   */
  writeZeroes(
    offset: number,
    length: number,
    options: Partial<WriteZeroesOptions> & ChangeOptions = {},
    origin?: EdgeParent,
  ): Pending {
    this.#checkChange('write zeroes', offset, length);
    const { mayUnmap = false, noFallback = false } = options;
    const wanted = { mayUnmap: mayUnmap && this.options.unmap, noFallback };
    const to = { driver: this.#driver, origin };
    return this.#change(to, { offset, length }, options, ({ forceUnitAccess }) =>
      writeZeroesPieces(to, offset, length, { forceUnitAccess, ...wanted }),
    );
  }

  /** Says that nobody needs the bytes of a range any more; what it reads as afterwards is open. */
  discard(offset: number, length: number, origin?: EdgeParent): Pending {
    this.#checkChange('discard', offset, length);
    // What does not reach the driver changes nothing, and must not make a mirror copy the range.
    if (!this.options.unmap || !this.#driver.discard) return;
    const to = { driver: this.#driver, origin };
    const discard = () => discardInside(to, offset, length);
    return this.#change(to, { offset, length }, PLAIN_WRITE, discard);
  }

  /** Makes durable every write that completed before this call. */
  flush(origin?: EdgeParent): Pending {
    return this.#run(() => this.#driver.flush(origin));
  }

  joinDrain(drain: ActiveDrain): void {
    this.drains.add(drain);
    this.#driver.beginDrain?.();
  }

  leaveDrain(drain: ActiveDrain): void {
    this.drains.delete(drain);
    this.#driver.endDrain?.();
  }

  /** Fails with `ECANCELED` what is in flight, here and below, where the drivers can. */
  cancelInFlight(): void {
    this.#driver.cancelInFlight?.();
    for (const child of this.children) child.cancelInFlight();
  }

  /** @returns What is known of the range's beginning; `length` in it is at most that asked for. */
  blockStatus(offset: number, length: number): Pending<BlockExtent> {
    this.#check('query', offset, length);
    return this.#run(() => statusOf(this.#driver, { offset, length }));
  }

  /** Counts all that `work` asks of this node and of those below as one request of this node. */
  asOne<T>(work: () => Pending<T>): Pending<T> {
    return this.#run(work);
  }

  /**
   * Changes the size of the disk.
   *
   * @throws {BlockError} `ENOTSUP` when the driver cannot, `EPERM` when the disk is read-only,
   *   `EINVAL` for what is no size, `EBUSY` while a bitmap tracks the disk or another parent than
   *   that at the edge `by` relies on its size.
   */
  async resize(size: number, by?: ParentEdge): Promise<void> {
    demandResizable(this, { size, by }, this.#driver.resize !== undefined);
    await this.#run(() => this.#driver.resize?.(size));
    this.#size = this.#driver.size();
  }

  /** Its driver goes on with other options: so does the node. */
  reopened(options: NodeOptions): void {
    this.#options = options;
    this.#size = this.#driver.size();
  }

  /** From now on every change marks `bitmap`, which must have the size of the disk. */
  track(bitmap: DirtyBitmap): void {
    assert(bitmap.size === this.#size, 'a bitmap is as large as the disk it tracks');
    this.#bitmaps.add(bitmap);
  }

  untrack(bitmap: DirtyBitmap): void {
    this.#bitmaps.delete(bitmap);
  }

  /** @throws {BlockError} `EBUSY` when the edge's parent and another one exclude each other. */
  attach(edge: ParentEdge): void {
    admit(this, edge);
    this.take(edge);
  }

  /** As {@link BlockNode.attach}, for one who sees to it that no two parents exclude each other. */
  take(edge: ParentEdge): void {
    assert(!this.#isClosed, 'nobody comes to stand on a closed node');
    this.parents.add(edge);
    for (const drain of this.drains) drain.adopt(edge);
  }

  detach(edge: ParentEdge): void {
    this.parents.delete(edge);
  }

  /** Closes the driver and leaves the nodes below; called once, when nobody stands on it. */
  async close(): Promise<void> {
    assert(this.parents.size === 0, 'a node closes when no parent is left');
    assert(!this.#isClosed, 'a node closes once');
    this.#isClosed = true;
    // Nobody is left to wait for it: it was given up.
    if (this.#inFlight > 0) this.#driver.cancelInFlight?.();
    await this.whenIdle();
    try {
      await this.#driver.close();
    } finally {
      for (const edge of this.#driver.children) edge.close();
    }
  }

  #check(operation: string, offset: number, length: number): void {
    if (!isWithin(this.#size, offset, length))
      throw outOfRange(this, operation, { offset, length });
  }

  #checkChange(operation: string, offset: number, length: number): void {
    this.#check(operation, offset, length);
    if (this.options.readOnly) throw readOnlyDisk(this, operation, { offset, length });
    if (operation !== 'discard') this.writes.note(offset + length);
  }

  /** Whether the driver is given a write of that range as it comes. */
  #isTakenAsIs(offset: number, length: number): boolean {
    return this.options.detectZeroes === 'off' && isOnePiece(this.#driver, offset, length);
  }

  /**
   * Carries out a change that a driver does not take as it is: with the lock on its blocks where
   * they may be shared, and with a flush after it where FUA has to be emulated.
   */
  #change(
    { origin }: Destination,
    { offset, length }: ByteRange,
    { forceUnitAccess = false, unmarked }: ChangeOptions,
    body: (actual: WriteOptions) => Promise<void>,
  ): Pending {
    const driver = this.#driver;
    const isNative = forceUnitAccess && driver.supports.forceUnitAccess;
    const change = async () => {
      await body({ forceUnitAccess: isNative });
      if (forceUnitAccess && !isNative) await driver.flush(origin);
    };
    const start = () => {
      if (driver.limits.alignment === 1) return change();
      return this.#lock.holding(blocksAround(driver, { offset, length }), change);
    };
    return this.#run(start, offset, length, unmarked);
  }

  /**
   * Counts a request from beginning to end, and marks the `changed` bytes at `offset`; `unmarked`
   * only if it failed.
   */
  #run<T>(start: () => Pending<T>, offset = 0, changed = 0, unmarked?: DirtyBitmap): Pending<T> {
    this.#inFlight += 1;
    let result: Pending<T>;
    try {
      result = start();
    } catch (error) {
      this.#end(offset, changed);
      throw error;
    }
    if (result instanceof Promise) {
      // Half the cost of `finally`, which counts on a request of 4 KiB.
      return result.then(
        (value) => {
          this.#end(offset, changed, unmarked);
          return value;
        },
        (error: unknown) => {
          this.#end(offset, changed);
          throw error;
        },
      );
    }
    this.#end(offset, changed, unmarked);
    return result;
  }

  #end(offset: number, changed: number, unmarked?: DirtyBitmap): void {
    if (changed > 0) {
      for (const bitmap of this.#bitmaps) if (bitmap !== unmarked) bitmap.mark(offset, changed);
    }
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#idle.notifyAll();
  }
}
