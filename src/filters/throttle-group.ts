/**
 * Disks that share their throttle limits, and whose turn it is among them.
 *
 * Reads and writes wait apart, in one queue for each disk, so that one disk with many requests does
 * not shut out another with few: the disks take turns, one request at a time. In each direction at
 * most one timer runs, for the request whose turn is next; when it fires, that request goes. As in
 * QEMU it goes without another look at the limits: looked at again, it could for ever lose what it
 * waited for to the other direction. What is taken too much so is paid for by the next.
 *
 * The queues are first in, first out, and bounded by `WAITING_MAX`.
 */

import { BlockError } from '../base/errors.ts';
import type { Clock, Timer } from '../env/env.ts';
import { DIRECTIONS, type Direction, ThrottleBuckets } from './throttle-buckets.ts';
import { checkLimits, type ThrottleLimits } from './throttle-limits.ts';

/** How many requests of one direction wait at one disk: more than guests have in flight. */
const WAITING_MAX = 65_536;

interface Waiter {
  readonly bytes: number;
  readonly go: () => void;
  readonly fail: (error: BlockError) => void;
}

/** A group as its members use it. */
interface Turns {
  readonly buckets: ThrottleBuckets;
  /** Someone of the group waits. */
  isBusy(direction: Direction): boolean;
  /** Looks again at what waits, for something of it was taken out. */
  review(direction: Direction): void;
  leave(member: ThrottleMember): void;
}

/** One disk in a group. */
export class ThrottleMember {
  readonly clock: Clock;
  readonly #name: string;
  readonly #turns: Turns;
  readonly #waiting: Readonly<Record<Direction, Waiter[]>> = { read: [], write: [] };
  #drains = 0;

  /** @param name Of the disk, for messages. */
  constructor(turns: Turns, name: string, clock: Clock) {
    this.#turns = turns;
    this.#name = name;
    this.clock = clock;
  }

  /** How many requests wait. */
  waiting(direction: Direction): number {
    return this.#waiting[direction].length;
  }

