/**
 * The virtqueue: a fixed number of slots, and the order in which filled ones wait.
 *
 *     free --take()--> filled --push()--> waiting --shift()--> in flight --release()--> free
 *                                            ^                     |
 *                                            +--putBack()-- kept <-+ keep()
 *
 * A request that stops the machine is kept, and comes back to where it was: before all that came
 * after it, whether those are kept as well or have only waited. Slots are made once and used again,
 * with the functions that a promise of the disk calls, so that a request allocates nothing here.
 */

import { isPowerOfTwo } from '../base/ranges.ts';
import type { OperationAccount } from './accounting.ts';
import type { Complete, GuestRequest } from './request.ts';

/** One request of the guest, from submission to completion. */
export interface Slot {
  request: GuestRequest;
  complete: Complete;
  /** When it was submitted. */
  startMs: number;
  /** Where it stands in the order of submission, modulo 2^32. */
  place: number;
  /** Where it is accounted, once that is known. */
  account: OperationAccount | undefined;
  /** What a promise of the disk calls. */
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** Who carries out the requests. */
export interface SlotOwner {
  done(slot: Slot): void;
  failed(slot: Slot, error: unknown): void;
}

/** The largest virtqueue (virtio 1.2, 2.7). */
export const QUEUE_SIZE_MAX = 32_768;

const NOTHING: GuestRequest = { type: 'flush' };
const NOBODY: Complete = () => {};

export class RequestQueue {
  readonly size: number;
  readonly #owner: SlotOwner;
  readonly #free: Slot[] = [];
  readonly #waiting: Slot[] = [];
  #kept: Slot[] = [];
  #made = 0;
  #place = 0;
  #head = 0;
  #waitingCount = 0;

  /**
   * @param size How many slots there are, a power of two.
   * @throws {RangeError} For a size that cannot be.
   */
  constructor(size: number, owner: SlotOwner) {
    if (!isPowerOfTwo(size) || size > QUEUE_SIZE_MAX) {
      const rule = `the queue size must be a power of two up to ${QUEUE_SIZE_MAX}`;
      throw new RangeError(`Cannot make a device: ${rule}: ${size}`);
    }
    this.size = size;
    this.#owner = owner;
  }

  /** Slots that wait to be carried out. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Slots that are filled. */
  get filledCount(): number {
    return this.#made - this.#free.length;
  }

  /** Slots that are being carried out. */
  get inFlightCount(): number {
    return this.filledCount - this.#waitingCount - this.#kept.length;
  }

  /** @returns A slot to fill, or `undefined` when all are taken. */
  take(): Slot | undefined {
    return this.#free.pop() ?? this.#make();
  }

  /** Gives a slot back. What it held it goes on holding until it is taken again. */
  release(slot: Slot): void {
    this.#free.push(slot);
  }

  push(slot: Slot): void {
    this.#place = (this.#place + 1) | 0;
    slot.place = this.#place;
    this.#waiting[(this.#head + this.#waitingCount) & (this.size - 1)] = slot;
    this.#waitingCount += 1;
  }

  /** @returns The slot that has waited longest, or `undefined` when none waits. */
  shift(): Slot | undefined {
    if (this.#waitingCount === 0) return undefined;
    const slot = this.#waiting[this.#head];
    this.#head = (this.#head + 1) & (this.size - 1);
    this.#waitingCount -= 1;
    return slot;
  }

  /** @returns All that wait, in their order; none waits any more. */
  takeAll(): readonly Slot[] {
    const slots = Array.from({ length: this.#waitingCount }, () => this.shift());
    return slots.filter((slot) => slot !== undefined);
  }

  /** Sets a slot aside that was in flight. */
  keep(slot: Slot): void {
    this.#kept.push(slot);
  }

  /** Puts what was kept in front of what waits, in the order in which it was submitted. */
  putBack(): void {
    const kept = this.#kept;
    this.#kept = [];
    kept.sort((one, other) => (other.place - one.place) | 0);
    for (const slot of kept) {
      this.#head = (this.#head - 1) & (this.size - 1);
      this.#waiting[this.#head] = slot;
    }
    this.#waitingCount += kept.length;
  }

  #make(): Slot | undefined {
    if (this.#made === this.size) return undefined;
    this.#made += 1;
    const owner = this.#owner;
    const slot: Slot = {
      request: NOTHING,
      complete: NOBODY,
      startMs: 0,
      place: 0,
      account: undefined,
      done: () => owner.done(slot),
      failed: (error) => owner.failed(slot, error),
    };
    return slot;
  }
}
