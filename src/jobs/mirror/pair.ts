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
 */

import { BlockError } from '../../base/errors.ts';
import type { Pending } from '../../base/pending.ts';
import { alignDown, alignUp, type ByteRange } from '../../base/ranges.ts';
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { statusAbove } from '../../block/allocation.ts';
import type { BlockExtent, WriteOptions } from '../../block/driver.ts';
import type { BlockEdge } from '../../block/edge.ts';
import type { ErrorAction } from '../../block/error-policy.ts';
import type { Clock } from '../../env/env.ts';
import { Exit } from '../../sync/exit.ts';
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
  /** Bytes that are copied whole where the target lacks them; a multiple of a granule. */
  readonly cluster: number | undefined;
}

export class MirrorPair {
  readonly source: BlockEdge;
  readonly target: BlockEdge;
  readonly dirty: DirtyBitmap;
  readonly claims = new RangeLock();
  /** What reads as zeroes on the target for certain. */
  readonly knownZero: DirtyBitmap;
  readonly #settings: MirrorSettings;
  /** For those who wait for requests in flight. */
  readonly #abandonment = new Exit();
  #requests = 0;
  /** Clusters that the target has as a whole; those others must be copied whole. */
  readonly #complete: DirtyBitmap | undefined;
  #control: JobControl | undefined;
  /** Over when whoever has started the job has been told so. */
  #start: Promise<void> | undefined;
  #isActive: boolean;
  #isOpen = false;
  #failure: unknown;
  #isGivenUp = false;
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
  begin(control: JobControl, clock: Clock): void {
    this.#control = control;
    this.#start = clock.turn().then(() => {
      this.#start = undefined;
    });
  }

  /** Requests in flight that are no copies. */
  get requests(): number {
    return this.#requests;
  }

  /** What is clean is equal on both disks already, and counts as what was copied. */
  countClean(): void {
    this.#copied += this.dirty.size - this.dirty.dirtyBytes;
  }

  /** What has to be copied is marked: from now on guest writes may go to both disks. */
  open(): void {
    this.#isOpen = true;
  }

  /** Whether what has to be copied is marked: until then, what is clean may differ all the same. */
  get isOpen(): boolean {
    return this.#isOpen;
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

  /** Lets the job fail; the first failure counts. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#control?.wake();
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

  /** A guest write has begun its way to both disks. */
  beginMirroring(length: number): void {
    this.#mirroring += length;
  }

  /** It has ended, and `arrived` bytes of it have reached the target by itself. */
  endMirroring(length: number, arrived: number): void {
    this.#mirroring -= length;
    this.#copied += arrived;
    this.#control?.wake();
  }

  /** What is claimed for a range: whole granules, or whole clusters that the target lacks. */
  around({ offset, length }: ByteRange): ByteRange {
    const granules = this.#whole(offset, length, this.dirty.granularity);
    if (!this.#complete || !this.lacksClusters(granules)) return granules;
    return this.#whole(granules.offset, granules.length, this.#complete.granularity);
  }

  /** The whole granules that a range covers; the last one of the disk may be short. */
  inside({ offset, length }: ByteRange): ByteRange {
    const { granularity, size } = this.dirty;
    const end = offset + length;
    const start = alignUp(offset, granularity);
    const stop = end === size ? end : alignDown(end, granularity);
    return { offset: start, length: Math.max(stop - start, 0) };
  }

  /** Whether the target has yet to get some cluster of the range as a whole. */
  lacksClusters({ offset, length }: ByteRange): boolean {
    const lacking = this.#complete?.nextClean(offset);
    return lacking !== undefined && lacking < offset + length;
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
      this.dirty.mark(at, end - at);
      this.#copying -= end - at;
    }
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
    const unknown = this.knownZero.nextClean(range.offset);
    if (unknown === undefined || unknown >= range.offset + range.length) return;
    await edge.writeZeroes(range.offset, range.length, options);
    const { offset, length } = this.inside(range);
    if (length > 0) this.knownZero.mark(offset, length);
  }

  /** Tells of a failed request. @returns What is to be done. */
  failed(operation: 'read' | 'write', error: BlockError): ErrorAction {
    if (this.#isGivenUp || !this.#control) return 'report';
    const { onSourceError, onTargetError } = this.#settings;
    const policy = operation === 'read' ? onSourceError : onTargetError;
    const action = this.#control.failed({ operation, policy, error });
    if (action === 'report') this.fail(error);
    return action;
  }

  /**
   * Makes a request for the job.
   *
   * @throws {CopyFailed} After telling of it. {@link JobCancelled} When it was abandoned.
   */
  async attempt<T>(operation: 'read' | 'write', start: () => Pending<T>): Promise<T> {
    if (this.#isGivenUp) throw new JobCancelled();
    try {
      const result = await this.unlessAbandoned(start());
      // A disk may answer at once, and what comes of it is no part of starting the job.
      if (this.#start) await this.#start;
      return result;
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      throw new CopyFailed(this.failed(operation, error), error);
    }
  }

  /** Waits for a request of the job. @throws {JobCancelled} When it is abandoned. */
  unlessAbandoned<T>(request: Pending<T>): Pending<T> {
    return this.#abandonment.wait(request, () => {
      throw new JobCancelled();
    });
  }

  /**
   * Makes a request of the job that is no copy, such as those of a plan, and waits for it: until it
   * has ended, the job is not at rest, not even when it is cancelled.
   *
   * @throws {JobCancelled} When the pair was given up, or the request is abandoned.
   */
  async request<T>(start: () => Pending<T>): Promise<T> {
    if (this.#isGivenUp) throw new JobCancelled();
    this.#requests += 1;
    try {
      return await this.unlessAbandoned(start());
    } finally {
      this.#requests -= 1;
    }
  }

  /** The target may never answer: from now on the job asks nothing of either disk. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  /** It has had time to answer: from now on the job waits for nothing. */
  abandon(): void {
    this.#abandonment.open();
  }

  /** Copies the first extent, or as much of it as may be. */
  async #copyExtent(
    range: ByteRange,
    buffer: Uint8Array,
    lengthMax: number,
  ): Promise<{ readonly length: number; readonly isData: boolean }> {
    const { offset } = range;
    const status = this.#status(range);
    const extent = status instanceof Promise ? await status : status;
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
  #status({ offset, length }: ByteRange): Pending<BlockExtent> {
    const unknown = (error: unknown): BlockExtent => {
      if (!(error instanceof BlockError)) throw error;
      return { length, data: true, zero: false, allocated: true };
    };
    try {
      const status = statusAbove(this.source, undefined, offset, length);
      return status instanceof Promise ? this.unlessAbandoned(status.catch(unknown)) : status;
    } catch (error) {
      return unknown(error);
    }
  }

  #whole(offset: number, length: number, unit: number): ByteRange {
    const start = alignDown(offset, unit);
    const end = Math.min(alignUp(offset + length, unit), this.dirty.size);
    return { offset: start, length: end - start };
  }
}