  /**
   * Asks for leave to send a request.
   *
   * @returns Nothing when it may go at once; else a promise that resolves when it may.
   * @throws {BlockError} `EBUSY` when too many wait already; `ECANCELED`, as a rejection, when the
   *   wait was ended by {@link ThrottleMember.cancel}.
   */
  admit(direction: Direction, bytes: number): Promise<void> | undefined {
    const { buckets } = this.#turns;
    const nowMs = this.clock.nowMs();
    const mustWait =
      this.#drains === 0 &&
      (this.#turns.isBusy(direction) || buckets.delayMs(direction, nowMs) > 0);
    if (!mustWait) {
      buckets.take(direction, bytes, nowMs);
      return undefined;
    }
    const queue = this.#waiting[direction];
    if (queue.length >= WAITING_MAX) {
      const reason = `${WAITING_MAX} requests wait for its throttle limits already`;
      throw new BlockError('EBUSY', `${direction} ${bytes} bytes of "${this.#name}"`, reason);
    }
    const admitted = new Promise<void>((go, fail) => queue.push({ bytes, go, fail }));
    this.#turns.review(direction);
    return admitted;
  }

  /** Lets the request go that has waited longest. */
  releaseFirst(direction: Direction): void {
    const first = this.#waiting[direction].shift();
    if (!first) return;
    this.#turns.buckets.take(direction, first.bytes, this.clock.nowMs());
    first.go();
  }

  /**
   * From now until as many calls of {@link ThrottleMember.endDrain} nothing of the disk waits, and
   * what waits goes. It is counted all the same, and so paid for by what comes after the drain.
   */
  beginDrain(): void {
    this.#drains += 1;
    for (const direction of DIRECTIONS) {
      while (this.#waiting[direction].length > 0) this.releaseFirst(direction);
      this.#turns.review(direction);
    }
  }

  endDrain(): void {
    this.#drains -= 1;
  }

  /** Fails everything that waits with `ECANCELED`. */
  cancel(): void {
    for (const direction of DIRECTIONS) {
      for (const { bytes, fail } of this.#waiting[direction].splice(0)) {
        const action = `${direction} ${bytes} bytes of "${this.#name}"`;
        fail(new BlockError('ECANCELED', action, 'it was cancelled while it was throttled'));
      }
      this.#turns.review(direction);
    }
  }

  /** Leaves the group, cancelling what waits. */
  leave(): void {
    this.cancel();
    this.#turns.leave(this);
  }
}

/** A timer and the member for whose first request it runs. */
interface Turn {
  readonly member: ThrottleMember;
  readonly timer: Timer;
}

export class ThrottleGroup {
  readonly #members: ThrottleMember[] = [];
  readonly #next: Partial<Record<Direction, Turn>> = {};
  /** Who had the last turn. */
  readonly #last: Partial<Record<Direction, ThrottleMember>> = {};
  #limits: ThrottleLimits = {};
  #buckets = new ThrottleBuckets(checkLimits({}));

  /** @throws {BlockError} `EINVAL` for limits that do not go together. */
  constructor(limits: ThrottleLimits = {}) {
    this.setLimits(limits);
  }

  /** The limits that are set. */
  get limits(): ThrottleLimits {
    return this.#limits;
  }

  /** How many disks share the limits. */
  get size(): number {
    return this.#members.length;
  }

  /**
   * Sets limits anew; those that are not named stay, and 0 removes one. As in QEMU what was taken
   * before is forgotten, and what waits is looked at by the new limits at once.
   *
   * @throws {BlockError} `EINVAL` for limits that do not go together; nothing changes then.
   */
  setLimits(limits: ThrottleLimits): void {
    const named = Object.entries(limits).filter(([, limit]) => limit !== undefined);
    const merged: ThrottleLimits = { ...this.#limits, ...Object.fromEntries(named) };
    this.#buckets = new ThrottleBuckets(checkLimits(merged));
    this.#limits = merged;
    for (const direction of DIRECTIONS) {
      this.#stop(direction);
      this.#review(direction);
    }
  }

  /**
   * Adds a disk.
   *
   * @param name Of the disk, for messages.
   * @param clock The same for all members.
   */
  join(name: string, clock: Clock): ThrottleMember {
    const buckets = () => this.#buckets;
    const turns: Turns = {
      get buckets() {
        return buckets();
      },
      isBusy: (direction) => this.#members.some((member) => member.waiting(direction) > 0),
      review: (direction) => this.#review(direction),
      leave: (member) => this.#leave(member),
    };
    const member = new ThrottleMember(turns, name, clock);
    this.#members.push(member);
    return member;
  }

  /**
   * Sees to it that a timer runs for the next that waits, and for nobody who does not; lets go, in
   * turns, what need not wait.
   */
  #review(direction: Direction): void {
    const turn = this.#next[direction];
    if (turn && turn.member.waiting(direction) > 0) return;
    this.#stop(direction);
    for (;;) {
      const member = this.#nextMember(direction);
      if (!member) return;
      const delayMs = this.#buckets.delayMs(direction, member.clock.nowMs());
      if (delayMs > 0) {
        const timer = member.clock.after(delayMs, () => this.#fire(direction));
        this.#next[direction] = { member, timer };
        return;
      }
      this.#last[direction] = member;
      member.releaseFirst(direction);
    }
  }

  #fire(direction: Direction): void {
    const member = this.#next[direction]?.member;
    delete this.#next[direction];
    if (!member) return;
    this.#last[direction] = member;
    member.releaseFirst(direction);
    this.#review(direction);
  }

  #stop(direction: Direction): void {
    this.#next[direction]?.timer.cancel();
    delete this.#next[direction];
  }

  /** The first member with something to send, beginning after the one that had the last turn. */
  #nextMember(direction: Direction): ThrottleMember | undefined {
    const members = this.#members;
    const last = this.#last[direction];
    const start = last ? members.indexOf(last) + 1 : 0;
    const inTurn = [...members.slice(start), ...members.slice(0, start)];
    return inTurn.find((member) => member.waiting(direction) > 0);
  }

  #leave(member: ThrottleMember): void {
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    this.#members.splice(index, 1);
    for (const direction of DIRECTIONS) {
      // The turn stays between the neighbours of the one that leaves.
      if (this.#last[direction] !== member) continue;
      const before = this.#members[index - 1] ?? this.#members.at(-1);
      if (before) this.#last[direction] = before;
      else delete this.#last[direction];
    }
  }
}
