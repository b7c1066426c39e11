/**
 * A set of bits that is small where it is uniform.
 *
 * The bits stand at the leaves of a tree in which every node has 32 slots, so an index is a number
 * with digits to the base 32: digit 0 selects the bit in a word, digit 1 the word in a leaf, and
 * each further one the slot in a node above.
 *
 *     level   bits of a slot                                    index 2 * 1024 + 1 * 32 + 4
 *
 *       2         1024    root  +-----------------------------+   digits  2     1     4
 *                               | CLEAN | FULL | node | CLEAN |           |     |     |
 *                               +----------------|------------+   slot 2 <+     |     |
 *       1           32    leaf  +----------------v------------+                 |     |
 *                               | CLEAN | word | FULL | CLEAN |   slot 1 <------+     |
 *                               +---------|-------------------+                       |
 *       0            1    word         ...00010000                bit 4  <------------+
 *
 * A slot is `CLEAN` or `FULL` when all its bits are alike; otherwise it names a node or, in a leaf,
 * is the 32 bits themselves. The form is canonical: no node is all clean or all dirty, for such a
 * node is freed at once and its slot becomes `CLEAN` or `FULL`. Three things follow.
 *
 * - Memory goes with how often clean and dirty alternate, not with the size: a set that has all
 *   bits is as cheap as an empty one. So is writing a range: it touches the nodes at its two ends
 *   and frees those between.
 * - A search never looks in vain: a slot that the summary shows does hold what is looked for. So it
 *   goes down at most twice, through at most eight nodes at 2^44 bits.
 * - The same set is always the same tree.
 */

import { digitOf, levelFor, unitOf } from './digits.ts';
import { CLEAN, FAN_OUT, FULL, NodePool } from './node-pool.ts';
import { bitsBetween, countBits, lowestBit } from './words.ts';

const WORD_SPAN = FAN_OUT;
const LEAF_SPAN = FAN_OUT ** 2;

/** Sees `wordCount` equal words of 32 bits, of which the first is the one numbered `firstWord`. */
export type WordVisitor = (firstWord: number, wordCount: number, word: number) => void;

export class BitTree {
  /** How many bits there are. */
  readonly length: number;
  /** The level of the root node, at least 1. */
  readonly #height: number;
  #pool = new NodePool();
  #root = CLEAN;
  #count = 0;
  /** The leaf that was used last, and the index of its first bit: infinite when it is gone. */
  #leaf = 0;
  #leafStart = Number.POSITIVE_INFINITY;

  /** @param length How many bits, from 0 to 2^44; all are clear. */
  constructor(length: number) {
    this.length = length;
    this.#height = levelFor(length);
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  /** How many nodes the tree has. */
  get nodeCount(): number {
    return this.#pool.used;
  }

  /** What the nodes occupy, in bytes, with the room for those to come. */
  get memoryBytes(): number {
    return this.#pool.memoryBytes;
  }

  /** Whether a bit is set; `index` is from 0 to `length` - 1. */
  has(index: number): boolean {
    const word = this.#slotAt(index, 0);
    return (word & (1 << digitOf(index, 0))) !== 0;
  }

  /** Sets the bits from `start` up to and without `end`. */
  set(start: number, end: number): void {
    this.#write(start, end, FULL);
  }

  /** Clears the bits from `start` up to and without `end`. */
  clear(start: number, end: number): void {
    this.#write(start, end, CLEAN);
  }

  /** @returns The first index at or after `from` whose bit is set; `length` if there is none. */
  nextSet(from: number): number {
    return from < this.length ? this.#find(from, CLEAN) : this.length;
  }

  /** @returns The first index at or after `from` whose bit is clear; `length` if there is none. */
  nextClear(from: number): number {
    return from < this.length ? this.#find(from, FULL) : this.length;
  }

  /** @returns How many bits are set from `start` up to and without `end`. */
  countBetween(start: number, end: number): number {
    return this.#countIn(this.#root, this.#height, start, end);
  }

  /** Sets every bit that is set in `other`, which has the same length. */
  merge(other: BitTree): void {
    if (other === this) return;
    this.#root = this.#union(this.#root, this.#height, other.#pool, other.#root);
    this.#giveBack();
  }

  /** Shows the words that are not all clear, in ascending order; runs of full words at once. */
  walk(visit: WordVisitor): void {
    this.#walk(this.#root, this.#height, 0, visit);
  }

  #write(start: number, end: number, value: number): void {
    if (start >= end || this.#writeInLeaf(start, end, value)) return;
    this.#root = this.#fill(this.#root, this.#height, start, end, value);
    this.#giveBack();
  }

  /**
   * The short way for a range inside one word that leaves the nodes as they are.
   *
   * @returns Whether that was enough; if not, the same has to be written from the root down.
   */
  #writeInLeaf(start: number, end: number, value: number): boolean {
    const bit = digitOf(start, 0);
    if (end - start > WORD_SPAN - bit) return false;
    if (!this.#isInLastLeaf(start)) {
      const slot = this.#slotAt(start, 1);
      if (slot === value) return true;
      if (slot === CLEAN || slot === FULL) return false;
      this.#rememberLeaf(slot, start);
    }
    const pool = this.#pool;
    const leaf = this.#leaf;
    const digit = digitOf(start, 1);
    const before = pool.slot(leaf, digit);
    const after = this.#wordWith(before, bit, bit + (end - start), value);
    if (after === before) return true;
    pool.setSlot(leaf, digit, after);
    // A leaf that has become uniform must go, and perhaps nodes above it: only the long way, which
    // comes from above, can see to that.
    return pool.dirtySlots(leaf) !== CLEAN && pool.fullSlots(leaf) !== FULL;
  }

