/**
 * Keeps the journal of a mirror exact while it runs: once a second it withdraws what has become the
 * same on both disks.
 *
 * A round flushes both disks, for what either could still lose may differ. It is a request of the
 * job like a copy: none begins while the job is to rest, and a drain waits for the one under way.
 */

import { BlockError } from '../../base/errors.ts';
import type { Clock } from '../../env/env.ts';
import { JobCancelled, type JobControl } from '../work.ts';
import type { Journal, Settling } from './journal.ts';
import type { MirrorPair } from './pair.ts';

/** How far apart rounds begin, in milliseconds. */
const ROUND_MS = 1000;

/** What becomes of the journal when the mirror ends. */
export type JournalEnding = 'finished' | 'invalid' | 'keep';

export interface JournalKeeperOptions {
  readonly journal: Journal;
  readonly pair: MirrorPair;
  readonly control: JobControl;
  readonly clock: Clock;
}

export class JournalKeeper {
  readonly #journal: Journal;
  readonly #pair: MirrorPair;
  readonly #control: JobControl;
  readonly #clock: Clock;
  readonly #settling: Settling;
  #round: Promise<void> | undefined;
  #roundMs = Number.NEGATIVE_INFINITY;
  #isEnded = false;

  constructor({ journal, pair, control, clock }: JournalKeeperOptions) {
    this.#journal = journal;
    this.#pair = pair;
    this.#control = control;
    this.#clock = clock;
    this.#settling = {
      dirty: pair.dirty,
      claimed: () => pair.claims.ranges,
      flush: async () => {
        await pair.unlessAbandoned(pair.target.flush());
        await pair.unlessAbandoned(pair.source.flush());
      },
    };
  }

  /** Whether a round is under way. */
  get isBusy(): boolean {
    return this.#round !== undefined;
  }

  /** Begins a round if it is time for one; called as often as is convenient, once planned. */
  tick(): void {
    const nowMs = this.#clock.nowMs();
    if (this.#round || this.#isEnded || this.#control.pausing) return;
    if (nowMs - this.#roundMs < ROUND_MS || this.#journal.state === 'void') return;
    this.#roundMs = nowMs;
    this.#round = this.#settle();
  }

  /** Makes it time for a round. */
  hasten(): void {
    this.#roundMs = Number.NEGATIVE_INFINITY;
    this.tick();
  }

  /**
   * Ends the journal: it is removed, or kept for a mirror that goes on from here.
   *
   * @throws {BlockError} When the file can neither be removed nor be made void.
   */
  async end(ending: JournalEnding): Promise<void> {
    if (this.#isEnded) return;
    await this.#round;
    this.#isEnded = true;
    if (ending === 'keep') await this.#close();
    else await this.#journal.retire(ending);
  }

  /** Leaves the journal behind, as exact as can be: as it is, where it was never planned. */
  async #close(): Promise<void> {
    try {
      await this.#journal.close(this.#pair.isOpen ? this.#settling : undefined);
    } catch (error) {
      // It is closed, and says too much rather than too little.
      if (!isExpected(error)) throw error;
    }
  }

  async #settle(): Promise<void> {
    try {
      await this.#journal.settle(this.#settling);
    } catch (error) {
      // What it says too much costs copies; it never says too little.
      if (!isExpected(error)) this.#pair.fail(error);
    }
    this.#round = undefined;
    this.#control.wake();
  }
}

/** A flush that fails or that nobody waits for any more. */
function isExpected(error: unknown): boolean {
  return error instanceof BlockError || error instanceof JobCancelled;
}
