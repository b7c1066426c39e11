/**
 * The background half of the mirror: copy dirty ranges until the caller's goal is reached.
 *
 * Why no guest write is lost. Within one copy the order is: claim the range, clear its bits, ask
 * for its status, read it, write it, release the claim. The node under the guest marks a range
 * after a write has taken effect and before the guest learns of it. So for each guest write either
 *
 * - it took effect before the copy read: the copy has its bytes; or
 * - it took effect after: then its mark comes after the clear, survives it, and the range is copied
 *   again.
 *
 * Cleared after the read (or the status asked for before the clear), a write that fell in between
 * would be forgotten. A range is claimed by one copy at a time, for else an earlier copy, with
 * older bytes, could be the last to reach the target. A copy that fails marks what it did not copy
 * before it releases its claim.
 *
 * What the disk's status calls zero is written as zeroes, so a sparse disk stays sparse.
 *
 * While it copies it flushes the target now and then. Nothing relies on that, for who needs the
 * target to be durable flushes at the end; but a target with a cache writes it out meanwhile, so
 * that the flush at the end, for which a guest may have to wait, is short.
 *
 * Bounds: at most {@link COPIES_MAX} copies in flight, each with one buffer out of `bufSize` bytes.
 * A range longer than the buffer (a granule may be 64 MiB) is copied piece by piece through it.
 */

import { assert } from '../../base/assert.ts';
import { BlockError } from '../../base/errors.ts';
import { alignDown, type ByteRange } from '../../base/ranges.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import type { BlockExtent } from '../../block/driver.ts';
import type { BlockEdge } from '../../block/edge.ts';
import type { Env } from '../../env/env.ts';
import { RangeLock } from '../../sync/range-lock.ts';
import type { JobControl } from '../job.ts';

/** Copies in flight at most. */
export const COPIES_MAX = 16;
/** The longest single read or write, in bytes. */
export const TRANSFER_MAX = 1024 * 1024;
/** How long an unused speed limit adds up, and how long a copy may take at the limit. */
const SLICE_MS = 100;
/** Flush the target whenever so many bytes were written to it, one flush at a time. */
const FLUSH_LENGTH = 64 * 1024 * 1024;
/** Let timers and other I/O run after this many bytes, in case the disks complete at once. */
const TURN_LENGTH = 8 * 1024 * 1024;

export interface CopierOptions {
  readonly env: Env;
  readonly control: JobControl;
  readonly source: BlockEdge;
  readonly target: BlockEdge;
  readonly dirty: DirtyBitmap;
  /** Bytes of buffer in all. */
  readonly bufSize: number;
  /** Bytes a second; 0 is no limit. */
  readonly speed: number;
  /** Zeroes may be unmapped on the target. */
  readonly unmap: boolean;
}

export class Copier {
  readonly #options: CopierOptions;
  readonly #claims = new RangeLock();
  readonly #pace: TokenBucket;
  /** Buffers that no copy uses; the one used last is in the cache and goes first. */
  readonly #buffers: Uint8Array[];
  readonly #bufferLength: number;
  #inFlight = 0;
  #bytesInFlight = 0;
  #copied = 0;
  #failure: unknown;
  /** Where to look for dirty ranges next: what a guest keeps writing to waits for its turn. */
  #cursor = 0;
  #sinceTurn = 0;
  #sinceFlush = 0;
  #flushing = false;
  #limited = true;

