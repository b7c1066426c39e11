/**
 * The guest's half of the mirror: writes that go to both disks, and complete when both have them.
 *
 * Such a write claims every granule that it touches, clears those that it covers whole, and writes
 * both disks at the same time. Of a granule that it covers in part the rest may still be missing on
 * the target: if that granule is dirty it stays so, and the part is left to the copy; if it is
 * clean it gets the part, and is clean again.
 *
 *     granules      |  dirty  |  any   |  any   |  clean  |
 *     guest write        |=========================|
 *     to the source      |=========================|
 *     to the target           |====================|
 *     cleared                 |--------|--------|
 *
 * The source's node does not mark such a write, unless it fails: what has become of the source is
 * then unknown, and has to be copied. If the target fails, the range is marked here, before its
 * claim is released, and the guest is none the wiser.
 */

import { BlockError } from '../../base/errors.ts';
import type { Pending } from '../../base/pending.ts';
import type { ByteRange } from '../../base/ranges.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import type { Clock } from '../../env/env.ts';
import { Exit } from '../../sync/exit.ts';
import { JobCancelled } from '../work.ts';
import { TRANSFER_MAX } from './options.ts';
import { CopyFailed, type MirrorPair } from './pair.ts';
import { Wait } from './wait.ts';

/** What a request of the target is when nobody waits for it any more. */
const GIVEN_UP = Symbol('given up');

/** One write of the guest, as it goes to either disk. */
export interface GuestWrite extends ByteRange {
  /** @param unmarked A bitmap to leave alone if all goes well. */
  toSource(unmarked: DirtyBitmap | undefined): Pending;
  toTarget(part: ByteRange): Pending;
}

export class GuestWrites {
  readonly #pair: MirrorPair;
  readonly #clock: Clock;
  /** For those who wait for the target, or for their turn. */
  readonly #exit = new Exit();
  /** Those who wait for their turn under the limit. */
  readonly #waits = new Set<Wait>();
  #delayOf: ((length: number) => number) | undefined;

  constructor(pair: MirrorPair, clock: Clock) {
    this.#pair = pair;
    this.#clock = clock;
  }

  /** Has writes wait before they begin: as many milliseconds as it says for their length. */
  limit(delayOf: (length: number) => number): void {
    this.#delayOf = delayOf;
  }

  /** The limit has changed: what waits waits so much longer, or shorter; 0 lets all go. */
  relimit(factor: number): void {
    for (const wait of [...this.#waits]) wait.scale(factor);
  }

  /** Carries out a guest write on both disks. @throws {BlockError} What the source failed with. */
  async mirror(write: GuestWrite): Promise<void> {
    const pair = this.#pair;
    const { length } = write;
    let arrived = 0;
    pair.beginMirroring(length);
    try {
      const delayMs = this.#delayOf?.(length) ?? 0;
      if (delayMs > 0) await this.#delay(delayMs);
      await pair.claims.holding(pair.around(write), async () => {
        arrived = await this.#mirrorClaimed(write);
      });
    } finally {
      pair.endMirroring(length, arrived);
    }
  }

  /**
   * Carries out a guest's change of the source, and then copies what it touched: for a change whose
   * effect on the target would not be the same for certain.
   */
  async follow(range: ByteRange, toSource: () => Pending): Promise<void> {
    const pair = this.#pair;
    const whole = pair.around(range);
    pair.beginMirroring(range.length);
    try {
      await pair.claims.holding(whole, async () => {
        await toSource();
        // What the source ignored has marked nothing.
        const dirty = pair.dirty.nextDirty(whole.offset);
        const isDirty = dirty !== undefined && dirty.offset < whole.offset + whole.length;
        if (isDirty && pair.isActive) await this.#copyNow(whole);
      });
    } finally {
      pair.endMirroring(range.length, 0);
    }
  }

  /** The target may never answer: nobody waits for it any more. */
  giveUp(): void {
    this.#exit.open();
  }

  /** @returns How many bytes have reached the target. */
  async #mirrorClaimed(write: GuestWrite): Promise<number> {
    const pair = this.#pair;
    const whole = pair.around(write);
    if (pair.lacksClusters(whole)) {
      await write.toSource(undefined);
      if (pair.isActive) await this.#copyNow(whole);
      return 0;
    }
    const covered = pair.inside(write);
    const part = this.#missingOn(write, covered);
    if (covered.length > 0) pair.dirty.clear(covered.offset, covered.length);
    const onTarget = part.length > 0 ? this.#sendToTarget(write, part) : undefined;
    let arrived: number | undefined;
    try {
      // If it fails, the node marks the range, whatever becomes of the target.
      await write.toSource(pair.dirty);
    } finally {
      arrived = await onTarget;
    }
    return arrived ?? 0;
  }

  /** @returns How many bytes have reached the target; what has not is dirty. */
  async #sendToTarget(write: GuestWrite, part: ByteRange): Promise<number> {
    const { dirty, isActive } = this.#pair;
    try {
      if (isActive && (await this.#unlessGivenUp(write.toTarget(part)))) return part.length;
      dirty.mark(write.offset, write.length);
    } catch (error) {
      dirty.mark(write.offset, write.length);
      if (!(error instanceof BlockError)) throw error;
      this.#pair.failed('write', error);
    }
    return 0;
  }

  /** Copies a claimed range for a guest's request; a failure leaves it dirty. */
  async #copyNow(range: ByteRange): Promise<void> {
    try {
      await this.#unlessGivenUp(
        this.#pair.copyClaimed(range, new Uint8Array(Math.min(range.length, TRANSFER_MAX))),
      );
    } catch (error) {
      if (!(error instanceof CopyFailed || error instanceof JobCancelled)) throw error;
    }
  }

  /** A guest write without its ends in granules whose other bytes the target may lack. */
  #missingOn({ offset, length }: ByteRange, covered: ByteRange): ByteRange {
    const { dirty } = this.#pair;
    const end = offset + length;
    const coveredEnd = covered.offset + covered.length;
    const start = offset < covered.offset && dirty.test(offset) ? covered.offset : offset;
    const stop = coveredEnd < end && dirty.test(end - 1) ? coveredEnd : end;
    return { offset: start, length: Math.max(stop - start, 0) };
  }

  /** Resolves when the time is over, or when the target is given up. */
  async #delay(delayMs: number): Promise<void> {
    const wait = new Wait(this.#clock, delayMs);
    this.#waits.add(wait);
    await this.#unlessGivenUp(wait.over);
    this.#waits.delete(wait);
    wait.end();
  }

  /** @returns Whether it completed, rather than being given up. */
  async #unlessGivenUp(request: Pending<unknown>): Promise<boolean> {
    return (await this.#exit.wait(request, () => GIVEN_UP)) !== GIVEN_UP;
  }
}
