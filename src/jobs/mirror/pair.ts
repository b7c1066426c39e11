/**
 * Source and target, as the two halves of the mirror share them: the background copies and the
 * guest's own writes when they go to both.
 *
 * Why no guest write is lost. Within one copy the order is: claim the range, clear its bits, ask
 * for its status, read it, write it, release the claim. The source's node marks a range after a
 * write has taken effect and before its guest learns of it. So for each guest write either
 *
 * - it took effect before the copy read: the copy has its bytes; or
 * - it took effect after: then its mark comes after the clear, survives it, and the range is copied
 *   again.
 *
 * Cleared after the read (or the status asked for before the clear), a write that fell in between
 * would be forgotten. A range is claimed by one at a time, for else older bytes could be the last
 * to reach the target. Whatever fails marks what the target lacks before its claim is released.
 *
 * A guest write that goes to both claims every granule that it touches, clears those that it covers
 * whole, and writes both disks at the same time. Of a granule that it covers in part the rest may
 * still be missing on the target: if that granule is dirty it stays so and the part is left to the
 * copy; if it is clean it gets the part and is clean again.
 *
 *     granules      |  dirty  |  any   |  any   |  clean  |
 *     guest write        |=========================|
 *     to the source      |=========================|
 *     to the target           |====================|
 *     cleared                 |--------|--------|
 */

import { BlockError } from '../../base/errors.ts';
import type { Pending } from '../../base/pending.ts';
import { alignDown, alignUp, type ByteRange } from '../../base/ranges.ts';
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { statusAbove } from '../../block/allocation.ts';
import type { BlockExtent, WriteOptions } from '../../block/driver.ts';
import type { BlockEdge } from '../../block/edge.ts';
import type { ErrorAction } from '../../block/error-policy.ts';
import { RangeLock } from '../../sync/range-lock.ts';
import { JobCancelled, type JobControl } from '../work.ts';
import type { MirrorSettings } from './options.ts';

/** A request of the mirror that failed, and what is to be done about it. */
export class CopyFailed extends Error {
  override readonly name = 'CopyFailed';
  readonly action: ErrorAction;

  constructor(action: ErrorAction, cause: BlockError) {
    super(cause.message, { cause });
    this.action = action;
  }
}

export interface PairOptions {
  readonly source: BlockEdge;
  readonly target: BlockEdge;
  readonly dirty: DirtyBitmap;
  readonly settings: MirrorSettings;
  /** Bytes that are copied whole where the target does not have them yet; a multiple of a granule. */
  readonly cluster: number | undefined;
}

/** One write of the guest, as it goes to either disk. */
export interface GuestWrite extends ByteRange {
  /** @param unmarked A bitmap to leave alone if all goes well. */
  toSource(unmarked: DirtyBitmap | undefined): Pending;
  toTarget(part: ByteRange): Pending;
}

export class MirrorPair {
  readonly source: BlockEdge;
  readonly target: BlockEdge;
  readonly dirty: DirtyBitmap;
  readonly claims = new RangeLock();
  /** What reads as zeroes on the target for certain. */
  readonly knownZero: DirtyBitmap;
  readonly #settings: MirrorSettings;
  /** Clusters that the target has as a whole; those others must be copied whole. */
  readonly #complete: DirtyBitmap | undefined;
  readonly #leave = new Set<() => void>();
  #control: JobControl | undefined;
  #isActive: boolean;
  #isOpen = false;
  #failure: unknown;
  #givenUp = false;
  #copied = 0;
  #copying = 0;
  #mirroring = 0;

  constructor({ source, target, dirty, settings, cluster }: PairOptions) {
    this.source = source;
    this.target = target;
    this.dirty = dirty;
    this.knownZero = new DirtyBitmap(dirty.size, dirty.granularity);
    this.#settings = settings;
    this.#isActive = settings.copyMode === 'write-blocking';
    if (cluster !== undefined) this.#complete = new DirtyBitmap(dirty.size, cluster);
  }

  /** The job has begun. */
  begin(control: JobControl): void {
    this.#control = control;
  }

  /** What has to be copied is marked: from now on guest writes may go to both disks. */
  open(): void {
    this.#isOpen = true;
  }

