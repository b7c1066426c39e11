/**
 * The one that writes a journal's bits: a round after another, each of them one write as far as its
 * bits lie together and one sync, for all that has come to wait meanwhile.
 *
 * Rounds never overlap. In a round, granules that are withdrawn leave `recorded` before the write
 * begins, and granules that are added join it after the sync: so it is at all times what the file
 * certainly calls differing. `journal.ts` argues what follows from that, and what a failure means.
 */

import { BlockError } from '../../base/errors.ts';
import type { ByteRange } from '../../base/ranges.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { type JournalFile, noBits } from './journal-file.ts';
import { bitsOf } from './journal-format.ts';

/**
 * `tracking`: the bits hold. `stuck`: the file could not be written and not be made void; writes
 * that need it are refused. `void`: nothing is recorded, and the next mirror copies everything.
 */
export type JournalState = 'tracking' | 'stuck' | 'void';

/** A guest write that waits for its bits. */
interface Waiter {
  readonly range: ByteRange;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Bits that are to be withdrawn, and who waits for it. */
interface Withdrawal {
  readonly granules: DirtyBitmap;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class JournalWriter {
  readonly #file: JournalFile;
  readonly #recorded: DirtyBitmap;
  readonly #grow: (range: ByteRange) => ByteRange;
  #state: JournalState = 'tracking';
  #failure: BlockError | undefined;
  #waiting: Waiter[] = [];
  #withdrawal: Withdrawal | undefined;
  #working: Promise<void> | undefined;

  /**
   * @param recorded What the file certainly calls differing; kept up to date.
   * @param grow Which range to add for one that is needed, asked as late as can be.
   */
  constructor(file: JournalFile, recorded: DirtyBitmap, grow: (range: ByteRange) => ByteRange) {
    this.#file = file;
    this.#recorded = recorded;
    this.#grow = grow;
  }

  get state(): JournalState {
    return this.#state;
  }

  /** What the first failed round failed with. */
  get failure(): BlockError | undefined {
    return this.#failure;
  }

  /** Resolves when the range is recorded, or nothing needs recording any more. */
  add(range: ByteRange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ range, resolve, reject });
      this.#kick();
    });
  }

  /**
   * Withdraws granules, and resolves when that is durable. One withdrawal at a time.
   *
   * @param granules Looked at when the write begins; what the caller takes out before is kept.
   */
  withdraw(granules: DirtyBitmap): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#withdrawal = { granules, resolve, reject };
      this.#kick();
    });
  }

  /** Makes durable that the bits do not hold any more; whoever waits may go on. */
  async makeVoid(outcome: 'invalid' | 'finished'): Promise<void> {
    await this.idle();
    await this.#file.voidByAnyMeans(outcome);
    this.#state = 'void';
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    while (this.#working) await this.#working;
  }

  #kick(): void {
    this.#working ??= this.#work();
  }

  /** Writes rounds until nobody waits. */
  async #work(): Promise<void> {
    // What is submitted together shall wait together: let the others come first.
    await undefined;
    while (this.#waiting.length > 0 || this.#withdrawal) {
      const waiters = this.#waiting;
      const withdrawal = this.#withdrawal;
      this.#waiting = [];
      this.#withdrawal = undefined;
      try {
        if (this.#failure) throw this.#failure;
        if (this.#state === 'tracking') await this.#round(waiters, withdrawal?.granules);
        for (const { resolve } of waiters) resolve();
        withdrawal?.resolve();
      } catch (error) {
        await this.#fail(error, waiters);
        withdrawal?.reject(error);
      }
    }
    this.#working = undefined;
  }

  async #round(waiters: readonly Waiter[], withdrawn: DirtyBitmap | undefined): Promise<void> {
    const recorded = this.#recorded;
    const blocks = noBits(recorded);
    const touch = (range: ByteRange) => {
      const { offset, length } = bitsOf(recorded, range);
      blocks.mark(offset, length);
    };
    for (const range of withdrawn?.ranges() ?? []) {
      recorded.clear(range.offset, range.length);
      touch(range);
    }
    // The round before may have brought what somebody came too late for.
    const missing = waiters.filter(({ range }) => !isRecorded(recorded, range));
    const added = missing.map(({ range }) => this.#grow(range));
    for (const range of added) touch(range);
    if (blocks.isClean) return;
    await this.#file.writeBits(blocks, recorded, added);
    for (const { offset, length } of added) recorded.mark(offset, length);
  }

  /** The file cannot be relied on: whoever waits may go on if it can be made void. */
  async #fail(error: unknown, waiters: readonly Waiter[]): Promise<void> {
    try {
      if (!(error instanceof BlockError)) throw error;
      this.#failure ??= error;
      if (this.#state !== 'void') await this.#file.voidByAnyMeans('invalid');
      this.#state = 'void';
      for (const { resolve } of waiters) resolve();
    } catch {
      this.#state = 'stuck';
      // What the first write failed with tells more than what the way out failed with.
      for (const { reject } of waiters) reject(error);
    }
  }
}

/** Whether every granule is recorded that a range touches; the range is not empty. */
export function isRecorded(recorded: DirtyBitmap, { offset, length }: ByteRange): boolean {
  const clean = recorded.nextClean(offset);
  return clean === undefined || clean >= offset + length;
}
