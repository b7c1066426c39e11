/**
 * The only source of nondeterminism in a simulation: which of `count` waiting things goes next.
 *
 * A schedule is therefore a list of small integers. The seeded, priority-based, exhaustive and
 * replaying searches are choosers, and a failing run prints the list that replays it.
 */

import type { Move } from './move.ts';

export interface Chooser {
  /**
   * @param count At least 2: what leaves no choice is not asked for.
   * @param moves What there is to choose from, for choosers that look at who moves.
   * @returns An index below `count`.
   */
  choose(count: number, moves: readonly Move[]): number;
}

/** What becomes of a run at one point: an index, or the end of the run because nothing is new. */
export type Verdict = number | 'nothing new';

/** Who leads a run: asked at every point, also where there is one move only. */
export interface Guide {
  /**
   * @param moves At least one.
   * @param state Computes the fingerprint of the present state, for who wants it.
   */
  next(moves: readonly Move[], state: () => number): Verdict;
  /** Whether the present point was checked in an earlier run, and needs no check again. */
  readonly isRepeating: boolean;
}

/** One choice as it was made. */
export interface Choice {
  readonly index: number;
  readonly count: number;
  /** What was done, in words that are the same in every run. */
  readonly move: string;
}

/** Lets a chooser lead a run, and writes down what it chose. */
export class RecordingGuide implements Guide {
  readonly isRepeating = false;
  readonly choices: Choice[] = [];
  readonly #chooser: Chooser;

  constructor(chooser: Chooser) {
    this.#chooser = chooser;
  }

  /** The choices as a schedule. */
  get schedule(): readonly number[] {
    return this.choices.map(({ index }) => index);
  }

  next(moves: readonly Move[]): number {
    const count = moves.length;
    if (count === 1) return 0;
    const index = this.#chooser.choose(count, moves);
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw new RangeError(`Cannot choose: an index must be from 0 to ${count - 1}: ${index}`);
    }
    this.choices.push({ index, count, move: moves[index]?.key ?? '' });
    return index;
  }
}
