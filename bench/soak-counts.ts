/** What a run of the soak has done: counts, and what was wrong. */

import type { GuestTotals } from './soak-guests.ts';
import type { Verified } from './soak-log.ts';

/** Most violations that are kept to be told. */
const VIOLATIONS_MAX = 20;

export type Outcome = 'switched' | 'finished' | 'cancelled' | 'failed';

export interface Violation {
  readonly round: number;
  readonly message: string;
}

export class Counts {
  readonly rounds = { memory: 0, files: 0, crash: 0 };
  readonly outcomes: Record<Outcome, number> = {
    switched: 0,
    finished: 0,
    cancelled: 0,
    failed: 0,
  };
  /** Mirrors that went on from where one before had been killed, or closed. */
  readonly resumed = { killed: 0, closed: 0 };
  readonly kills = { count: 0 };
  /** What was asked of jobs, and what of it was refused, as it may be. */
  readonly verbs = { accepted: 0, refused: 0 };
  /** Requests that a fault befell, by the receipts. */
  readonly faults = { fired: 0 };
  readonly guests = { writes: 0, bytes: 0, errors: 0 };
  readonly verified = { blocks: 0, bytes: 0, comparedBytes: 0, momentsUnderDrain: 0 };
  readonly found = { mismatches: 0, leaks: 0, violations: 0 };
  readonly violations: Violation[] = [];
  /** The round that is under way. */
  round = 0;

  violate(message: string): void {
    this.found.violations += 1;
    if (this.violations.length < VIOLATIONS_MAX) {
      this.violations.push({ round: this.round, message });
    }
  }

  mismatch(message: string): void {
    this.found.mismatches += 1;
    this.violate(message);
  }

  addGuest({ writes, bytes, errors, wrong }: GuestTotals, who: string): void {
    this.guests.writes += writes;
    this.guests.bytes += bytes;
    this.guests.errors += errors;
    for (const message of wrong) this.mismatch(`${who} read: ${message}`);
  }

  addVerified({ blocks, bytes, wrong }: Verified, where: string): void {
    this.verified.blocks += blocks;
    this.verified.bytes += bytes;
    for (const message of wrong) this.mismatch(`${where}: ${message}`);
  }

  /** All but the violations themselves. */
  get summary() {
    const { rounds, outcomes, resumed, kills, verbs, faults, guests, verified, found } = this;
    return { rounds, outcomes, resumed, kills, verbs, faults, guests, verified, found };
  }
}
