/**
 * Bytes that have come over a stream, in whatever pieces, until somebody takes them.
 *
 *     push()  ->  | chunk | chunk | chunk |  ->  take(), takeInto(), skip()
 *
 * A message that lies within one chunk is taken as a view of it; one that does not is put together,
 * once. Whoever reads long payloads takes what there is into a buffer of its own, so that the queue
 * never holds more than has come since the last look. And however small the pieces are in which the
 * other side sends, the memory of the queue is not much more than its bytes.
 */

import { assert } from '../base/assert.ts';

export class Inflow {
  /** The chunks, and where the first of them that still counts begins. */
  #chunks: Uint8Array[] = [];
  #first = 0;
  /** How much of the first chunk is taken. */
  #taken = 0;
  #length = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes, whose memory is the queue's from now on. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    const waiting = this.#chunks.length - this.#first;
    if (waiting > CHUNKS_MAX + this.#length / CHUNK_LENGTH_MEAN_MIN) this.#gather();
  }

  #gather(): void {
    const bytes = new Uint8Array(this.#length);
    this.takeInto(bytes);
    this.push(bytes);
  }

  /** Takes the next `length` bytes, which must be there; a view if they lie in one piece. */
  take(length: number): Uint8Array {
    assert(length <= this.#length, 'only bytes that have come are taken');
    const chunk = this.#chunks[this.#first];
    if (length === 0 || !chunk) return new Uint8Array(0);
    const start = this.#taken;
    if (start + length <= chunk.length) {
      this.#advance(length, chunk);
      return chunk.subarray(start, start + length);
    }
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
    const wanted = Math.max(0, Math.min(end - at, this.#length));
    for (let left = wanted; left > 0; ) {
      // There is one, for `left` bytes are in the queue.
      const chunk = this.#chunks[this.#first] as Uint8Array;
      const count = Math.min(left, chunk.length - this.#taken);
      copy(chunk, this.#taken, count, into, at + wanted - left);
      this.#advance(count, chunk);
      left -= count;
    }
    return wanted;
  }

  /** Drops as many bytes as there are, at most `length`. @returns How many. */
  skip(length: number): number {
    const wanted = Math.min(length, this.#length);
    for (let left = wanted; left > 0; ) {
      const chunk = this.#chunks[this.#first] as Uint8Array;
      const count = Math.min(left, chunk.length - this.#taken);
      this.#advance(count, chunk);
      left -= count;
    }
    return wanted;
  }

  #advance(count: number, chunk: Uint8Array): void {
    this.#length -= count;
    this.#taken += count;
    if (this.#taken < chunk.length) return;
    this.#taken = 0;
    this.#chunks[this.#first] = NOTHING;
    this.#first += 1;
    if (this.#first < this.#chunks.length) {
      // Taken chunks are dropped in bulk: one at a time would move all that follow, each time.
      if (this.#first < DROPPED_AT_ONCE) return;
      this.#chunks.splice(0, this.#first);
    } else {
      // Setting the length costs several times as much.
      while (this.#chunks.length > 0) this.#chunks.pop();
    }
    this.#first = 0;
  }
}

/** How many places of taken chunks there are at most. */
const DROPPED_AT_ONCE = 64;
/** What stands in such a place, so that the chunk's memory is free. */
const NOTHING = new Uint8Array(0);

/** From this number on, chunks are put together unless they are this long in the mean. */
const CHUNKS_MAX = 64;
const CHUNK_LENGTH_MEAN_MIN = 1024;

/** Up to this length a loop is faster than a view and `set`. */
const LOOP_LENGTH_MAX = 32;

function copy(from: Uint8Array, start: number, count: number, into: Uint8Array, at: number): void {
  if (count > LOOP_LENGTH_MAX) {
    into.set(from.subarray(start, start + count), at);
    return;
  }
  for (let index = 0; index < count; index += 1) into[at + index] = from[start + index] as number;
}
