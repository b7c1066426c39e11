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
      const isSpared = new Map([...oneIn].map(([mover, of]) => [mover, random.below(of) > 0]));
      const indexes = [...moves.keys()];
      const left = indexes.filter((index) => !isSpared.get(moves[index]?.mover ?? -1));
      const [only] = left;
      if (only === undefined) return chooser.choose(count, moves);
      if (left.length === 1) return only;
      const chosen = chooser.choose(
        left.length,
        moves.filter(({ mover }) => !isSpared.get(mover)),
      );
      return left[chosen] ?? only;
    },
  };
}
