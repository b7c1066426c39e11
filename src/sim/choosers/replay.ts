/**
 * Chooses what a schedule says.
 *
 * A schedule belongs to a scenario and to a state of this program. Replayed with another, it soon
 * says something that cannot be done: a strict replay then fails with the place where it diverged,
 * a lenient one (for searching nearby schedules) takes what is there.
 */

import type { Chooser } from '../chooser.ts';
import type { Move } from '../move.ts';

/** A schedule that does not fit the run that it was replayed in. */
export class DivergenceError extends Error {
  override readonly name = 'DivergenceError';
  /** Which of its choices did not fit, from 0. */
  readonly at: number;

  constructor(at: number, rule: string) {
    super(`Cannot replay the schedule: choice ${at} diverges: ${rule}`);
    this.at = at;
  }
}

export interface StrictReplay {
  readonly schedule: readonly number[];
  /** The keys of the moves that were chosen, if they were written down. */
  readonly moves?: readonly string[];
}

/** Fails with a {@link DivergenceError} where the run is not the one that was recorded. */
export function strictReplay({ schedule, moves }: StrictReplay): Chooser {
  let at = 0;
  return {
    choose(count: number, offered: readonly Move[]) {
      const here = at;
      const index = schedule[here];
      at += 1;
      if (index === undefined) {
        throw new DivergenceError(here, `the schedule has ended, and ${count} moves are left`);
      }
      if (index >= count) throw new DivergenceError(here, `${index} of ${count} moves`);
      const expected = moves?.[here];
      const found = offered[index]?.key;
      if (expected !== undefined && expected !== found) {
        throw new DivergenceError(here, `"${expected}" was recorded, "${found}" is there`);
      }
      return index;
    },
  };
}

/** Takes the last move there is where the schedule says more, and the first one at its end. */
export function lenientReplay(schedule: readonly number[]): Chooser {
  let at = 0;
  return {
    choose(count) {
      const index = schedule[at] ?? 0;
      at += 1;
      return Math.min(index, count - 1);
    },
  };
}
