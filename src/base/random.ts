/**
 * Random numbers that a seed repeats.
 *
 * The generator is xoshiro128** (Blackman and Vigna, 2018), its state filled by splitmix32 from
 * both halves of the seed: the same seed gives the same numbers on every machine and every version
 * of Node, and no two seeds give the same.
 */

/** A source of random numbers. */
export interface Random {
  /** @returns A whole number from 0 to 2^32 - 1. */
  uint32(): number;
  /** @returns A whole number from 0 to `bound` - 1; `bound` is from 1 to 2^53. */
  below(bound: number): number;
  /** @returns A number from 0 to below 1. */
  fraction(): number;
  /** Fills the array with random bytes. */
  fill(bytes: Uint8Array): void;
}

/** @param seed A whole number from 0 to 2^53 - 1. */
export function seededRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`Cannot seed: a seed must be a whole number from 0 to 2^53 - 1: ${seed}`);
  }
  let mix = seed >>> 0;
  const splitmix = () => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = splitmix();
  let b = splitmix();
  mix ^= Math.floor(seed / 2 ** 32);
  let c = splitmix();
  let d = splitmix();

  function uint32(): number {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return scrambled;
  }
  function fraction(): number {
    return ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53;
  }
  return {
    uint32,
    fraction,
    below: (bound) => Math.floor(fraction() * bound),
    fill(bytes) {
      const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let at = 0;
      for (; at + 4 <= bytes.length; at += 4) words.setUint32(at, uint32(), true);
      for (let rest = uint32(); at < bytes.length; at += 1, rest >>>= 8) bytes[at] = rest & 0xff;
    },
  };
}

function rotateLeft(value: number, count: number): number {
  return (value << count) | (value >>> (32 - count));
}
