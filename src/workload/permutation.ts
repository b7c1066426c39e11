/**
 * A shuffle of the numbers below some bound that needs no table.
 *
 * A Feistel network of four rounds shuffles the numbers of `2 * halfBits` bits; a result that is
 * not below the bound goes through it again until it is ("cycle walking"). Both are one-to-one, so
 * every number comes out once. At worst a quarter of the numbers is below the bound, so that four
 * passes are the most to be expected.
 *
 *     left  right            left' = right
 *        \ /                 right' = left xor mix(right, key)
 *        / \
 */

import type { Random } from '../base/random.ts';

const ROUNDS = 4;

/**
 * @param count The bound, from 1 to 2^52.
 * @param random Gives the keys.
 * @returns A one-to-one function of the numbers from 0 to `count - 1`.
 */
export function permutation(count: number, random: Random): (value: number) => number {
  const halfBits = Math.max(Math.ceil(Math.log2(count) / 2), 1);
  const half = 2 ** halfBits;
  const mask = half - 1;
  const keys = Array.from({ length: ROUNDS }, () => random.uint32());
  const shuffle = (value: number): number => {
    let left = Math.floor(value / half);
    let right = value % half;
    for (const key of keys) {
      const mixed = (left ^ mix(right, key)) & mask;
      left = right;
      right = mixed;
    }
    return left * half + right;
  };
  return (value) => {
    let result = shuffle(value);
    while (result >= count) result = shuffle(result);
    return result;
  };
}

/** The finalizer of MurmurHash3. */
function mix(value: number, key: number): number {
  let hash = value ^ key;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
