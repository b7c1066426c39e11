/**
 * Jobs that count together or not at all.
 *
 * A member that is done waits for the others. When all are, all become pending; when all may be
 * finalized, their results count, all in one step. One that fails or is cancelled before that takes
 * the others with it. A job by itself is a transaction of one.
 */

import { BlockError } from '../base/errors.ts';

/** A job as its transaction sees it. */
export interface TransactionMember {
  readonly autoFinalize: boolean;
  /** It was cancelled, and is about to fail the transaction if it has not yet. */
  readonly isCancelled: boolean;
  /** Every member is done. */
  pend(): void;
  /** The result counts from now on. */
  decide(): void;
  /** Another member has failed. */
  abandon(): void;
}

export class JobTransaction {
  readonly #members = new Set<TransactionMember>();
  readonly #waiting = new Set<TransactionMember>();
  #stage: 'open' | 'pending' | 'decided' | 'failed' = 'open';

  /**
   * Adds a job.
   *
   * @throws {BlockError} `EPERM` when it is too late: all members are done, or one has failed.
   */
  add(member: TransactionMember): void {
    if (this.#stage !== 'open') {
      throw new BlockError('EPERM', 'add a job to a transaction', 'the transaction is over');
    }
    this.#members.add(member);
  }

  /** A member is done and waits. */
  wait(member: TransactionMember): void {
    this.#waiting.add(member);
    if (this.#stage !== 'open' || this.#waiting.size < this.#members.size) return;
    this.#stage = 'pending';
    // Whoever is told of a member's new status may answer with a cancel, which fails all.
    for (const each of this.#members) if (this.#isPending()) each.pend();
    if ([...this.#members].every(({ autoFinalize }) => autoFinalize)) this.finalize();
  }

  /** Lets the results of all members count, if all are done. */
  finalize(): void {
    if (!this.#isPending() || [...this.#members].some((each) => each.isCancelled)) return;
    this.#stage = 'decided';
    for (const each of this.#members) each.decide();
  }

  /** One that was to be a member could not be started: none of the others is to count. */
  giveUp(): void {
    if (this.#stage === 'open') this.fail();
  }

  /** A member has failed or was cancelled: so have all. */
  fail(member?: TransactionMember): void {
    if (this.#stage === 'decided' || this.#stage === 'failed') return;
    this.#stage = 'failed';
    for (const each of this.#members) if (each !== member) each.abandon();
  }

  #isPending(): boolean {
    return this.#stage === 'pending';
  }
}
