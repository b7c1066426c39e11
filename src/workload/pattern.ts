/** Which block a guest goes to next. */

import type { Random } from '../base/random.ts';
import { permutation } from './permutation.ts';
import { zipf } from './zipf.ts';

/**
 * - `random`: every block is as likely as any other.
 * - `sequential`: one after the other, and from the first again.
 * - `zipf`: few blocks are hot, most are cold, and the hot ones are spread over the disk.
 */
export type Pattern = 'random' | 'sequential' | 'zipf';

export const PATTERNS: readonly Pattern[] = ['random', 'sequential', 'zipf'];

/**
 * @param blocks How many there are.
 * @returns A function that gives block numbers below that.
 */
export function blockChooser(pattern: Pattern, blocks: number, random: Random): () => number {
  switch (pattern) {
    case 'random':
      return () => random.below(blocks);
    case 'sequential':
      return sequence(blocks);
    case 'zipf': {
      const spread = permutation(blocks, random);
      const rank = zipf(blocks, random);
      return () => spread(rank());
    }
  }
}

function sequence(blocks: number): () => number {
  let next = 0;
  return () => {
    const block = next;
    next = block + 1 === blocks ? 0 : block + 1;
    return block;
  };
}
