/**
 * The cached requests of a write cache on their way to the node below.
 *
 * One at a time writes back: a flush, a request that has to be durable, one that needs room. While
 * it does, others go on as long as they find room; once one has to wait, those after it do too. An
 * entry leaves the cache only when the node below has taken it, so that whoever reads meanwhile
 * finds it in one of the two places.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { type Random, seededRandom } from '../base/random.ts';
import type { ByteRange } from '../base/ranges.ts';
import type { BlockEdge } from '../block/edge.ts';
import type { EdgeParent } from '../block/parent.ts';
import { RangeLock } from '../sync/range-lock.ts';
import { type CachedRequest, CachedRequests } from './write-cache-requests.ts';

/** Stands for the node below in the lock. */
const WHOLE: ByteRange = { offset: 0, length: 1 };

/** A request that has to find room in the cache. */
export interface Change {
  readonly operation: string;
  readonly range: ByteRange;
  readonly cost: number;
  readonly add: () => CachedRequest;
}

/** How an entry is written to the node below. */
interface Sending {
  readonly forceUnitAccess?: boolean;
  readonly origin?: EdgeParent | undefined;
}

export class WriteCacheStore {
  readonly cache = new CachedRequests();
  readonly #name: string;
  readonly #child: BlockEdge;
  readonly #size: number;
  readonly #random: Random;
  readonly #lock = new RangeLock();
  #power: 'on' | 'failing' | 'off' = 'on';
  #cutCount = 0;
  #cancelCount = 0;
  /** Requests that wait for room; bounded by what the parents have in flight. */
  #wanting = 0;

  constructor(
    name: string,
    child: BlockEdge,
    { size, seed }: { readonly size: number; readonly seed: number },
  ) {
    this.#name = name;
    this.#child = child;
    this.#size = size;
    this.#random = seededRandom(seed);
  }

  get power(): 'on' | 'failing' | 'off' {
    return this.#power;
  }

  /** Nothing is cached and nothing is on its way. */
  get isIdle(): boolean {
    return this.cache.count === 0 && !this.#lock.isBusy(WHOLE);
  }

  /**
   * Makes sure that there is power.
   *
   * @returns What makes sure, later, that there was power all the time.
   * @throws {BlockError} `EIO` when not.
   */
  checking(operation: string, range?: ByteRange): () => void {
    const before = this.#cutCount;
    const check = () => {
      if (this.#power === 'on' && this.#cutCount === before) return;
      throw this.#refuse('EIO', { operation, range }, 'the power is cut');
    };
    check();
    return check;
  }

  /** Adds a change, once there is room for it. */
  add(change: Change): Pending<CachedRequest> {
    const fits = this.cache.cost + change.cost <= this.#size;
    return this.#wanting === 0 && fits ? change.add() : this.#addWhenRoom(change);
  }

  /** Writes back what is cached now, in a random order, and then does what `body` says. */
  flush(operation: string, body: () => Pending): Pending {
    const { lastId } = this.cache;
    return this.#alone({ operation }, async (check) => {
      const requests = this.cache.all.filter(({ id }) => id <= lastId);
      while (requests.length > 0) {
        const [chosen] = requests.splice(this.#random.below(requests.length), 1);
        while (chosen && this.cache.has(chosen)) {
          await this.#writeBack(this.cache.firstBefore(chosen));
          check();
        }
      }
      await body();
    });
  }

  /** Makes one request durable, and before it what it overlaps. */
  writeThrough(change: Change, request: CachedRequest, origin?: EdgeParent): Pending {
    return this.#alone(change, async (check) => {
      while (this.cache.has(request)) {
        const first = this.cache.firstBefore(request);
        const isLast = first === request;
        await this.#writeBack(first, isLast ? { forceUnitAccess: true, origin } : {});
        if (isLast) return;
        check();
      }
      // Somebody else wrote it back meanwhile, and not durably.
      await this.#child.flush(origin);
    });
  }

  /** Writes an entry to the node below. */
  async send(request: CachedRequest, { forceUnitAccess = false, origin }: Sending = {}) {
    const { offset, length, bytes, mayUnmap } = request;
    if (bytes) {
      await this.#child.write(offset, bytes, { forceUnitAccess }, origin);
    } else {
      await this.#child.writeZeroes(offset, length, { forceUnitAccess, mayUnmap }, origin);
    }
  }

  /**
   * Cuts the power, and lets `body` deal with what was cached.
   *
   * @throws {TypeError} When it is off already.
   */
  async cutPower<T>(
    body: (requests: readonly CachedRequest[], random: Random) => Promise<T>,
  ): Promise<T> {
    if (this.#power !== 'on') throw new TypeError('Cannot cut the power: it is off already');
    this.#power = 'failing';
    this.#cutCount += 1;
    try {
      return await this.#lock.holding(WHOLE, () => {
        const requests = this.cache.all;
        this.cache.clear();
        return body(requests, this.#random);
      });
    } finally {
      this.#power = 'off';
    }
  }

  /** @throws {TypeError} When the power is on, or its cut is not over. */
  restorePower(): void {
    if (this.#power !== 'off') throw new TypeError('Cannot switch on: the power is not off');
    this.#power = 'on';
  }

  /** Fails with `ECANCELED` what writes back, or waits to, at its next step. */
  cancelWaiting(): void {
    this.#cancelCount += 1;
  }

  async #addWhenRoom(change: Change): Promise<CachedRequest> {
    this.#wanting += 1;
    try {
      return await this.#alone(change, async (check) => {
        while (this.cache.cost + change.cost > this.#size) {
          const { all } = this.cache;
          const chosen = all[this.#random.below(all.length)];
          if (chosen) await this.#writeBack(this.cache.firstBefore(chosen));
          check();
        }
        return change.add();
      });
    } finally {
      this.#wanting -= 1;
    }
  }

  async #writeBack(request: CachedRequest, how?: Sending): Promise<void> {
    await this.send(request, how);
    this.cache.delete(request);
  }

  /**
   * Runs `body` when nobody else writes back.
   *
   * @param body Calls `check` after each step, which throws once the request must not go on.
   */
  #alone<T>(
    { operation, range }: { readonly operation: string; readonly range?: ByteRange },
    body: (check: () => void) => Promise<T>,
  ): Pending<T> {
    const cancelled = this.#cancelCount;
    const demandPower = this.checking(operation, range);
    const check = () => {
      demandPower();
      if (this.#cancelCount === cancelled) return;
      throw this.#refuse('ECANCELED', { operation, range }, 'it was cancelled');
    };
    return this.#lock.holding(WHOLE, async () => {
      check();
      const result = await body(check);
      demandPower();
      return result;
    });
  }

  #refuse(
    code: 'EIO' | 'ECANCELED',
    request: { readonly operation: string; readonly range?: ByteRange | undefined },
    reason: string,
  ): BlockError {
    const { operation, range } = request;
    const where = range ? ` ${range.length} bytes at ${range.offset} of` : '';
    return new BlockError(code, `${operation}${where} "${this.#name}"`, reason);
  }
}
