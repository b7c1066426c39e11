/**
 * Changes of a disk that have been acknowledged and are not on it yet, in the order in which they
 * came.
 *
 * What the disk reads as is what is on it, with these laid over it one after the other. Where two
 * overlap the earlier must reach the disk first; others may go in any order.
 *
 * A discard counts as zeroes: what it leaves is open, but a guest must not find one thing before a
 * flush and another after it.
 */

import { type ByteRange, overlaps } from '../base/ranges.ts';
import type { BlockExtent } from '../block/driver.ts';

/** What a request is taken to need of the cache beside its bytes. */
export const REQUEST_COST = 128;

export type CachedKind = 'write' | 'zeroes' | 'discard';

/** One change. */
export interface CachedRequest extends ByteRange {
  /** Rises from each request to the next. */
  readonly id: number;
  readonly kind: CachedKind;
  /** What a write writes. */
  readonly bytes?: Uint8Array;
  /** Zeroes may be deallocated. */
  readonly mayUnmap: boolean;
}

export class CachedRequests {
  readonly #requests = new Map<number, CachedRequest>();
  #lastId = 0;
  #cost = 0;

  /** The oldest first. */
  get all(): readonly CachedRequest[] {
    return [...this.#requests.values()];
  }

  get count(): number {
    return this.#requests.size;
  }

  /** Of the youngest request so far. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Bytes of memory, roughly. */
  get cost(): number {
    return this.#cost;
  }

  has({ id }: CachedRequest): boolean {
    return this.#requests.has(id);
  }

  /** Adds a write of bytes, which are copied. */
  addWrite(offset: number, from: Uint8Array): CachedRequest {
    const bytes = from.slice();
    const { length } = bytes;
    const id = this.#nextId();
    return this.#add({ id, kind: 'write', offset, length, bytes, mayUnmap: false });
  }

  addZeroes({ offset, length }: ByteRange, { mayUnmap }: { mayUnmap: boolean }): CachedRequest {
    return this.#add({ id: this.#nextId(), kind: 'zeroes', offset, length, mayUnmap });
  }

  addDiscard({ offset, length }: ByteRange): CachedRequest {
    return this.#add({ id: this.#nextId(), kind: 'discard', offset, length, mayUnmap: true });
  }

  delete(request: CachedRequest): void {
    if (this.#requests.delete(request.id)) this.#cost -= costOf(request);
  }

  clear(): void {
    this.#requests.clear();
    this.#cost = 0;
  }

  /** Forgets what is beyond the end of a disk that has become smaller. */
  truncate(size: number): void {
    const before = this.all;
    this.clear();
    for (const request of before) {
      if (request.offset < size) this.#add(shortened(request, size - request.offset));
    }
  }

  /** What changes a range, the oldest first. */
  over(range: ByteRange): readonly CachedRequest[] {
    const found: CachedRequest[] = [];
    for (const request of this.#requests.values()) {
      if (overlaps(request, range)) found.push(request);
    }
    return found;
  }

  /** What has to reach the disk before or as `request`: the first of all that it waits for. */
  firstBefore(request: CachedRequest): CachedRequest {
    let first = request;
    for (;;) {
      const earlier = this.#earliestOver(first);
      if (!earlier) return first;
      first = earlier;
    }
  }

  /**
   * What is known of a range's beginning from here alone.
   *
   * @returns How far the answer holds, and `undefined` when nothing here changes that part.
   */
  extentAt(range: ByteRange): { readonly length: number; readonly extent?: BlockExtent } {
    let end = range.offset + range.length;
    let last: CachedRequest | undefined;
    for (const request of this.over(range)) {
      if (request.offset > range.offset) {
        end = Math.min(end, request.offset);
      } else {
        end = Math.min(end, request.offset + request.length);
        last = request;
      }
    }
    const length = end - range.offset;
    if (!last) return { length };
    const data = last.kind === 'write';
    return { length, extent: { length, data, zero: !data, allocated: true } };
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #add(request: CachedRequest): CachedRequest {
    this.#requests.set(request.id, request);
    this.#cost += costOf(request);
    return request;
  }

  #earliestOver(request: CachedRequest): CachedRequest | undefined {
    for (const earlier of this.#requests.values()) {
      if (earlier.id >= request.id) return undefined;
      if (overlaps(earlier, request)) return earlier;
    }
    return undefined;
  }
}

function costOf({ bytes }: CachedRequest): number {
  return REQUEST_COST + (bytes?.length ?? 0);
}

/** The first bytes of a request. */
export function shortened(request: CachedRequest, lengthMax: number): CachedRequest {
  if (request.length <= lengthMax) return request;
  const short = { ...request, length: lengthMax };
  return request.bytes ? { ...short, bytes: request.bytes.subarray(0, lengthMax) } : short;
}

/** Lays requests over bytes that were read at `offset`, in their order. */
export function layOver(
  requests: readonly CachedRequest[],
  offset: number,
  into: Uint8Array,
): void {
  for (const request of requests) {
    const start = Math.max(request.offset, offset);
    const end = Math.min(request.offset + request.length, offset + into.length);
    if (start >= end) continue;
    const part = request.bytes?.subarray(start - request.offset, end - request.offset);
    if (part) into.set(part, start - offset);
    else into.fill(0, start - offset, end - offset);
  }
}

/** Whether every byte of a range is changed by one of the requests. */
export function covers(requests: readonly CachedRequest[], { offset, length }: ByteRange): boolean {
  const sorted = [...requests].sort((a, b) => a.offset - b.offset);
  let known = offset;
  for (const request of sorted) {
    if (request.offset > known) return false;
    known = Math.max(known, request.offset + request.length);
    if (known >= offset + length) return true;
  }
  return length === 0;
}
