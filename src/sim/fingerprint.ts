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
 * - `visible`: the same, but what the job was told counts without its order, and what can be seen
 *   of the product is added (status, progress, dirty and claimed ranges, requests in flight).
 *   Orders of answers merge too. It relies on the product not remembering an order that shows
 *   nowhere, which the tests compare with unpruned searches and nothing can prove.
 *
 * What the guest was told keeps its order in both, for the oracle judges by it. A state is a number
 * of 53 bits, so that among a million states two different ones are taken for one with a
 * probability of about 1 in 20 000.
 */

import type { BlockNode } from '../block/node.ts';
import { firstWordAt } from './content.ts';
import type { SimDisk } from './disk.ts';
import type { MirrorView } from './mirror-view.ts';
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

/** What the product was told so far. */
export class Told {
  readonly #kind: StateKind;
  readonly #inOrder = new Digest();
  /** A sum does not know an order. */
  #sumLow = 0;
  #sumHigh = 0;

  constructor(kind: StateKind) {
    this.#kind = kind;
  }

  /** @param toJob Whether it was told to the job alone, and not to the guest or by it. */
  add(what: string, value: number, toJob: boolean): void {
    if (this.#kind === 'exact' || !toJob) {
      this.#inOrder.addText(what).add(value);
      return;
    }
    const one = new Digest().addText(what).add(value).value;
    this.#sumLow = (this.#sumLow + (one >>> 0)) >>> 0;
    this.#sumHigh = (this.#sumHigh + Math.floor(one / 2 ** 32)) >>> 0;
  }

  addTo(digest: Digest): void {
    digest.add(this.#inOrder.value).add(this.#sumLow).add(this.#sumHigh);
  }
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
  for (const { label, stage, stalled, seen } of held) {
    const one = new Digest().addText(label).add(stage === 'done' ? 1 : 0);
    const { value } = one.add(stalled ? 1 : 0).add(seen);
    low = (low + (value >>> 0)) >>> 0;
    high = (high + Math.floor(value / 2 ** 32)) >>> 0;
  }
  digest.add(low).add(high);
}

/** What can be seen of the product. */
export function addVisible(
  digest: Digest,
  nodes: readonly BlockNode[],
  mirror: MirrorView | undefined,
): void {
  for (const { name, inFlight, drains } of nodes) {
    digest.addText(name).add(inFlight).add(drains.size);
  }
  if (!mirror) return;
  const { offset, len } = mirror.progress;
  digest.addText(mirror.status).add(offset).add(len);
  const { dirty, isClaimed } = mirror.inspect();
  const { size, granularity } = dirty;
  for (let at = 0; at < size; at += granularity) {
    const granule = { offset: at, length: Math.min(granularity, size - at) };
    digest.add((dirty.test(at) ? 2 : 0) + (isClaimed(granule) ? 1 : 0));
  }
}