  constructor(options: CopierOptions) {
    this.#options = options;
    const { env, bufSize, speed, dirty } = options;
    this.#pace = new TokenBucket({ rate: speed, burstMs: SLICE_MS }, env.clock.nowMs());
    // Rather many small buffers than few large ones, down to what one dirty bit stands for.
    const unit = Math.min(dirty.granularity, TRANSFER_MAX);
    const share = alignDown(Math.floor(bufSize / COPIES_MAX), unit);
    const length = Math.min(Math.max(share, unit), TRANSFER_MAX);
    const count = Math.min(COPIES_MAX, Math.floor(bufSize / length));
    this.#bufferLength = length;
    const memory = env.files.directBuffer(count * length);
    this.#buffers = Array.from({ length: count }, (_, index) =>
      memory.subarray(index * length, (index + 1) * length),
    );
  }

  /** Bytes copied so far, and bytes claimed for copies in flight. */
  get progress(): { readonly copied: number; readonly inFlight: number } {
    return { copied: this.#copied, inFlight: this.#bytesInFlight };
  }

  /** Nothing is dirty and nothing is on its way to the target. */
  get isClean(): boolean {
    return this.#inFlight === 0 && this.#options.dirty.isClean;
  }

  /** What is still to be copied, in bytes. */
  get remaining(): number {
    return this.#bytesInFlight + this.#options.dirty.dirtyBytes;
  }

  setSpeed(bytesPerSecond: number): void {
    this.#pace.setRate(bytesPerSecond, this.#options.env.clock.nowMs());
  }

  /** From now on the speed limit does not hold: it is for the first phase. */
  unlimit(): void {
    this.#limited = false;
  }

  /**
   * Copies until `isEnough` says so. It is asked whenever something has changed, and must hold once
   * everything is clean. Pauses when the job is paused.
   *
   * @throws {BlockError} What a copy failed with; its range is dirty again.
   * @throws {JobCancelled} When the job is cancelled. Copies may then be in flight.
   */
  async copyUntil(isEnough: () => boolean): Promise<void> {
    const { control } = this.#options;
    for (;;) {
      // Everything is looked at anew after each `await`; no decision is carried across one.
      control.leaveIfCancelled();
      if (this.#failure !== undefined) throw this.#failure;
      if (control.pausing) {
        if (this.#isIdle) await control.pausePoint();
        else await control.sleep();
      } else if (isEnough()) {
        return;
      } else {
        await this.#step();
      }
    }
  }

  /** Copies all that is dirty, for a source that is drained. */
  async copyRest(): Promise<void> {
    const { control } = this.#options;
    for (;;) {
      control.leaveIfCancelled();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.isClean) return;
      if (!this.#startNext()) await control.sleep();
    }
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    while (!this.#isIdle) await this.#options.control.sleep();
  }

  get #isIdle(): boolean {
    return this.#inFlight === 0 && !this.#flushing;
  }

  /** Starts one copy, or waits for what keeps it from starting. */
  async #step(): Promise<void> {
    const { control, env } = this.#options;
    const delayMs = this.#limited ? this.#pace.delayMs(env.clock.nowMs()) : 0;
    if (delayMs > 0) return control.sleep(delayMs);
    if (!this.#startNext()) return control.sleep();
    if (this.#sinceTurn < TURN_LENGTH) return;
    this.#sinceTurn = 0;
    return env.clock.turn();
  }

  /** @returns Whether there was a range to copy and a buffer to copy it with. */
  #startNext(): boolean {
    const buffer = this.#buffers.at(-1);
    const range = buffer && this.#nextRange();
    if (!range) return false;
    this.#buffers.pop();
    this.#cursor = range.offset + range.length;
    this.#sinceTurn += range.length;
    this.#charge(range.length);
    // The copy reports to this object alone: idle() waits for it, copyUntil() throws its failure.
    void this.#copy(range, buffer);
    return true;
  }

  /** Counts bytes against the speed limit, or gives back those that turned out to be zeroes. */
  #charge(length: number): void {
    if (this.#limited) this.#pace.take(length, this.#options.env.clock.nowMs());
  }

  /** @returns A dirty range that no copy in flight touches, from the cursor on and once around. */
  #nextRange(): ByteRange | undefined {
    const { dirty } = this.#options;
    const lengthMax = this.#lengthMax();
    let wrapped = false;
    for (let at = this.#cursor; ; ) {
      const range = at < dirty.size ? dirty.nextDirty(at, lengthMax) : undefined;
      if (!range) {
        if (wrapped) return undefined;
        wrapped = true;
        at = 0;
        continue;
      }
      const claimed = this.#claims.firstBusy(range);
      if (!claimed) return range;
      if (claimed.offset > range.offset) {
        return { offset: range.offset, length: claimed.offset - range.offset };
      }
      at = claimed.offset + claimed.length;
    }
  }

  /** At a low speed limit copies are short: a long one would be a burst and then a silence. */
  #lengthMax(): number {
    const { granularity } = this.#options.dirty;
    const lengthMax = Math.max(this.#bufferLength, granularity);
    if (!this.#limited || this.#pace.rate === 0) return lengthMax;
    const inSlice = alignDown(Math.floor((this.#pace.rate * SLICE_MS) / 1000), granularity);
    return Math.min(Math.max(inSlice, granularity), lengthMax);
  }

  async #copy(range: ByteRange, buffer: Uint8Array): Promise<void> {
    const { dirty, control } = this.#options;
    const claim = this.#claims.tryHold(range);
    assert(claim !== undefined, 'a range is copied by one copy at a time');
    dirty.clear(range.offset, range.length);
    this.#inFlight += 1;
    this.#bytesInFlight += range.length;
    const end = range.offset + range.length;
    let at = range.offset;
    try {
      while (at < end) {
        const length = await this.#copyExtent(at, end - at, buffer);
        at += length;
        this.#copied += length;
        this.#bytesInFlight -= length;
      }
    } catch (error) {
      this.#failure ??= error;
    }
    // A failure leaves a rest: it is dirty again before anybody can look at it unclaimed.
    if (at < end) dirty.mark(at, end - at);
    this.#bytesInFlight -= end - at;
    this.#claims.release(claim);
    this.#buffers.push(buffer);
    this.#inFlight -= 1;
    control.wake();
  }

  /** Copies the first extent, or as much of it as the buffer holds. @returns Its length. */
  async #copyExtent(offset: number, length: number, buffer: Uint8Array): Promise<number> {
    const { source, target, unmap } = this.#options;
    const extent = await this.#status(offset, length);
    if (extent.zero) {
      const options = { mayUnmap: unmap };
      await this.#reporting('write', () => target.writeZeroes(offset, extent.length, options));
      this.#charge(-extent.length);
      return extent.length;
    }
    const bytes = buffer.subarray(0, Math.min(extent.length, buffer.length));
    await this.#reporting('read', () => source.read(offset, bytes));
    await this.#reporting('write', () => target.write(offset, bytes));
    this.#sinceFlush += bytes.length;
    // As with a copy, idle() waits for it and copyUntil() throws its failure.
    if (this.#sinceFlush >= FLUSH_LENGTH && !this.#flushing) void this.#flush();
    return bytes.length;
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    this.#sinceFlush = 0;
    try {
      await this.#reporting('write', () => this.#options.target.flush());
    } catch (error) {
      this.#failure ??= error;
    }
    this.#flushing = false;
    this.#options.control.wake();
  }

  /** A status that cannot be had is no reason to fail: the bytes are there to be read. */
  async #status(offset: number, length: number): Promise<BlockExtent> {
    try {
      return await this.#options.source.blockStatus(offset, length);
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      return { length, data: true, zero: false, allocated: true };
    }
  }

  async #reporting(operation: 'read' | 'write', start: () => void | Promise<void>): Promise<void> {
    try {
      await start();
    } catch (error) {
      if (error instanceof BlockError) this.#options.control.report(operation);
      throw error;
    }
  }
}
