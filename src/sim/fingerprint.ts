/**
 * States of a world as numbers, to know one again.
 *
 * The product is a black box: what its promises and closures hold cannot be looked at. What it
 * does, though, follows from what it was told: which answers it got, in which order, with which
 * bytes. Two ways of making a state of that:
 *
 * - `exact`: everything that the product was told, in order, and beside it what it cannot know: the
 *   bytes on the disks, which requests have taken effect, what they read. Two runs with the same
 *   state go on in the same way, for certain; only orders in which requests take effect merge.
 * - `visible`: the same, but of what happened only that counts which is not over, and what can be
 *   seen of the product is added (status, dirty and claimed ranges, requests in flight). It relies
 *   on the product not remembering what is over; what that means is told in `state/visible.ts`.
 *
 * A state is a number of 53 bits, so that among a million states two different ones are taken for
 * one with a probability of about 1 in 20 000.
 */

import { firstWordAt } from './content.ts';
import type { SimDisk } from './disk.ts';
import type { Passage } from './turnstile.ts';

export type StateKind = 'exact' | 'visible';

/** Two independent hashes of 32 bits. */
export class Digest {
  #first = 0x811c9dc5;
  #second = 0x9e3779b9;

  add(value: number): this {
    // Numbers above 2^32 count with both halves.
    const low = value >>> 0;
    const high = value > 0xffff_ffff ? Math.floor(value / 2 ** 32) : 0;
    this.#first = scramble(this.#first ^ low, 0x85ebca6b) ^ high;
    this.#second = scramble((this.#second + low) | 0, 0xc2b2ae35) ^ Math.imul(high, 0x27d4eb2f);
    return this;
  }

  addText(text: string): this {
    for (let at = 0; at < text.length; at += 1) this.add(text.charCodeAt(at));
    return this;
  }

  get value(): number {
    return (this.#first >>> 0) * 2 ** 21 + (this.#second >>> 11);
  }
}

function scramble(value: number, factor: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), factor);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0x27d4eb2f);
  return mixed ^ (mixed >>> 15);
}

export function addDisk(digest: Digest, { bytes, cached, durable }: SimDisk): void {
  for (let at = 0; at < bytes.length; at += 512) digest.add(firstWordAt(bytes, at));
  if (durable === bytes) return;
  for (let at = 0; at < bytes.length; at += 512) digest.add(firstWordAt(durable, at));
  for (const write of cached) digest.add(write.offset).add(firstWordAt(write.bytes, 0));
}

/** Requests in flight, whatever their order. */
export function addHeld(digest: Digest, held: readonly Passage[]): void {
  let [low, high] = [0, 0];
  for (const { label, stage, stalled, seen, brings } of held) {
    const one = new Digest().addText(label).add(stage === 'done' ? 1 : 0);
    const { value } = one
      .add(stalled ? 1 : 0)
      .add(seen)
      .add(brings);
    low = (low + (value >>> 0)) >>> 0;
    high = (high + Math.floor(value / 2 ** 32)) >>> 0;
  }
  digest.add(low).add(high);
}
