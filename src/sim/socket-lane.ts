/**
 * One direction of a simulated network: what is on its way arrives in order.
 *
 *     sent ── on its way ── due ── arrives, when nothing is cut and the other end takes it
 *
 * It is due after a time, or where deliveries are held, when it is released.
 */

import type { Random } from '../base/random.ts';
import type { Clock } from '../env/env.ts';

/** How a network behaves; a change holds for what is sent from then on. */
export interface NetworkConditions {
  /** How long everything is on its way at least. */
  latencyMs: number;
  /** What chance adds to that, at most. */
  jitterMs: number;
  /** What of one direction of a connection may be on its way at a time; the rest waits. */
  bytesInFlightMax: number;
  /** Where a stream is cut: how many of the bytes that wait, 1 or more, come in one piece. */
  fragment: (waiting: number) => number;
  /** Whether all that would connect are refused. */
  refuses: boolean;
  /** Whether nothing is due by itself: each delivery waits to be released. */
  holds: boolean;
}

/** What all lanes of a network share. */
export interface Network {
  readonly clock: Clock;
  readonly random: Random;
  readonly conditions: NetworkConditions;
  readonly lanes: Set<Lane>;
  isPartitioned: boolean;
}

/** Something on its way. */
export interface Delivery {
  /** What it is, in a few words: `client 1 sends 28 bytes`. */
  readonly label: string;
  /** Makes it due; those that were sent before it on its lane come first in any case. */
  release(): void;
}

interface Sent extends Delivery {
  isDue: boolean;
  readonly arrive: () => void;
}

/** Deliveries on their way on one lane, at most. */
const DELIVERIES_MAX = 100_000;

export class Lane {
  readonly #network: Network;
  readonly #takes: () => boolean;
  #sent: Sent[] = [];
  #isCut = false;

  /** @param takes Whether the other end takes something now; {@link pump} asks again. */
  constructor(network: Network, takes: () => boolean = () => true) {
    this.#network = network;
    this.#takes = takes;
    network.lanes.add(this);
  }

  /** What would arrive next, if it waits to be released. */
  get held(): Delivery | undefined {
    const [first] = this.#sent;
    return first?.isDue ? undefined : first;
  }

  /** @param arrive Is called when it is there, and never when it is lost. */
  send(label: string, arrive: () => void): void {
    if (this.#isCut) return;
    if (this.#sent.length >= DELIVERIES_MAX) {
      throw new RangeError(`Cannot send: at most ${DELIVERIES_MAX} deliveries may be on their way`);
    }
    const release = () => {
      sent.isDue = true;
      this.pump();
    };
    const sent: Sent = { label, isDue: false, arrive, release };
    this.#sent.push(sent);
    const { clock, random, conditions } = this.#network;
    if (conditions.holds) return;
    const extraMs = conditions.jitterMs === 0 ? 0 : random.fraction() * conditions.jitterMs;
    clock.after(conditions.latencyMs + extraMs, release);
  }

  /** Lets everything arrive that is due and can. */
  pump(): void {
    while (this.#sent[0]?.isDue && !this.#network.isPartitioned && this.#takes()) {
      this.#sent.shift()?.arrive();
    }
  }

  /** Loses what is on its way, and all that is sent later. */
  cut(): void {
    this.#isCut = true;
    this.#sent = [];
    this.#network.lanes.delete(this);
  }
}
