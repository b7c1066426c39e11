/**
 * The virtqueue: a fixed number of slots, and the order in which filled ones wait.
 *
 *     free --take()--> filled --push()--> waiting --shift()--> in flight --release()--> free
 *
 * Slots are made once and used again, with the functions that a promise of the disk calls, so that
 * a request allocates nothing here.
 */

import type { OperationAccount } from './accounting.ts';
import type { Complete, GuestRequest } from './request.ts';

/** One request of the guest, from submission to completion. */
export interface Slot {
  request: GuestRequest;
  complete: Complete;
  /** When it was submitted. */
  startMs: number;
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

const NOTHING: GuestRequest = { type: 'flush' };
const NOBODY: Complete = () => {};

export class RequestQueue {
  readonly size: number;
  readonly #owner: SlotOwner;
  readonly #free: Slot[] = [];
  readonly #waiting: Slot[] = [];
  #made = 0;
  #head = 0;
  #waitingCount = 0;

  /** @param size How many slots there are, a power of two. */
  constructor(size: number, owner: SlotOwner) {
    this.size = size;
    this.#owner = owner;
  }

  /** Slots that wait to be carried out. */
  get waitingCount(): number {
    return this.#waitingCount;
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

  #make(): Slot | undefined {
    if (this.#made === this.size) return undefined;
    this.#made += 1;
    const owner = this.#owner;
    const slot: Slot = {
      request: NOTHING,
      complete: NOBODY,
      startMs: 0,
      account: undefined,
      done: () => owner.done(slot),
      failed: (error) => owner.failed(slot, error),
    };
    return slot;
  }
}
