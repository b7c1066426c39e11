/** The line of those who wait for a slot in the queue of a device, first come first served. */

import type { BlockError } from '../base/errors.ts';
import type { GuestRequest, Status } from './request.ts';

/** Most that may wait. */
export const WAITERS_MAX = 1024;

/** A request that no slot was free for. */
export interface Waiter {
  readonly request: GuestRequest;
  readonly resolve: (status: Status) => void;
  readonly reject: (error: BlockError | RangeError) => void;
}

export class WaitingLine {
  readonly #device: string;
  readonly #waiters: Waiter[] = [];

  /** @param device Whose line it is, for messages. */
  constructor(device: string) {
    this.#device = device;
  }

  get length(): number {
    return this.#waiters.length;
  }

  /** Puts one at the end, or rejects it with a `RangeError` when too many wait already. */
  push(waiter: Waiter): void {
    if (this.#waiters.length < WAITERS_MAX) {
      this.#waiters.push(waiter);
      return;
    }
    const rule = `at most ${WAITERS_MAX} requests may wait for a slot`;
    const action = `submit to "${this.#device}"`;
    waiter.reject(new RangeError(`Cannot ${action}: ${rule}: ${WAITERS_MAX} do`));
  }

  /** @returns The one who has waited longest, out of the line, or `undefined`. */
  shift(): Waiter | undefined {
    return this.#waiters.shift();
  }

  rejectAll(error: BlockError): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}
