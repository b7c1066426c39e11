/**
 * The visible state: what can be seen of a world now, and what of its past is not over.
 *
 * Two runs with the same state go on in the same way if neither the product nor the oracle
 * remembers anything else. What either may remember is kept here, each in the form in which it
 * still matters, and what is over is forgotten:
 *
 * - which copies were made, how often and in which order: `offset` and `len` grow with each, and
 *   what matters is their difference (`len` as well, as long as the oracle bounds it);
 * - what requests that have ended were told: see {@link Places};
 * - the order of things that do not touch: see {@link addGuest} and {@link Flushes};
 * - pauses and drains, once they are over: see {@link Told} and {@link Drains}.
 *
 * Nothing proves that the list is complete. But a search does not only rely on it: whenever it
 * comes to a state that it knows, it looks whether the same moves can be made, and makes one of
 * them to see whether that leads to the same state as before. Tests compare whole searches, and
 * what follows from states that runs by chance have in common.
 */

import type { BlockNode } from '../../block/node.ts';
import type { Digest } from '../fingerprint.ts';
import type { GuestRecord } from '../guest.ts';
import type { JobNews } from '../mirror-view.ts';
import type { OracleView } from '../oracle/rule.ts';
import type { Passage } from '../turnstile.ts';
import { Drains } from './drains.ts';
import { Flushes } from './flushes.ts';
import { addGuest } from './guest-order.ts';
import { Places } from './places.ts';
import type { StateWatch } from './state-watch.ts';
import { Told } from './told.ts';

/** A world, and what can be seen of its nodes. */
export interface VisibleView extends OracleView {
  readonly nodes: readonly BlockNode[];
}

export class VisibleState implements StateWatch {
  readonly #view: VisibleView;
  readonly #places: Places;
  readonly #flushes: Flushes;
  readonly #told: Told;
  readonly #drains = new Drains();

  constructor(view: VisibleView) {
    this.#view = view;
    this.#places = new Places(view);
    this.#flushes = new Flushes(view);
    this.#told = new Told(view);
  }

  arrived(passage: Passage): void {
    this.#places.arrived(passage);
    this.#flushes.arrived(passage);
    this.#told.arrived(passage);
  }

  tookEffect(): void {}

  answered(passage: Passage): void {
    this.#places.answered(passage);
    this.#flushes.answered(passage);
    this.#told.answered(passage);
  }

  submitted(record: GuestRecord): void {
    this.#told.submitted(record);
  }

  // How a request of the guest has ended is there to be seen.
  completed(): void {}

  heard(news: JobNews): void {
    this.#told.heard(news);
  }

  // What the job has accepted is there to be seen.
  said(): void {}

  timePasses(state: number): void {
    this.#told.timePasses(state);
  }

  settled(): void {
    this.#places.settled();
    this.#drains.settled(this.#view.nodes, () => this.#told.situation);
  }

  addTo(digest: Digest): void {
    const { guest, accepted, nodes, guestDisk } = this.#view;
    addGuest(digest, guest.records);
    for (const part of [this.#places, this.#flushes, this.#told, this.#drains]) {
      part.addTo(digest);
    }
    for (const verb of accepted) digest.addText(verb);
    for (const { name, inFlight, drains } of nodes) {
      digest.addText(name).add(inFlight).add(drains.size);
    }
    digest.addText(guestDisk);
    this.#addMirror(digest);
  }

  #addMirror(digest: Digest): void {
    const { mirror, accepted } = this.#view;
    if (!mirror) return;
    const { offset, len } = mirror.progress;
    const isBounded = accepted.length === 0 && !this.#told.isDisturbed;
    digest
      .addText(mirror.status)
      .add(len - offset)
      .add(isBounded ? len : 0);
    const inside = mirror.inspect();
    const { dirty, mirroring } = inside;
    const { size, granularity } = dirty;
    digest.add(mirroring);
    for (let at = 0; at < size; at += granularity) {
      const granule = { offset: at, length: Math.min(granularity, size - at) };
      digest.add((dirty.test(at) ? 2 : 0) + (inside.isClaimed(granule) ? 1 : 0));
    }
  }
}
