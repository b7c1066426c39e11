/**
 * Bytes that have come over a stream, in whatever pieces, until somebody takes them.
 *
 *     push()  ->  | kept in memory of its own |  the last piece  |  ->  take(), takeInto(), skip()
 *                        ^------ keep() ------'
 *
 * The memory of a piece is used again by whoever gave it. So all that can be is taken from the
 * piece as it lies, straight to where it belongs, and only the rest is copied and kept: mostly the
 * beginning of a message, or nothing.
 */

import { assert } from '../base/assert.ts';

const NOTHING = new Uint8Array(0);
/** The shortest memory of its own, and the longest that stays when nothing is kept in it. */
const OWN_LENGTH = 4096;

export class Inflow {
  #kept: Uint8Array = NOTHING;
  /** What of it counts. */
  #start = 0;
  #end = 0;
  #piece: Uint8Array = NOTHING;
  /** How much of the piece is taken. */
  #taken = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#end - this.#start + this.#piece.length - this.#taken;
  }

  /** Adds bytes, which stay as they are until {@link Inflow.keep}. */
  push(bytes: Uint8Array): void {
    this.keep();
    this.#piece = bytes;
  }

  /** Copies what waits, so that the memory of what was pushed is free. */
  keep(): void {
    const left = this.#piece.length - this.#taken;
    if (left > 0) {
      this.#makeRoom(left);
      this.#kept.set(this.#piece.subarray(this.#taken), this.#end);
      this.#end += left;
    }
    this.#piece = NOTHING;
    this.#taken = 0;
  }

  /** Takes the next `length` bytes, which must be there. @returns Memory that is the caller's. */
  take(length: number): Uint8Array {
    assert(length <= this.length, 'only bytes that have come are taken');
    const bytes = new Uint8Array(length);
    this.takeInto(bytes);
    return bytes;
  }

  /**
   * Takes as many bytes as there are, into `at` to `end` of `into`; none when `at` is past `end`.
   *
   * @returns How many.
   */
  takeInto(into: Uint8Array, at = 0, end: number = into.length): number {
    const wanted = Math.max(0, Math.min(end - at, this.length));
    const first = Math.min(wanted, this.#end - this.#start);
    if (first > 0) copy(this.#kept, this.#start, first, into, at);
    if (wanted > first) copy(this.#piece, this.#taken, wanted - first, into, at + first);
    return this.skip(wanted);
  }

  /** Drops as many bytes as there are, at most `length`. @returns How many. */
  skip(length: number): number {
    const dropped = Math.min(length, this.length);
    const first = Math.min(dropped, this.#end - this.#start);
    this.#start += first;
    this.#taken += dropped - first;
    if (first > 0 && this.#start === this.#end) this.#forget();
    return dropped;
  }

  /** Nothing is kept any more. */
  #forget(): void {
    this.#start = 0;
    this.#end = 0;
    if (this.#kept.length > OWN_LENGTH) this.#kept = NOTHING;
  }

  #makeRoom(length: number): void {
    if (this.#end + length <= this.#kept.length) return;
    const used = this.#end - this.#start;
    // Twice what is used: however small the pieces are, each byte is copied few times.
    const own = new Uint8Array(Math.max(OWN_LENGTH, 2 * used, used + length));
    own.set(this.#kept.subarray(this.#start, this.#end));
    this.#kept = own;
    this.#start = 0;
    this.#end = used;
  }
}

/** Up to this length a loop is faster than a view and `set`. */
const LOOP_LENGTH_MAX = 32;

function copy(from: Uint8Array, start: number, count: number, into: Uint8Array, at: number): void {
  if (count > LOOP_LENGTH_MAX) {
    into.set(from.subarray(start, start + count), at);
    return;
  }
  for (let index = 0; index < count; index += 1) into[at + index] = from[start + index] as number;
}
