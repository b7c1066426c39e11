/**
 * Chooses by priorities: PCT, "A Randomized Scheduler with Probabilistic Guarantees of Finding
 * Bugs" (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010).
 *
 * Whoever moves has a priority by chance, and the highest one goes on until it cannot. At a few
 * moments, by chance as well, whoever is highest becomes the lowest. A fault that needs `depth`
 * events in one order, among `length` choices of `n` movers, is found in one run with a probability
 * of at least 1 / (n * length^(depth - 1)): far more than by choosing evenly, for faults that need
 * one mover to be left behind for long.
 */

import { seededRandom } from '../../base/random.ts';
import type { Chooser } from '../chooser.ts';
import type { Move } from '../move.ts';

export interface PriorityOptions {
  readonly seed: number;
  /** How many events have to be in order: 1 or more. */
  readonly depth: number;
  /** About how many choices a run has: 1 or more. */
  readonly length: number;
}

export function priorityChooser({ seed, depth, length }: PriorityOptions): Chooser {
  const random = seededRandom(seed);
  const priorities = new Map<number, number>();
  const changes = new Set(Array.from({ length: depth - 1 }, () => random.below(length)));
  let [step, lowest] = [0, 0];
  const priorityOf = (mover: number): number => {
    const known = priorities.get(mover);
    if (known !== undefined) return known;
    const priority = random.fraction();
    priorities.set(mover, priority);
    return priority;
  };
  const highest = (moves: readonly Move[]): number => {
    let [best, found] = [Number.NEGATIVE_INFINITY, 0];
    for (const [index, { mover }] of moves.entries()) {
      const priority = priorityOf(mover);
      if (priority > best) [best, found] = [priority, index];
    }
    return found;
  };
  return {
    choose(_count, moves) {
      const first = highest(moves);
      const isChange = changes.has(step);
      step += 1;
      const mover = moves[first]?.mover;
      if (!isChange || mover === undefined) return first;
      lowest -= 1;
      priorities.set(mover, lowest);
      return highest(moves);
    },
  };
}
