import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { BitTree } from '../../src/bitmap/bit-tree.ts';

/** What one slot stands for, on each level. */
const WORD = 32;
const LEAF = 1024;
const BRANCH = 32 * LEAF;
const HUGE = 2 ** 44;

/** Reads every bit through `walk`, the one way that shows the tree as it is. */
function bitsOf(tree: BitTree): boolean[] {
  const bits = Array.from({ length: Math.ceil(tree.length / WORD) * WORD }, () => false);
  tree.walk((firstWord, wordCount, word) => {
    for (let bit = 0; bit < wordCount * WORD; bit += 1) {
      bits[firstWord * WORD + bit] = (word & (1 << (bit % WORD))) !== 0;
    }
  });
  return bits;
}

/** @returns A tree with the same bits, made in one go from the first to the last. */
function rebuilt(tree: BitTree): BitTree {
  const copy = new BitTree(tree.length);
  for (let start = tree.nextSet(0); start < tree.length; ) {
    const end = tree.nextClear(start);
    copy.set(start, end);
    start = tree.nextSet(end);
  }
  return copy;
}

describe('BitTree', () => {
  it('has no node while all bits are clear', () => {
    const tree = new BitTree(HUGE);
    tree.clear(0, HUGE);
    expect(tree.nodeCount).toBe(0);
    expect(tree.nextSet(0)).toBe(HUGE);
    expect(tree.nextClear(0)).toBe(0);
  });

  it('sets and clears everything with the nodes of one way down', () => {
    const tree = new BitTree(HUGE);
    tree.set(0, HUGE);
    expect(tree.count).toBe(HUGE);
    expect(tree.nextClear(0)).toBe(HUGE);
    expect(tree.nodeCount).toBeLessThanOrEqual(8);
    tree.clear(0, HUGE);
    expect(tree.count).toBe(0);
    expect(tree.nodeCount).toBe(0);
  });

  it('needs no node at all where the whole root is set', () => {
    const tree = new BitTree(LEAF);
    for (let index = 0; index < LEAF; index += 1) tree.set(index, index + 1);
    expect(tree.nodeCount).toBe(0);
    expect(tree.count).toBe(LEAF);
    expect(tree.nextClear(0)).toBe(LEAF);
    expect(tree.has(LEAF - 1)).toBe(true);
  });

  it('splits a full slot when one bit in it is cleared, and joins it again', () => {
    const tree = new BitTree(HUGE);
    tree.set(0, HUGE);
    const { nodeCount } = tree;
    const hole = 2 ** 40 + 12_345;
    tree.clear(hole, hole + 1);
    expect(tree.nodeCount).toBeGreaterThan(nodeCount);
    expect(tree.count).toBe(HUGE - 1);
    expect(tree.nextClear(0)).toBe(hole);
    expect(tree.nextClear(hole + 1)).toBe(HUGE);
    expect([tree.has(hole - 1), tree.has(hole), tree.has(hole + 1)]).toEqual([true, false, true]);
    tree.set(hole, hole + 1);
    expect(tree.nodeCount).toBe(nodeCount);
    expect(tree.nextClear(0)).toBe(HUGE);
  });

  it('splits a clear slot when one bit in it is set, and joins it again', () => {
    const tree = new BitTree(HUGE);
    const bit = 2 ** 33 + 7;
    tree.set(bit, bit + 1);
    expect([tree.nextSet(0), tree.nextSet(bit + 1)]).toEqual([bit, HUGE]);
    tree.clear(bit, bit + 1);
    expect(tree.nodeCount).toBe(0);
  });

  it('frees the nodes between the ends of a range that becomes uniform', () => {
    const tree = new BitTree(HUGE);
    for (let index = 0; index < 2000; index += 1) tree.set(index * BRANCH + 5, index * BRANCH + 9);
    expect(tree.nodeCount).toBeGreaterThan(2000);
    tree.set(1, 2000 * BRANCH);
    expect(tree.nodeCount).toBeLessThan(30);
    expect(tree.count).toBe(2000 * BRANCH - 1);
  });

  it.each([WORD, LEAF, BRANCH, 2 ** 30, 2 ** 32, 2 ** 35, 2 ** 40])(
    'keeps bits apart on both sides of a boundary of %d bits',
    (boundary) => {
      for (const [start, end] of [
        [boundary - 1, boundary],
        [boundary, boundary + 1],
        [boundary - 1, boundary + 1],
        [boundary - 33, boundary + 33],
        [boundary - WORD, boundary + LEAF],
        [0, boundary],
        [boundary, 2 * boundary],
      ] as const) {
        const from = Math.max(start, 0);
        const tree = new BitTree(HUGE);
        tree.set(from, end);
        expect(tree.count).toBe(end - from);
        expect([tree.nextSet(0), tree.nextClear(from), tree.nextSet(end)]).toEqual([
          from,
          end,
          HUGE,
        ]);
        expect([tree.has(from), tree.has(end - 1), tree.has(end)]).toEqual([true, true, false]);
        tree.clear(end - 1, end);
        expect(tree.count).toBe(end - from - 1);
        expect(tree.has(end - 1)).toBe(false);
      }
    },
  );

  it('finds the bit to the right however high the way there branches off', () => {
    const tree = new BitTree(HUGE);
    const indices = Array.from({ length: 45 }, (_, power) => 2 ** power - 1);
    for (const index of indices) tree.set(index, index + 1);
    for (const [at, index] of indices.entries()) {
      expect(tree.nextSet(index)).toBe(index);
      expect(tree.nextSet(index + 1)).toBe(indices[at + 1] ?? HUGE);
    }
  });

  it('finds the clear bit to the right however high the way there branches off', () => {
    const tree = new BitTree(HUGE);
    const indices = Array.from({ length: 45 }, (_, power) => 2 ** power - 1);
    tree.set(0, HUGE);
    for (const index of indices) tree.clear(index, index + 1);
    for (const [at, index] of indices.entries()) {
      expect(tree.nextClear(index)).toBe(index);
      expect(tree.nextClear(index + 1)).toBe(indices[at + 1] ?? HUGE);
    }
  });

  it.each([LEAF - 1, LEAF, BRANCH])('finds nothing at the end of %d bits or behind', (length) => {
    const tree = new BitTree(length);
    tree.set(0, 1);
    tree.set(2, 3);
    for (const from of [length, length + 1, 2 ** 44]) {
      expect([tree.nextSet(from), tree.nextClear(from)]).toEqual([length, length]);
    }
  });

  it('counts a bit once that is set twice or cleared twice', () => {
    const tree = new BitTree(BRANCH);
    for (const [start, end] of [
      [5, 6],
      [5, 6],
      [0, 40],
      [0, LEAF],
      [3, 9],
    ] as const) {
      tree.set(start, end);
    }
    expect(tree.count).toBe(LEAF);
    tree.clear(7, 8);
    tree.clear(7, 8);
    tree.clear(0, 16);
    expect(tree.count).toBe(LEAF - 16);
  });

  it('does nothing to an empty range', () => {
    const tree = new BitTree(LEAF);
    tree.set(10, 10);
    expect(tree.count).toBe(0);
    tree.set(10, 12);
    for (const at of [0, 11, 32, 33, LEAF]) {
      tree.set(at, at);
      tree.clear(at, at);
      expect(tree.count).toBe(2);
      expect(tree.countBetween(at, at)).toBe(0);
    }
  });

  it('counts in any range, within words, leaves and above', () => {
    const tree = new BitTree(HUGE);
    tree.set(10, 20);
    tree.set(LEAF - 5, BRANCH + 7);
    tree.set(2 ** 41, 2 ** 42);
    expect(tree.countBetween(0, HUGE)).toBe(tree.count);
    expect(tree.countBetween(12, 14)).toBe(2);
    expect(tree.countBetween(15, LEAF)).toBe(10);
    expect(tree.countBetween(LEAF, BRANCH)).toBe(BRANCH - LEAF);
    expect(tree.countBetween(BRANCH, 2 ** 41 + 3)).toBe(10);
    expect(tree.countBetween(2 ** 41 + 1, 2 ** 42 - 1)).toBe(2 ** 41 - 2);
    expect(tree.countBetween(2 ** 42, HUGE)).toBe(0);
    expect(tree.countBetween(9, 9)).toBe(0);
  });

  it('gives the memory back when most of the bits are clear again', () => {
    const tree = new BitTree(HUGE);
    const empty = tree.memoryBytes;
    const leaves = 20_000;
    for (let leaf = 0; leaf < leaves; leaf += 1) tree.set(leaf * LEAF, leaf * LEAF + 1);
    const many = tree.memoryBytes;
    expect(many).toBeGreaterThan(leaves * 128);
    for (let leaf = 100; leaf < leaves; leaf += 1) tree.clear(leaf * LEAF, leaf * LEAF + 1);
    expect(tree.memoryBytes).toBeLessThan(many / 50);
    for (let leaf = 0; leaf < 100; leaf += 1) expect(tree.has(leaf * LEAF)).toBe(true);
    expect(tree.count).toBe(100);
    tree.clear(0, HUGE);
    expect(tree.memoryBytes).toBe(empty);
  });

  it('still knows the leaf that was used last when the nodes have moved', () => {
    const tree = new BitTree(HUGE);
    for (let leaf = 0; leaf < 1000; leaf += 1) tree.set(leaf * LEAF, leaf * LEAF + 1);
    const last = 900 * LEAF;
    tree.set(last + 2, last + 3);
    const { memoryBytes } = tree;
    tree.clear(0, last);
    expect(tree.memoryBytes).toBeLessThan(memoryBytes);
    tree.set(last + 4, last + 5);
    expect([tree.nextSet(0), tree.nextSet(last + 1), tree.nextSet(last + 3)]).toEqual([
      last,
      last + 2,
      last + 4,
    ]);
    expect(tree.count).toBe(tree.countBetween(0, HUGE));
  });

  it('neither grows nor shrinks when a granule turns dirty and clean over and over', () => {
    const tree = new BitTree(HUGE);
    for (let leaf = 0; leaf < 200; leaf += 1) tree.set(leaf * LEAF, leaf * LEAF + 1);
    const { memoryBytes } = tree;
    for (let round = 0; round < 1000; round += 1) {
      tree.set(2 ** 43, 2 ** 43 + 1);
      expect(tree.memoryBytes).toBe(memoryBytes);
      tree.clear(2 ** 43, 2 ** 43 + 1);
      expect(tree.memoryBytes).toBe(memoryBytes);
    }
  });

  it('shows runs of full words at once, in ascending order, and no clear word', () => {
    const tree = new BitTree(HUGE);
    tree.set(3, 5);
    tree.set(LEAF, 2 * LEAF);
    tree.set(2 ** 40, 2 ** 40 + 1);
    const seen: number[][] = [];
    tree.walk((...run) => seen.push(run));
    expect(seen).toEqual([
      [0, 1, 0b11000],
      [LEAF / WORD, LEAF / WORD, -1],
      [2 ** 35, 1, 1],
    ]);
  });

  it('leaves the other tree of a merge as it is, and may be merged with itself', () => {
    const tree = new BitTree(HUGE);
    const other = new BitTree(HUGE);
    tree.set(0, 10);
    other.set(5, 2 ** 20);
    tree.merge(other);
    expect([tree.count, other.count]).toEqual([2 ** 20, 2 ** 20 - 5]);
    tree.clear(0, HUGE);
    expect(other.count).toBe(2 ** 20 - 5);
    other.merge(other);
    expect(other.count).toBe(2 ** 20 - 5);
    tree.merge(other);
    expect([tree.nextSet(0), tree.nextClear(5)]).toEqual([5, 2 ** 20]);
  });

  it('gives back on a merge the memory of what becomes uniform', () => {
    const tree = new BitTree(HUGE);
    const empty = tree.memoryBytes;
    for (let leaf = 0; leaf < 5000; leaf += 1) tree.set(leaf * LEAF, leaf * LEAF + 1);
    const other = new BitTree(HUGE);
    other.set(0, HUGE / 2);
    tree.merge(other);
    expect(tree.count).toBe(HUGE / 2);
    expect(tree.memoryBytes).toBe(empty);
  });

  it('gives back on a merge the nodes that become uniform', () => {
    const evens = new BitTree(8 * LEAF);
    const odds = new BitTree(8 * LEAF);
    for (let index = 0; index < 8 * LEAF; index += 2) {
      evens.set(index, index + 1);
      odds.set(index + 1, index + 2);
    }
    evens.merge(odds);
    expect(evens.count).toBe(8 * LEAF);
    expect(evens.nodeCount).toBe(1);
  });

  it.each([1, 31, 32, 33, LEAF - 1, LEAF, LEAF + 1, BRANCH - 1, BRANCH, BRANCH + 77])(
    'agrees with an array of %d booleans after any operations',
    (length) => {
      const random = seededRandom(length);
      const tree = new BitTree(length);
      const model = Array.from({ length }, () => false);
      const other = new BitTree(length);
      for (let step = 0; step < 1500; step += 1) {
        const start = random.below(length);
        const lengthMax = random.below(3) === 0 ? length : Math.min(length, 100);
        const end = Math.min(start + 1 + random.below(lengthMax), length);
        const value = random.below(2) === 0;
        if (step % 100 === 99) {
          other.set(start, end);
          tree.merge(other);
          for (let index = 0; index < length; index += 1) model[index] ||= other.has(index);
        } else {
          if (value) tree.set(start, end);
          else tree.clear(start, end);
          model.fill(value, start, end);
        }
        if (length > LEAF + 1 && step % 50 !== 0) continue;
        const from = random.below(length);
        const at = (index: number) => (index < 0 ? length : index);
        expect(tree.has(from)).toBe(model[from]);
        expect(tree.nextSet(from)).toBe(at(model.indexOf(true, from)));
        expect(tree.nextClear(from)).toBe(at(model.indexOf(false, from)));
        expect(tree.countBetween(from, end)).toBe(model.slice(from, end).filter(Boolean).length);
        expect(tree.count).toBe(model.filter(Boolean).length);
      }
      expect(bitsOf(tree).slice(0, length)).toEqual(model);
      expect(tree.nodeCount).toBe(rebuilt(tree).nodeCount);
    },
  );
});