  /** Whether guest writes go to both disks at once. */
  get isActive(): boolean {
    // After an error that waits to be mended, each guest write would only meet it again.
    const { isCancelled = false, isStopped = false } = this.#control ?? {};
    if (!this.#isActive || !this.#isOpen || isCancelled || isStopped) return false;
    return this.#failure === undefined;
  }

  /** Lets guest writes that come from now on go to both disks, or not. */
  setActive(isActive: boolean): void {
    this.#isActive = isActive;
  }

  /** What the job fails with. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Bytes that have reached the target; those that did so twice count twice. */
  get copied(): number {
    return this.#copied;
  }

  /** Bytes of guest writes that are on their way to both disks. */
  get mirroring(): number {
    return this.#mirroring;
  }

  /** What is still to reach the target, in bytes. */
  get remaining(): number {
    return this.dirty.dirtyBytes + this.#copying + this.#mirroring;
  }

  /** What is claimed for a range: whole granules, or whole clusters that the target lacks. */
  around({ offset, length }: ByteRange): ByteRange {
    const granules = this.#whole(offset, length, this.dirty.granularity);
    if (!this.#complete || !this.#lacksClusters(granules)) return granules;
    return this.#whole(granules.offset, granules.length, this.#complete.granularity);
  }

  /**
   * Copies a range that the caller has claimed, piece by piece through `buffer`.
   *
   * @param goOn Called before each piece; with `false` the rest stays dirty. It gives the length of
   *   the piece at most.
   * @returns How many bytes were sent, and not just known to be zero.
   * @throws {CopyFailed} What a request failed with; what was not copied is dirty again.
   */
  async copyClaimed(
    range: ByteRange,
    buffer: Uint8Array,
    goOn: () => number | Promise<number> = () => buffer.length,
  ): Promise<number> {
    const end = range.offset + range.length;
    let at = range.offset;
    let sent = 0;
    this.dirty.clear(range.offset, range.length);
    this.#copying += range.length;
    try {
      while (at < end) {
        const lengthMax = await goOn();
        if (lengthMax === 0) break;
        const rest = { offset: at, length: end - at };
        const { length, isData } = await this.#copyExtent(rest, buffer, lengthMax);
        at += length;
        if (isData) sent += length;
        this.#copied += length;
        this.#copying -= length;
      }
      if (at === end) this.#complete?.mark(range.offset, range.length);
      return sent;
    } finally {
      // A failure leaves a rest: it is dirty again before anybody can look at it unclaimed.
      if (at < end) this.dirty.mark(at, end - at);
      this.#copying -= end - at;
    }
  }

  /** Carries out a guest write on both disks; a failure of the target is not the guest's. */
  async mirror(write: GuestWrite): Promise<void> {
    this.#mirroring += write.length;
    try {
      await this.claims.holding(this.around(write), () => this.#mirrorClaimed(write));
    } finally {
      this.#mirroring -= write.length;
      this.#control?.wake();
    }
  }

  /**
   * Carries out a guest's change of the source, and then copies what it touched: for a change whose
   * effect on the target would not be the same for certain.
   */
  async follow(range: ByteRange, toSource: () => Pending): Promise<void> {
    const whole = this.around(range);
    await this.claims.holding(whole, async () => {
      await toSource();
      // What the source ignored has marked nothing.
      const dirty = this.dirty.nextDirty(whole.offset);
      const isDirty = dirty !== undefined && dirty.offset < whole.offset + whole.length;
      if (isDirty && this.isActive) await this.#copyNow(whole);
    });
    this.#control?.wake();
  }

  /** Writes bytes to the target, by the edge of whoever asks. */
  put(edge: BlockEdge, offset: number, bytes: Uint8Array, options?: WriteOptions): Pending {
    const { offset: start, length } = this.#whole(offset, bytes.length, this.dirty.granularity);
    this.knownZero.clear(start, length);
    return edge.write(offset, bytes, options);
  }

  /** Zeroes a range of the target, by the edge of whoever asks; what is known to be zero stays. */
  async zero(
    edge: BlockEdge,
    range: ByteRange,
    options: { readonly mayUnmap: boolean; readonly forceUnitAccess?: boolean },
  ): Promise<void> {
    const clean = this.knownZero.nextClean(range.offset);
    if (clean === undefined || clean >= range.offset + range.length) return;
    await edge.writeZeroes(range.offset, range.length, options);
    const { offset, length } = this.#inside(range);
    if (length > 0) this.knownZero.mark(offset, length);
  }

  /** Tells of a failed request. @returns What is to be done. */
  failed(operation: 'read' | 'write', error: BlockError): ErrorAction {
    if (this.#givenUp || !this.#control) return 'report';
    const { onSourceError, onTargetError } = this.#settings;
    const policy = operation === 'read' ? onSourceError : onTargetError;
    const action = this.#control.failed({ operation, policy, error });
    if (action === 'report') this.fail(error);
    return action;
  }

  /** Lets the job fail; the first failure counts. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Makes a request for the job. @throws {CopyFailed} After telling of it. */
  async attempt<T>(operation: 'read' | 'write', start: () => Pending<T>): Promise<T> {
    if (this.#givenUp) throw new JobCancelled();
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      throw new CopyFailed(this.failed(operation, error), error);
    }
  }

  /** The target may never answer: nobody waits for it any more. */
  giveUp(): void {
    this.#givenUp = true;
    for (const leave of this.#leave) leave();
  }

  async #mirrorClaimed(write: GuestWrite): Promise<void> {
    const whole = this.around(write);
    if (this.#complete && this.#lacksClusters(whole)) {
      await write.toSource(undefined);
      if (this.isActive) await this.#copyNow(whole);
      return;
    }
    const part = this.#missingOn(write);
    const covered = this.#inside(write);
    if (covered.length > 0) this.dirty.clear(covered.offset, covered.length);
    const onTarget = part.length > 0 ? this.#sendToTarget(write, part) : undefined;
    try {
      // If it fails, the node marks the range, whatever becomes of the target.
      await write.toSource(this.dirty);
    } finally {
      await onTarget;
    }
  }

  async #sendToTarget(write: GuestWrite, part: ByteRange): Promise<void> {
    try {
      if (!this.isActive || !(await this.#unlessGivenUp(write.toTarget(part)))) {
        this.dirty.mark(write.offset, write.length);
        return;
      }
      this.#copied += part.length;
    } catch (error) {
      this.dirty.mark(write.offset, write.length);
      if (!(error instanceof BlockError)) throw error;
      this.failed('write', error);
    }
  }

  /** @returns Whether it completed, rather than being given up. */
  #unlessGivenUp(request: Pending): Pending<boolean> {
    if (!(request instanceof Promise)) return true;
    return new Promise((resolve, reject) => {
      const leave = () => resolve(false);
      this.#leave.add(leave);
      const end = () => this.#leave.delete(leave);
      request.then(
        () => resolve(end()),
        (error) => {
          end();
          reject(error);
        },
      );
    });
  }

  /** Copies a claimed range for a guest's request; a failure leaves it dirty. */
  async #copyNow(range: ByteRange): Promise<void> {
    const buffer = new Uint8Array(range.length);
    try {
      await this.#unlessGivenUp(this.copyClaimed(range, buffer).then(() => {}));
    } catch (error) {
      if (!(error instanceof CopyFailed || error instanceof JobCancelled)) throw error;
    }
  }

  /** Copies the first extent, or as much of it as may be. */
  async #copyExtent(
    range: ByteRange,
    buffer: Uint8Array,
    lengthMax: number,
  ): Promise<{ readonly length: number; readonly isData: boolean }> {
    const { offset } = range;
    const extent = await this.#status(range);
    if (extent.zero) {
      const { unmap: mayUnmap } = this.#settings;
      const zeroes = { offset, length: extent.length };
      await this.attempt('write', () => this.zero(this.target, zeroes, { mayUnmap }));
      return { length: extent.length, isData: false };
    }
    const bytes = buffer.subarray(0, Math.min(extent.length, buffer.length, lengthMax));
    await this.attempt('read', () => this.source.read(offset, bytes));
    await this.attempt('write', () => this.put(this.target, offset, bytes));
    return { length: bytes.length, isData: true };
  }

  /** A status that cannot be had is no reason to fail: the bytes are there to be read. */
  async #status({ offset, length }: ByteRange): Promise<BlockExtent> {
    try {
      return await statusAbove(this.source, undefined, offset, length);
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      return { length, data: true, zero: false, allocated: true };
    }
  }

