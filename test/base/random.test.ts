import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';

const MASK = 0xffff_ffffn;

/** The same generator in the words of its authors' C, on unbounded integers. */
function reference(seed: number): () => number {
  const rotate = (x: bigint, count: bigint) => ((x << count) | (x >> (32n - count))) & MASK;
  const low = BigInt(seed) & MASK;
  const high = BigInt(seed) >> 32n;
  const splitmix = (state: bigint) => {
    let z = state & MASK;
    z = ((z ^ (z >> 16n)) * 0x85eb_ca6bn) & MASK;
    z = ((z ^ (z >> 13n)) * 0xc2b2_ae35n) & MASK;
    return z ^ (z >> 16n);
  };
  const golden = 0x9e37_79b9n;
  const second = ((low + 2n * golden) & MASK) ^ high;
  let [s0, s1] = [splitmix(low + golden), splitmix(low + 2n * golden)];
  let [s2, s3] = [splitmix(second + golden), splitmix(second + 2n * golden)];
  return () => {
    const result = (rotate((s1 * 5n) & MASK, 7n) * 9n) & MASK;
    const t = (s1 << 9n) & MASK;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotate(s3, 11n);
    return Number(result);
  };
}

describe('seededRandom()', () => {
  // A schedule is only worth keeping as long as its seed gives the same numbers.
  it.each([
    [0, [3_809_008_728, 1_133_695_204, 53_579_671, 2_891_528_803]],
    [1, [2_442_144_158, 3_238_099_751, 3_819_917_871, 2_104_621_829]],
    [42, [2_837_322_924, 544_945_897, 479_756_282, 3_500_138_142]],
    [Number.MAX_SAFE_INTEGER, [835_879_718, 2_712_455_553, 1_282_799_558, 2_679_240_629]],
  ])('gives the numbers of seed %d that it has always given', (seed, expected) => {
    const random = seededRandom(seed);
    expect(Array.from({ length: 4 }, () => random.uint32())).toEqual(expected);
  });

  it('is xoshiro128**, its state filled by splitmix32', () => {
    for (const seed of [0, 3, 2 ** 32 - 1, 2 ** 32, 123_456_789_012_345]) {
      const [random, expected] = [seededRandom(seed), reference(seed)];
      for (let round = 0; round < 200; round += 1) expect(random.uint32()).toBe(expected());
    }
  });

  it('gives other numbers for every other seed, those that differ above 2^32 included', () => {
    const seeds = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 33, 2 ** 52, 2 ** 53 - 1];
    const firsts = seeds.map((seed) => {
      const random = seededRandom(seed);
      return [random.uint32(), random.uint32(), random.uint32()].join();
    });
    expect(new Set(firsts).size).toBe(seeds.length);
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses the seed %d', (seed) => {
    expect(() => seededRandom(seed)).toThrow(RangeError);
  });
});

describe('below()', () => {
  it('gives every whole number below the bound, and no other', () => {
    const random = seededRandom(5);
    const counts = new Map<number, number>();
    for (let round = 0; round < 6000; round += 1) {
      const value = random.below(6);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(Math.min(...counts.values())).toBeGreaterThan(850);
  });

  it('gives 0 below 1, and safe integers below the largest bound', () => {
    const random = seededRandom(6);
    expect(random.below(1)).toBe(0);
    const large = Array.from({ length: 1000 }, () => random.below(2 ** 53));
    expect(large.every(Number.isSafeInteger)).toBe(true);
    expect(Math.max(...large)).toBeGreaterThan(2 ** 52);
  });
});

describe('fraction()', () => {
  it('lies from 0 to below 1, and uses bits down to 2^-53', () => {
    const random = seededRandom(7);
    const fractions = Array.from({ length: 1000 }, () => random.fraction());
    expect(fractions.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(fractions.some((value) => (value * 2 ** 53) % 2 === 1)).toBe(true);
    expect(fractions.reduce((sum, value) => sum + value) / 1000).toBeCloseTo(0.5, 1);
  });
});

describe('fill()', () => {
  it('fills the whole of the array and nothing beside it', () => {
    for (let length = 0; length <= 9; length += 1) {
      const around = new Uint8Array(length + 2);
      const touched = new Set<number>();
      const random = seededRandom(length);
      for (let round = 0; round < 20; round += 1) {
        random.fill(around.subarray(1, length + 1));
        for (const [at, byte] of around.entries()) if (byte !== 0) touched.add(at);
      }
      expect([...touched].sort((a, b) => a - b)).toEqual(
        Array.from({ length }, (_, index) => index + 1),
      );
    }
  });

  it('gives the same bytes for the same seed, lowest byte first', () => {
    const bytes = new Uint8Array(6);
    seededRandom(1).fill(bytes);
    const random = seededRandom(1);
    const [first, second] = [random.uint32(), random.uint32()];
    const expected = Buffer.alloc(8);
    expected.writeUInt32LE(first, 0);
    expected.writeUInt32LE(second, 4);
    expect(Buffer.from(bytes)).toEqual(expected.subarray(0, 6));
  });
});
