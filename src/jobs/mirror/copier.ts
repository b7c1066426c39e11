/**
 * The background half of the mirror: copies dirty ranges until the caller's goal is reached. What
 * makes a single copy right is told in {@link MirrorPair}.
 *
 * While it copies it flushes the target now and then. Nothing relies on that, for who needs the
 * target to be durable flushes at the end; but a target with a cache writes it out meanwhile, so
 * that the flush at the end, for which a guest may have to wait, is short.
 *
 * Bounds: at most {@link COPIES_MAX} copies in flight, with `bufSize` bytes of buffers together. A
 * range longer than its buffer (a granule may be 64 MiB) is copied piece by piece through it; so is
 * one that is long against the speed limit, with pauses between the pieces, so that the limit holds
 * over any second and not just over a minute.
 */

import { assert } from '../../base/assert.ts';
import { alignDown, type ByteRange } from '../../base/ranges.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { Env } from '../../env/env.ts';
import { Alarm, sleepUntil } from '../../sync/alarm.ts';
import { JobCancelled, type JobControl } from '../work.ts';
import { Backoff } from './backoff.ts';
import { CopyBuffers } from './copy-buffers.ts';
import { type MirrorSettings, TRANSFER_MAX } from './options.ts';
import { CopyFailed, type MirrorPair } from './pair.ts';

/** Copies in flight at most. */
export const COPIES_MAX = 16;
/** How long an unused speed limit adds up, and how long a copy may take at the limit. */
const SLICE_MS = 50;
/** How many copies share a ration that is short. */
const RATION_SHARES = 4;
/** What is the shortest piece of a copy at a very low limit, in bytes. */
const PIECE_MIN = 512;
/** Flush the target whenever so many bytes were written to it, one flush at a time. */
const FLUSH_LENGTH = 64 * 1024 * 1024;
/** Let timers and other I/O run after this many bytes, in case the disks complete at once. */
const TURN_LENGTH = 8 * 1024 * 1024;

export interface CopierOptions {
  readonly env: Env;
  readonly control: JobControl;
  readonly pair: MirrorPair;
  readonly settings: MirrorSettings;
}

export class Copier {
  /** How many bytes of copies can be in flight. */
  readonly rationMax: number;
  readonly #env: Env;
  readonly #control: JobControl;
  readonly #pair: MirrorPair;
  readonly #pace: TokenBucket;
  readonly #backoff = new Backoff();
  /** Where the one copy waits that is longer than the speed limit allows at once. */
  readonly #pieceAlarm: Alarm;
  readonly #buffers: CopyBuffers;
  readonly #bufferLength: number;
  /** The longest copy that goes at once, in bytes. */
  readonly #longest: number;
  #copiesMax = COPIES_MAX;
  #copyMax: number;
  #inFlight = 0;
  /** Where to look for dirty ranges next: what a guest keeps writing to waits for its turn. */
  #cursor = 0;
  #sinceTurn = 0;
  #sinceFlush = 0;
  /** In flight: one at a time, unless another is late. */
  #flushes = 0;
  #limited = true;

  constructor({ env, control, pair, settings }: CopierOptions) {
    const { bufSize, speed } = settings;
    const { granularity } = pair.dirty;
    this.#env = env;
    this.#control = control;
    this.#pair = pair;
    this.#pieceAlarm = new Alarm(env.clock);
    this.#pace = new TokenBucket({ rate: speed, burstMs: SLICE_MS }, env.clock.nowMs());
    // Rather many small buffers than few large ones, down to what one dirty bit stands for.
    const unit = Math.min(granularity, TRANSFER_MAX);
    const share = alignDown(Math.floor(bufSize / COPIES_MAX), unit);
    const length = Math.min(Math.max(share, unit), TRANSFER_MAX);
    const count = Math.min(COPIES_MAX, Math.floor(bufSize / length));
    this.#bufferLength = length;
    // Shorter ones were asked for.
    this.#longest = length === TRANSFER_MAX ? 2 * length : length;
    this.#copyMax = this.#longest;
    this.rationMax = count * length;
    const memory = env.files.directBuffer(this.rationMax).subarray(0, this.rationMax);
    this.#buffers = new CopyBuffers(memory, length);
  }

  /** Copies and flushes in flight. */
  get inFlight(): number {
    return this.#inFlight + this.#flushes;
  }

  /** Nothing is dirty and nothing is on its way to the target. */
  get isClean(): boolean {
    return this.#pair.remaining === 0 && this.#inFlight === 0;
  }

  setSpeed(bytesPerSecond: number): void {
    this.#pace.setRate(bytesPerSecond, this.#env.clock.nowMs());
    this.#pieceAlarm.ring();
  }

  /** Counts a guest's own write against the limit. @returns How long it has to wait, in ms. */
  delayFor(length: number): number {
    this.#charge(length);
    return this.#limited ? this.#pace.delayMs(this.#env.clock.nowMs()) : 0;
  }

