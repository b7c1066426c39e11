/**
 * Lets some move now and then only.
 *
 * A world offers a fault for every request that waits, and the next word of the operator at every
 * step. Who takes them as gladly as all else has used them up before the mirror has copied much,
 * and never sees one meet a world that is ready, or a guest's write that is under way.
 */

import type { Random } from '../../base/random.ts';
import type { Chooser } from '../chooser.ts';

export interface SparingOptions {
  readonly random: Random;
  /** Movers that can be chosen at one in so many choices; always where there are no others. */
  readonly oneIn: ReadonlyMap<number, number>;
}

/** @param chooser Chooses from what is left. */
export function sparingChooser(chooser: Chooser, { random, oneIn }: SparingOptions): Chooser {
  return {
    choose(count, moves) {
      const spared: number[] = [];
      for (const [mover, of] of oneIn) if (random.below(of) > 0) spared.push(mover);
      const left = spared.length === 0 ? moves : moves.filter((m) => !spared.includes(m.mover));
      const [only] = left;
      if (only === undefined || left.length === count) return chooser.choose(count, moves);
      const chosen = left.length === 1 ? only : left[chooser.choose(left.length, left)];
      return moves.indexOf(chosen ?? only);
    },
  };
}
