/**
 * Exclusive claims on byte ranges, granted in the order in which they were asked for.
 *
 * A claim waits for every earlier overlapping one, granted or still waiting. So nobody is overtaken
 * for ever, and nobody waits in a circle: a claim waits for earlier ones only. A holder that asks
 * for a second range while it holds a first must not be waited for by the holder of that second
 * one.
 */

import { assert } from '../base/assert.ts';
import { ending, type Pending } from '../base/pending.ts';
import { type ByteRange, overlaps } from '../base/ranges.ts';

interface Claim extends ByteRange {
  /** How many earlier overlapping claims are left; 0 is granted. */
  blockers: number;
  /** Later overlapping claims that count this one among their blockers. */
  readonly blocked: Claim[];
  grant: () => void;
}

/** A granted claim; pass it to {@link RangeLock.release}. */
export type HeldRange = ByteRange;

export class RangeLock {
  readonly #claims = new Set<Claim>();

  /** What is claimed or waited for. */
  get ranges(): Iterable<ByteRange> {
    return this.#claims;
  }

  /** Whether any byte of the range is claimed or waited for. */
  isBusy(range: ByteRange): boolean {
    return this.firstBusy(range) !== undefined;
  }

  /** @returns The claim that overlaps the range and begins first, or nothing. */
  firstBusy(range: ByteRange): ByteRange | undefined {
    let first: ByteRange | undefined;
    for (const claim of this.#claims) {
      if (overlaps(claim, range) && (!first || claim.offset < first.offset)) first = claim;
    }
    return first;
  }

  /** Claims a range if that needs no waiting. */
  tryHold(range: ByteRange): HeldRange | undefined {
    return this.isBusy(range) ? undefined : this.#add(range);
  }

  /**
   * Runs `body` with the range claimed, and gives it back however `body` ends: at once where nobody
   * is in the way and `body` completes at once.
   */
  holding<T>(range: ByteRange, body: () => Pending<T>): Pending<T> {
    const claim = this.#add(range);
    const run = () => ending(body, () => this.release(claim));
    return claim.blockers === 0 ? run() : granted(claim).then(run);
  }

  /** Gives back what {@link RangeLock.tryHold} claimed, once. */
  release(held: HeldRange): void {
    const claim = held as Claim;
    assert(this.#claims.delete(claim), 'a claim is given back once');
    for (const waiter of claim.blocked) {
      waiter.blockers -= 1;
      if (waiter.blockers === 0) waiter.grant();
    }
  }

  #add({ offset, length }: ByteRange): Claim {
    const claim: Claim = { offset, length, blockers: 0, blocked: [], grant: () => {} };
    for (const earlier of this.#claims) {
      if (!overlaps(earlier, claim)) continue;
      earlier.blocked.push(claim);
      claim.blockers += 1;
    }
    this.#claims.add(claim);
    return claim;
  }
}

/** Resolves when nobody is in the way of a claim any more. */
function granted(claim: Claim): Promise<void> {
  return new Promise((resolve) => {
    claim.grant = resolve;
  });
}
