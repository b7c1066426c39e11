/**
 * Breakpoints: the next request that comes to an event waits there, under a tag, until it is let
 * go. What qemu-io's `break`, `wait_break`, `resume` and `remove_break` stand on.
 *
 * A breakpoint is for one request. Several of one event stop the same request, which then waits
 * until all are resumed; several requests may wait under one tag.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import type { Clock } from '../env/env.ts';
import { Signal } from '../sync/signal.ts';
import { type BlkdebugEvent, EVENTS } from './blkdebug-events.ts';
import { Holds } from './fault-holds.ts';

/** How many breakpoints wait for a request at most. */
export const BREAKPOINTS_MAX = 256;

interface Breakpoint {
  readonly event: BlkdebugEvent;
  readonly tag: string;
  readonly onReached: (() => void) | undefined;
}

/** The breakpoints of one filter, and what is suspended at them. */
export class Breakpoints {
  readonly #suspended: Holds;
  readonly #reached = new Signal();
  #breakpoints: readonly Breakpoint[] = [];

  constructor(clock: Clock) {
    this.#suspended = new Holds(clock);
  }

  /** Nothing will be suspended; what already is may be yet. */
  get isEmpty(): boolean {
    return this.#breakpoints.length === 0;
  }

  /**
   * Suspends the next request that comes to an event.
   *
   * @param onReached Called when it has.
   * @throws {BlockError} `ENOENT` for an event that no request comes to, `EBUSY` for more
   *   breakpoints than there can be.
   */
  add(event: string, tag: string, onReached?: () => void): void {
    const action = `set the breakpoint "${tag}"`;
    const known = EVENTS.find((name) => name === event && name !== 'none');
    if (!known) throw new BlockError('ENOENT', action, `no request comes to the event '${event}'`);
    if (this.#breakpoints.length >= BREAKPOINTS_MAX) {
      throw new BlockError('EBUSY', action, `there are ${BREAKPOINTS_MAX} already`);
    }
    this.#breakpoints = [...this.#breakpoints, { event: known, tag, onReached }];
  }

  /** Whether a request waits under a tag. */
  isSuspended(tag: string): boolean {
    return this.#suspended.count(tag) > 0;
  }

  /** Resolves when a request waits under a tag. */
  async whenSuspended(tag: string): Promise<void> {
    while (!this.isSuspended(tag)) await this.#reached.wait();
  }

  /**
   * Lets one request go on, of several the last to have come, as QEMU does.
   *
   * @throws {BlockError} `ENOENT` when none waits under the tag.
   */
  resume(tag: string): void {
    if (this.#suspended.releaseLast(tag)) return;
    throw new BlockError('ENOENT', `resume "${tag}"`, 'no request is suspended under that tag');
  }

  /**
   * Takes away the breakpoints of a tag, and lets go what waits under it.
   *
   * @throws {BlockError} `ENOENT` when there is neither.
   */
  remove(tag: string): void {
    const rest = this.#breakpoints.filter((breakpoint) => breakpoint.tag !== tag);
    const removed = this.#breakpoints.length - rest.length;
    this.#breakpoints = rest;
    if (this.#suspended.release(tag) + removed > 0) return;
    const reason = 'there is no breakpoint and no request of that tag';
    throw new BlockError('ENOENT', `remove the breakpoint "${tag}"`, reason);
  }

  /**
   * A request has come to an event.
   *
   * @param describe What the request is, for the error with which it may be cancelled.
   * @returns When it may go on: at once where no breakpoint is.
   */
  reach(event: BlkdebugEvent, describe: () => string): Pending {
    const hit = this.#breakpoints.filter((breakpoint) => breakpoint.event === event);
    if (hit.length === 0) return;
    this.#breakpoints = this.#breakpoints.filter((breakpoint) => breakpoint.event !== event);
    const action = describe();
    const waits = hit.map(({ tag }) => this.#suspended.wait({ key: tag, action }));
    for (const { onReached } of hit) onReached?.();
    this.#reached.notifyAll();
    return Promise.all(waits).then(() => {});
  }

  /** Fails what is suspended, with `ECANCELED`. */
  cancelAll(): void {
    this.#suspended.cancelAll();
  }
}