  /** A guest write without its ends in granules whose other bytes the target may lack. */
  #missingOn({ offset, length }: ByteRange): ByteRange {
    const { granularity, size } = this.dirty;
    const end = offset + length;
    const innerStart = alignUp(offset, granularity);
    const innerEnd = end === size ? end : alignDown(end, granularity);
    const start = offset < innerStart && this.dirty.test(offset) ? innerStart : offset;
    const stop = innerEnd < end && this.dirty.test(end - 1) ? innerEnd : end;
    return { offset: start, length: Math.max(stop - start, 0) };
  }

  /** The whole granules that a range covers; the last one of the disk may be short. */
  #inside({ offset, length }: ByteRange): ByteRange {
    const { granularity, size } = this.dirty;
    const end = offset + length;
    const start = alignUp(offset, granularity);
    const stop = end === size ? end : alignDown(end, granularity);
    return { offset: start, length: Math.max(stop - start, 0) };
  }

  #whole(offset: number, length: number, unit: number): ByteRange {
    const start = alignDown(offset, unit);
    const end = Math.min(alignUp(offset + length, unit), this.dirty.size);
    return { offset: start, length: end - start };
  }

  #lacksClusters({ offset, length }: ByteRange): boolean {
    const lacking = this.#complete?.nextClean(offset);
    return lacking !== undefined && lacking < offset + length;
  }
}