  #isInLastLeaf(index: number): boolean {
    const within = index - this.#leafStart;
    return within >= 0 && within < LEAF_SPAN;
  }

  #rememberLeaf(leaf: number, index: number): void {
    this.#leaf = leaf;
    this.#leafStart = Math.floor(index / LEAF_SPAN) * LEAF_SPAN;
  }

  /**
   * Goes down to the node of a level, or to the word at level 0, that a bit is in.
   *
   * @returns What names it; `CLEAN` or `FULL` where a slot on the way says so of all below it.
   */
  #slotAt(index: number, toLevel: number): number {
    let slot = this.#root;
    for (let level = this.#height; level > toLevel; level -= 1) {
      if (slot === CLEAN || slot === FULL) return slot;
      slot = this.#pool.slot(slot, digitOf(index, level));
    }
    return slot;
  }

  /**
   * @param level The level of the node that the slot names, 0 for a word.
   * @param start Relative to the first bit of the slot, as is `end`; both may lie outside.
   * @returns What becomes of the slot when its bits from `start` to `end` become `value`.
   */
  #fill(slot: number, level: number, start: number, end: number, value: number): number {
    const unit = unitOf(level);
    const span = unit * FAN_OUT;
    if (slot === value) return slot;
    if (start <= 0 && end >= span) {
      this.#count += (value === FULL ? span : 0) - this.#drop(slot, level);
      return value;
    }
    const first = Math.floor(Math.max(start, 0) / unit);
    const behind = Math.ceil(Math.min(end, span) / unit);
    if (level === 0) return this.#wordWith(slot, first, behind, value);
    // Where a uniform slot shall become something else in part, it is split into 32 alike.
    const node = slot === CLEAN || slot === FULL ? this.#pool.allocate(slot) : slot;
    for (let digit = first; digit < behind; digit += 1) {
      const at = digit * unit;
      const child = this.#pool.slot(node, digit);
      const filled = this.#fill(child, level - 1, start - at, end - at, value);
      this.#pool.setSlot(node, digit, filled);
    }
    return this.#settled(node);
  }

  /** @returns A word with its bits from `start` to `end` made `value`, which is counted. */
  #wordWith(word: number, start: number, end: number, value: number): number {
    const bits = bitsBetween(start, end);
    if (value === FULL) {
      this.#count += countBits(bits & ~word);
      return word | bits;
    }
    this.#count -= countBits(bits & word);
    return word & ~bits;
  }

  /** @returns What stands for a node: itself, or `CLEAN` or `FULL` when it has become uniform. */
  #settled(node: number): number {
    const isClean = this.#pool.dirtySlots(node) === CLEAN;
    const isFull = this.#pool.fullSlots(node) === FULL;
    if (!isClean && !isFull) return node;
    this.#free(node);
    return isFull ? FULL : CLEAN;
  }

  /** Frees all nodes of a slot. @returns How many bits were set in it. */
  #drop(slot: number, level: number): number {
    const unit = unitOf(level);
    if (slot === CLEAN) return 0;
    if (slot === FULL) return unit * FAN_OUT;
    if (level === 0) return countBits(slot);
    let count = countBits(this.#pool.fullSlots(slot)) * unit;
    for (let rest = this.#pool.mixedSlots(slot); rest !== 0; rest &= rest - 1) {
      count += this.#drop(this.#pool.slot(slot, lowestBit(rest)), level - 1);
    }
    this.#free(slot);
    return count;
  }

  #free(node: number): void {
    if (node === this.#leaf) this.#leafStart = Number.POSITIVE_INFINITY;
    this.#pool.free(node);
  }

  /**
   * Finds the first bit from `from` on, which is inside, without recursion or allocation.
   *
   * It goes down to `from` and remembers the lowest node on the way with a candidate to the right.
   * When the way ends in vain, the bit is the leftmost one below that candidate.
   *
   * @param without The slot value that cannot hold what is looked for: `CLEAN` in search of a set
   *   bit, `FULL` in search of a clear one.
   */
  #find(from: number, without: number): number {
    if (this.#isInLastLeaf(from)) {
      const found = this.#findInLastLeaf(from, without);
      if (found >= 0) return found;
    }
    const pool = this.#pool;
    let branch = 0;
    let branchLevel = 0;
    let slot = this.#root;
    for (let level = this.#height; level > 1 && slot !== without; level -= 1) {
      if (slot === CLEAN || slot === FULL) return from;
      const digit = digitOf(from, level);
      if ((pool.slotsOtherThan(slot, without) & (-2 << digit)) !== 0) {
        branch = slot;
        branchLevel = level;
      }
      slot = pool.slot(slot, digit);
    }
    if (slot !== without) {
      if (slot === CLEAN || slot === FULL) return from;
      this.#rememberLeaf(slot, from);
      const found = this.#findInLastLeaf(from, without);
      if (found >= 0) return found;
    }
    return branch === 0 ? this.length : this.#firstToTheRight(from, branch, branchLevel, without);
  }

  /** @returns The first bit at or after `from` in the leaf; -1 when there is none. */
  #findInLastLeaf(from: number, without: number): number {
    const pool = this.#pool;
    const leaf = this.#leaf;
    const bit = digitOf(from, 0);
    const digit = digitOf(from, 1);
    const bits = (pool.slot(leaf, digit) ^ without) & (-1 << bit);
    if (bits !== 0) return from - bit + lowestBit(bits);
    const behind = pool.slotsOtherThan(leaf, without) & (-2 << digit);
    if (behind === 0) return -1;
    const next = lowestBit(behind);
    return this.#leafStart + next * WORD_SPAN + lowestBit(pool.slot(leaf, next) ^ without);
  }

  /** @returns The first bit in the slots of a node to the right of the one that `from` is in. */
  #firstToTheRight(from: number, node: number, nodeLevel: number, without: number): number {
    const pool = this.#pool;
    const span = unitOf(nodeLevel + 1);
    let index = Math.floor(from / span) * span;
    let slot = node;
    let allowed = -2 << digitOf(from, nodeLevel);
    for (let level = nodeLevel; level > 1; level -= 1) {
      const digit = lowestBit(pool.slotsOtherThan(slot, without) & allowed);
      index += digit * unitOf(level);
      slot = pool.slot(slot, digit);
      if (slot === CLEAN || slot === FULL) return index;
      allowed = -1;
    }
    this.#rememberLeaf(slot, index);
    return this.#findInLastLeaf(index, without);
  }

  #countIn(slot: number, level: number, start: number, end: number): number {
    const unit = unitOf(level);
    const first = Math.max(start, 0);
    const behind = Math.min(end, unit * FAN_OUT);
    if (slot === CLEAN || first >= behind) return 0;
    if (slot === FULL) return behind - first;
    const digits = bitsBetween(Math.floor(first / unit), Math.ceil(behind / unit));
    if (level === 0) return countBits(slot & digits);
    let count = 0;
    for (let rest = this.#pool.dirtySlots(slot) & digits; rest !== 0; rest &= rest - 1) {
      const digit = lowestBit(rest);
      const at = digit * unit;
      count += this.#countIn(this.#pool.slot(slot, digit), level - 1, start - at, end - at);
    }
    return count;
  }

  /** @returns What becomes of a slot when the bits of another tree's slot are set in it too. */
  #union(slot: number, level: number, otherPool: NodePool, other: number): number {
    if (slot === FULL || other === CLEAN) return slot;
    if (other === FULL) return this.#fill(slot, level, 0, unitOf(level + 1), FULL);
    if (level === 0) {
      this.#count += countBits(other & ~slot);
      return slot | other;
    }
    const node = slot === CLEAN ? this.#pool.allocate(CLEAN) : slot;
    for (let rest = otherPool.dirtySlots(other); rest !== 0; rest &= rest - 1) {
      const digit = lowestBit(rest);
      const child = this.#pool.slot(node, digit);
      const merged = this.#union(child, level - 1, otherPool, otherPool.slot(other, digit));
      this.#pool.setSlot(node, digit, merged);
    }
    return this.#settled(node);
  }

  #walk(slot: number, level: number, firstWord: number, visit: WordVisitor): void {
    if (slot === CLEAN) return;
    if (slot === FULL || level === 0) {
      visit(firstWord, unitOf(level), slot);
      return;
    }
    for (let rest = this.#pool.dirtySlots(slot); rest !== 0; rest &= rest - 1) {
      const digit = lowestBit(rest);
      const childFirstWord = firstWord + digit * unitOf(level - 1);
      this.#walk(this.#pool.slot(slot, digit), level - 1, childFirstWord, visit);
    }
  }

  /** Moves to a smaller array when most of this one is free. */
  #giveBack(): void {
    if (!this.#pool.isSparse) return;
    const pool = new NodePool(this.#pool.used * 2);
    this.#root = this.#copy(this.#root, this.#height, pool);
    this.#pool = pool;
    this.#leafStart = Number.POSITIVE_INFINITY;
  }

  #copy(slot: number, level: number, pool: NodePool): number {
    if (slot === CLEAN || slot === FULL || level === 0) return slot;
    const node = pool.allocate(CLEAN);
    for (let rest = this.#pool.dirtySlots(slot); rest !== 0; rest &= rest - 1) {
      const digit = lowestBit(rest);
      pool.setSlot(node, digit, this.#copy(this.#pool.slot(slot, digit), level - 1, pool));
    }
    return node;
  }
}
