/**
 * The nodes of a bit tree, side by side in one array.
 *
 * A node is 34 words: two summaries and 32 slots. What a slot means is the tree's business, but two
 * values are the same on every level: {@link CLEAN} says that all below it is clean, {@link FULL}
 * that all below it is dirty. The summaries repeat both as one bit for each slot, so that a search
 * asks one word instead of 32.
 *
 *     word     0         1         2        3              33
 *              +---------+---------+--------+--------+-----+---------+
 *     node     | dirty   | full    | slot 0 | slot 1 | ... | slot 31 |
 *              +---------+---------+--------+--------+-----+---------+
 *     bit d    slot d is  slot d is
 *              not CLEAN  FULL
 *
 * Since `CLEAN` has no bit set and `FULL` every bit, a node that is all clean is 34 times `CLEAN`
 * and one that is all dirty 34 times `FULL`.
 *
 * A node is named by the index of its first word; node 0 is never given out, because 0 is `CLEAN`.
 * Freed nodes are kept in a list and given out again first: a granule that turns dirty and clean a
 * million times allocates nothing. The array doubles when it is full, and the tree moves to a
 * smaller one when {@link NodePool.isSparse}. Against one object a node this is a quarter of the
 * memory, and nothing for the garbage collector to visit.
 */

/** The slot value of a part without a dirty bit. */
export const CLEAN = 0;

/** The slot value of a part without a clean bit. */
export const FULL = -1;

/** How many slots a node has: one for each bit of a word. */
export const FAN_OUT = 32;

const DIRTY_SUMMARY = 0;
const FULL_SUMMARY = 1;
const FIRST_SLOT = 2;
const NODE_LENGTH = FIRST_SLOT + FAN_OUT;

/** The smallest pool: 4352 bytes, more than an all-clean or an all-dirty disk of any size needs. */
const CAPACITY_MIN = 32;

/** The largest pool, 8 GiB: a node's name must stay a positive 32-bit integer. */
const CAPACITY_MAX = Math.floor(2 ** 31 / NODE_LENGTH);

export class NodePool {
  #words: Int32Array;
  /** The first of the freed nodes, each of which names the next in its first word; 0 ends them. */
  #freed = 0;
  /** The first node that was never given out. */
  #unused = NODE_LENGTH;
  #used = 0;

  /** @param capacity For how many nodes to make room at first. */
  constructor(capacity = CAPACITY_MIN) {
    this.#words = new Int32Array(Math.max(capacity, CAPACITY_MIN) * NODE_LENGTH);
  }

  /** How many nodes are given out. */
  get used(): number {
    return this.#used;
  }

  /** What the array occupies, in bytes. */
  get memoryBytes(): number {
    return this.#words.byteLength;
  }

  /** Whether moving to a smaller array would give back at least half of this one. */
  get isSparse(): boolean {
    const capacity = this.#words.length / NODE_LENGTH;
    return capacity > CAPACITY_MIN && this.#used < capacity / 4;
  }

  /**
   * Gives out a node.
   *
   * @param content What all its slots hold: {@link CLEAN} or {@link FULL}.
   * @throws {RangeError} When there is no memory for more nodes.
   */
  allocate(content: number): number {
    let node = this.#freed;
    if (node !== 0) {
      this.#freed = this.#at(node);
    } else {
      node = this.#unused;
      if (node === this.#words.length) this.#grow();
      this.#unused += NODE_LENGTH;
    }
    this.#used += 1;
    this.#words.fill(content, node, node + NODE_LENGTH);
    return node;
  }

  /** Takes a node back. Its children stay as they are. */
  free(node: number): void {
    this.#words[node] = this.#freed;
    this.#freed = node;
    this.#used -= 1;
  }

  /** The slots that are not {@link CLEAN}, one bit each. */
  dirtySlots(node: number): number {
    return this.#at(node + DIRTY_SUMMARY);
  }

  /** The slots that are {@link FULL}, one bit each. */
  fullSlots(node: number): number {
    return this.#at(node + FULL_SUMMARY);
  }

  /**
   * The slots with another value than `without`, one bit each.
   *
   * @param without {@link CLEAN} or {@link FULL}.
   */
  slotsOtherThan(node: number, without: number): number {
    return without === CLEAN ? this.dirtySlots(node) : ~this.fullSlots(node);
  }

  /** The slots that are neither {@link CLEAN} nor {@link FULL}, one bit each. */
  mixedSlots(node: number): number {
    return this.dirtySlots(node) & ~this.fullSlots(node);
  }

  /** The value of one slot; `digit` is from 0 to 31. */
  slot(node: number, digit: number): number {
    return this.#at(node + FIRST_SLOT + digit);
  }

  /** Sets one slot and what the summaries say of it. */
  setSlot(node: number, digit: number, value: number): void {
    const bit = 1 << digit;
    const dirty = this.dirtySlots(node);
    const full = this.fullSlots(node);
    this.#words[node + FIRST_SLOT + digit] = value;
    this.#words[node + DIRTY_SUMMARY] = value === CLEAN ? dirty & ~bit : dirty | bit;
    this.#words[node + FULL_SUMMARY] = value === FULL ? full | bit : full & ~bit;
  }

  /** The compiler cannot know that an index lies inside; it does, so the 0 is never taken. */
  #at(index: number): number {
    return this.#words[index] ?? 0;
  }

  #grow(): void {
    const capacity = Math.min((this.#words.length / NODE_LENGTH) * 2, CAPACITY_MAX);
    const words = new Int32Array(capacity * NODE_LENGTH);
    if (words.length <= this.#words.length) {
      throw new RangeError(
        `Cannot grow a bitmap: it must not have more than ${CAPACITY_MAX} nodes: ${this.#used}`,
      );
    }
    words.set(this.#words);
    this.#words = words;
  }
}