  /** From now on the speed limit does not hold: it is for the first phase. */
  unlimit(): void {
    this.#limited = false;
  }

  /** How many bytes of copies may be in flight from now on; one granule may always. */
  setRation(bytes: number): void {
    const { granularity } = this.#pair.dirty;
    // Some short copies rather than one long one: none keeps the guest waiting for long.
    const share = alignDown(Math.floor(bytes / RATION_SHARES), granularity);
    const longest = bytes < this.rationMax ? this.#bufferLength : this.#longest;
    this.#copyMax = Math.min(Math.max(share, granularity), longest);
    const copiesMax = Math.floor(bytes / Math.min(this.#copyMax, this.#bufferLength));
    this.#copiesMax = Math.min(Math.max(copiesMax, 1), COPIES_MAX);
  }

  /**
   * Copies until `isEnough` says so. It is asked whenever something has changed, and must hold once
   * everything is clean. Pauses when the job is paused.
   *
   * @throws {BlockError} What the job fails with; the ranges it could not copy are dirty.
   * @throws {JobCancelled} When the job is cancelled. Copies may then be in flight.
   */
  async copyUntil(isEnough: () => boolean): Promise<void> {
    const control = this.#control;
    for (;;) {
      // Everything is looked at anew after each `await`; no decision is carried across one.
      this.#leaveIfOver();
      if (control.pausing) {
        this.#pieceAlarm.ring();
        if (this.inFlight === 0) await control.pausePoint();
        else await control.sleep();
      } else if (isEnough()) {
        return;
      } else {
        await this.#step();
      }
    }
  }

  /**
   * Copies all that is dirty, for a source that is drained.
   *
   * @returns Whether it could; not when something failed, the job is to pause, or it was not done
   *   at `endMs`. Copies may then be in flight.
   */
  async copyRest(endMs: number): Promise<boolean> {
    const control = this.#control;
    for (;;) {
      this.#leaveIfOver();
      if (this.isClean) return true;
      const nowMs = this.#env.clock.nowMs();
      if (control.pausing || nowMs >= endMs || this.#backoff.delayMs(nowMs) > 0) return false;
      if (!this.#startNext()) await control.sleep(endMs - nowMs);
    }
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    while (this.inFlight > 0) {
      this.#pieceAlarm.ring();
      await this.#control.sleep();
    }
  }

  /**
   * Flushes the target, unless nothing has to be on it yet: nothing was copied or found equal.
   *
   * @param endMs When to wait no longer, if there is such a time; the flush may then be in flight.
   * @returns Whether it could; if not, it is for trying again.
   */
  async flush(endMs?: number): Promise<boolean> {
    this.#env.trace?.('mirror_before_flush', `s ${this.#pair.target.parent.name}`);
    if (this.#pair.copied === 0) return true;
    const flushed = this.#tryFlush();
    if (endMs === undefined) return flushed;
    const { clock } = this.#env;
    let isDone = false;
    const noted = flushed.then((could) => {
      isDone = could;
    });
    await sleepUntil(clock, endMs - clock.nowMs(), noted);
    return isDone;
  }

  /** Waits, after a failure, until it is time to try again; or until the job is to pause. */
  async backOff(): Promise<void> {
    for (;;) {
      this.#leaveIfOver();
      const delayMs = this.#backoff.delayMs(this.#env.clock.nowMs());
      if (delayMs === 0 || this.#control.pausing) return;
      await this.#control.sleep(delayMs);
    }
  }

  #leaveIfOver(): void {
    this.#control.leaveIfCancelled();
    const { failure } = this.#pair;
    if (failure !== undefined) throw failure;
  }

  /** Starts one copy, or waits for what keeps it from starting. */
  async #step(): Promise<void> {
    const { clock } = this.#env;
    const nowMs = clock.nowMs();
    const paceMs = this.#limited ? this.#pace.delayMs(nowMs) : 0;
    const delayMs = Math.max(paceMs, this.#backoff.delayMs(nowMs));
    if (delayMs > 0) return this.#control.sleep(delayMs);
    if (!this.#startNext()) return this.#control.sleep();
    if (this.#sinceTurn < TURN_LENGTH) return;
    this.#sinceTurn = 0;
    return clock.turn();
  }

  /** @returns Whether there was a range to copy, and a buffer and leave to copy it. */
  #startNext(): boolean {
    if (this.#inFlight >= this.#copiesMax || this.#buffers.isEmpty) return false;
    const range = this.#nextRange();
    if (!range) return false;
    const isSlow = this.#pieceMax() < range.length;
    if (isSlow && this.#inFlight > 0) return false;
    const buffer = this.#buffers.take(range.length);
    this.#cursor = range.offset + range.length;
    this.#sinceTurn += range.length;
    // The copy reports to this object alone: idle() waits for it, copyUntil() throws its failure.
    void this.#copy(range, buffer, isSlow);
    return true;
  }

  /** @returns A dirty range that nobody has claimed, from the cursor on and once around. */
  #nextRange(): ByteRange | undefined {
    const { dirty, claims } = this.#pair;
    const lengthMax = this.#lengthMax();
    let wrapped = false;
    for (let at = this.#cursor; ; ) {
      const found = at < dirty.size ? dirty.nextDirty(at, lengthMax) : undefined;
      if (!found) {
        if (wrapped) return undefined;
        wrapped = true;
        at = 0;
        continue;
      }
      const range = this.#pair.around(found);
      const claimed = claims.firstBusy(range);
      if (!claimed) return range;
      if (claimed.offset > found.offset) {
        const before = { offset: found.offset, length: claimed.offset - found.offset };
        const shorter = this.#pair.around(before);
        if (!claims.firstBusy(shorter)) return shorter;
      }
      at = Math.max(claimed.offset + claimed.length, found.offset + dirty.granularity);
    }
  }

  /** At a low speed limit copies are short: a long one would be a burst and then a silence. */
  #lengthMax(): number {
    const { granularity } = this.#pair.dirty;
    const lengthMax = Math.min(this.#inSlice(), this.#copyMax);
    return Math.max(alignDown(lengthMax, granularity), granularity);
  }

  /** How long a piece of a copy may be; where even the shortest is a burst, it is all at once. */
  #pieceMax(): number {
    return alignDown(this.#inSlice(), PIECE_MIN) || TRANSFER_MAX;
  }

  /** What the limit allows in a slice, in bytes. */
  #inSlice(): number {
    if (!this.#limited || this.#pace.rate === 0) return Number.MAX_SAFE_INTEGER;
    return Math.floor((this.#pace.rate * SLICE_MS) / 1000);
  }

  async #copy(range: ByteRange, buffer: Uint8Array, isSlow: boolean): Promise<void> {
    const pair = this.#pair;
    const claim = pair.claims.tryHold(range);
    assert(claim !== undefined, 'a range is copied by one copy at a time');
    this.#inFlight += 1;
    if (!isSlow) this.#charge(range.length);
    this.#env.trace?.('mirror_one_iteration', this.#describe(range));
    try {
      const goOn = isSlow ? () => this.#nextPiece() : undefined;
      const sent = await pair.copyClaimed(range, buffer, goOn);
      this.#sinceFlush += sent;
      if (!isSlow) this.#charge(sent - range.length);
      this.#backoff.succeed();
      this.#env.trace?.('mirror_iteration_done', `${this.#describe(range)} ret 0`);
    } catch (error) {
      this.#env.trace?.('mirror_iteration_done', `${this.#describe(range)} ret ${error}`);
      this.#takeFailure(error);
    }
    pair.claims.release(claim);
    this.#buffers.give(buffer);
    this.#inFlight -= 1;
    // As with a copy, idle() waits for it and copyUntil() throws its failure.
    if (this.#sinceFlush >= FLUSH_LENGTH && this.#flushes === 0) void this.#tryFlush();
    this.#control.wake();
  }

  /** A range of this job, as trace points have it. */
  #describe({ offset, length }: ByteRange): string {
    return `s ${this.#pair.target.parent.name} offset ${offset} bytes ${length}`;
  }

  /**
   * Waits until the limit allows another piece; not when the job is to pause, for a granule that
   * was begun anew after each pause might never be done. The limit is given its due afterwards.
   *
   * @returns How long it may be; 0 when there must not be another.
   */
  async #nextPiece(): Promise<number> {
    for (;;) {
      if (this.#control.isCancelled) return 0;
      const delayMs = this.#limited ? this.#pace.delayMs(this.#env.clock.nowMs()) : 0;
      if (delayMs === 0 || this.#control.pausing) break;
      await this.#pieceAlarm.sleep(delayMs);
    }
    const length = Math.min(this.#pieceMax(), this.#bufferLength);
    this.#charge(length);
    return length;
  }

  /** Counts bytes against the speed limit, or gives back those that turned out to be zeroes. */
  #charge(length: number): void {
    if (this.#limited) this.#pace.take(length, this.#env.clock.nowMs());
  }

  /** @returns Whether the target could be flushed. */
  async #tryFlush(): Promise<boolean> {
    this.#flushes += 1;
    this.#sinceFlush = 0;
    try {
      await this.#pair.attempt('write', () => this.#pair.target.flush());
      return true;
    } catch (error) {
      this.#takeFailure(error);
      return false;
    } finally {
      this.#flushes -= 1;
      this.#control.wake();
    }
  }

  /** A failure to be ignored, or that pauses the job, is tried again later. */
  #takeFailure(error: unknown): void {
    if (error instanceof CopyFailed) this.#backoff.fail(this.#env.clock.nowMs());
    else if (!(error instanceof JobCancelled)) this.#pair.fail(error);
  }
}
