/**
 * Which parts of the disk are hot: a guest writes to them, so their bits stay as they are.
 *
 * The disk is cut into groups. A group becomes hot when it is used and there is room; it cools when
 * it was not used for some rounds, or when others wanted room: then the least recently used make
 * it. A cooling group still takes its room until its bits on the disk are exact, so that there are
 * never more than `hotMax` groups with bits that say more than is true. Used while it cools, it is
 * hot again.
 *
 * One that finds no room is refused, and its write sets the bits of its own granules only: the
 * guest does not wait for a group to cool, since that takes a flush of the target, however slow.
 */

import type { ByteRange } from '../../base/ranges.ts';

/** How many rounds a group stays hot unused. */
const IDLE_ROUNDS = 5;
/** A use of a longer range touches more than two groups, and is no sign that they are hot. */
const GROUPS_MAX = 2;

interface HotGroup {
  usedRound: number;
  isCooling: boolean;
}

export class HotGroups {
  readonly #size: number;
  readonly #groupLength: number;
  readonly #hotMax: number;
  readonly #groups = new Map<number, HotGroup>();
  #round = 0;
  #refused = 0;

  /** All in bytes, but `hotMax`, which counts groups. */
  constructor(options: {
    readonly size: number;
    readonly groupLength: number;
    readonly hotMax: number;
  }) {
    this.#size = options.size;
    this.#groupLength = options.groupLength;
    this.#hotMax = options.hotMax;
  }

  /** How many groups are hot or cooling. */
  get count(): number {
    return this.#groups.size;
  }

  /** The groups that are hot, as ranges; not those that are cooling. */
  *hot(): Generator<ByteRange, void, undefined> {
    for (const [index, group] of this.#groups) if (!group.isCooling) yield this.#range(index);
  }

  /** Notes that a range is being written to, and makes its groups hot where there is room. */
  use({ offset, length }: ByteRange): void {
    const last = Math.floor((offset + length - 1) / this.#groupLength);
    const first = Math.floor(offset / this.#groupLength);
    if (last - first >= GROUPS_MAX) return;
    for (let index = first; index <= last; index += 1) this.#use(index);
  }

  /** @returns The range, grown to those of its groups that are hot. */
  grow({ offset, length }: ByteRange): ByteRange {
    const last = Math.floor((offset + length - 1) / this.#groupLength);
    const first = Math.floor(offset / this.#groupLength);
    const start = this.#isHot(first) ? first * this.#groupLength : offset;
    const groupEnd = Math.min((last + 1) * this.#groupLength, this.#size);
    const end = this.#isHot(last) ? groupEnd : offset + length;
    return { offset: start, length: end - start };
  }

  /**
   * Begins a round: the groups that are due start to cool.
   *
   * @param isBusy Says of a range that a write is in flight in it, which keeps it hot.
   * @param options `all`: every group is due.
   * @returns The cooling groups as ranges; hand them to {@link HotGroups.endCooling}.
   */
  beginCooling(
    isBusy: (range: ByteRange) => boolean,
    { all }: { readonly all: boolean },
  ): readonly ByteRange[] {
    this.#round += 1;
    const byAge = [...this.#groups].sort(([, a], [, b]) => a.usedRound - b.usedRound);
    const wanted = Math.min(this.#refused, Math.ceil(this.#hotMax / 2));
    this.#refused = 0;
    const isDue = (group: HotGroup, age: number) =>
      all || age < wanted || this.#round - group.usedRound > IDLE_ROUNDS;
    return byAge
      .filter(([, group], age) => isDue(group, age))
      .filter(([index]) => !isBusy(this.#range(index)))
      .map(([index, group]) => {
        group.isCooling = true;
        return this.#range(index);
      });
  }

  /** Ends the cooling of a group: its room is free if its bits are exact and nobody used it. */
  endCooling({ offset }: ByteRange, { isExact }: { readonly isExact: boolean }): void {
    const index = offset / this.#groupLength;
    const group = this.#groups.get(index);
    if (!group?.isCooling) return;
    if (isExact) this.#groups.delete(index);
    else group.isCooling = false;
  }

  #use(index: number): void {
    const group = this.#groups.get(index);
    if (group) {
      group.usedRound = this.#round;
      group.isCooling = false;
    } else if (this.#groups.size < this.#hotMax) {
      this.#groups.set(index, { usedRound: this.#round, isCooling: false });
    } else {
      this.#refused += 1;
    }
  }

  #isHot(index: number): boolean {
    return this.#groups.get(index)?.isCooling === false;
  }

  #range(index: number): ByteRange {
    const offset = index * this.#groupLength;
    return { offset, length: Math.min(this.#groupLength, this.#size - offset) };
  }
}
