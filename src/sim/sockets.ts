/**
 * Sockets of a simulated world: streams in memory, on its clock.
 *
 * A network loses nothing and changes nothing of what it delivers, and keeps the order of each
 * stream. What it may do: take its time, take in only so much, cut a stream into pieces, refuse,
 * cut a connection, and part those that talk to each other for a while.
 */

import type { Random } from '../base/random.ts';
import type { Clock } from '../env/env.ts';
import {
  type Connection,
  describeAddress,
  type Listener,
  type SocketAddress,
  type Sockets,
} from '../env/sockets.ts';
import { refusal } from './file-names.ts';
import { SimLink } from './socket-connection.ts';
import { type Delivery, Lane, type Network, type NetworkConditions } from './socket-lane.ts';

type Accept = (connection: Connection) => void;

/** A network on which nothing takes longer than it must. */
const QUIET: NetworkConditions = {
  latencyMs: 0,
  jitterMs: 0,
  bytesInFlightMax: 64 * 1024,
  fragment: (waiting) => waiting,
  refuses: false,
  holds: false,
};

/** Where the ports begin that are free for all. */
const PORT_MIN = 49_152;
/** Connections that were ever made, at most. */
const LINKS_MAX = 100_000;

export class SimSockets implements Sockets {
  /** May be changed at any time. */
  readonly conditions: NetworkConditions;
  readonly #network: Network;
  readonly #listeners = new Map<string, Accept>();
  readonly #links = new Set<SimLink>();
  #linkCount = 0;
  #port = PORT_MIN;

  constructor(
    world: { readonly clock: Clock; readonly random: Random },
    conditions: Partial<NetworkConditions> = {},
  ) {
    this.conditions = { ...QUIET, ...conditions };
    const { clock, random } = world;
    const lanes = new Set<Lane>();
    this.#network = { clock, random, lanes, conditions: this.conditions, isPartitioned: false };
  }

  /** The connections that are not over, the oldest first. */
  get links(): readonly SimLink[] {
    for (const link of this.#links) if (link.isOver) this.#links.delete(link);
    return [...this.#links];
  }

  /** What may be released: the next of each lane, the oldest lane first. */
  get held(): readonly Delivery[] {
    return [...this.#network.lanes].flatMap(({ held }) => held ?? []);
  }

  async listen(address: SocketAddress, accept: Accept): Promise<Listener> {
    const bound = this.#bind(address);
    const name = describeAddress(bound);
    if (this.#listeners.has(name)) throw refusal('EADDRINUSE', `listen on "${name}"`);
    this.#listeners.set(name, accept);
    return {
      address: bound,
      close: async () => {
        if (this.#listeners.get(name) === accept) this.#listeners.delete(name);
      },
    };
  }

  connect(address: SocketAddress, timeoutMs?: number): Promise<Connection> {
    const action = `connect to "${describeAddress(address)}"`;
    return new Promise((resolve, reject) => {
      const lane = new Lane(this.#network);
      const tooLate = () => {
        lane.cut();
        reject(refusal('ETIMEDOUT', action));
      };
      const timer =
        timeoutMs === undefined ? undefined : this.#network.clock.after(timeoutMs, tooLate);
      lane.send(action, () => {
        timer?.cancel();
        lane.cut();
        const accept = this.#listeners.get(describeAddress(address));
        if (accept && !this.conditions.refuses) resolve(this.#join(address, accept));
        else reject(refusal(accept || address.type === 'inet' ? 'ECONNREFUSED' : 'ENOENT', action));
      });
    });
  }

  /** From now on nothing arrives, and nobody is told. */
  partition(): void {
    this.#network.isPartitioned = true;
  }

  /** What was on its way goes on. */
  heal(): void {
    this.#network.isPartitioned = false;
    for (const lane of this.#network.lanes) lane.pump();
  }

  #bind(address: SocketAddress): SocketAddress {
    return address.type === 'inet' && address.port === 0
      ? { ...address, port: this.#next() }
      : address;
  }

  #join(address: SocketAddress, accept: Accept): Connection {
    if (this.#linkCount >= LINKS_MAX) {
      throw new RangeError(`Cannot connect: at most ${LINKS_MAX} connections may be made`);
    }
    this.#linkCount += 1;
    const server = describeAddress(address);
    const own = address.type === 'inet' ? { ...address, port: this.#next() } : address;
    const link = new SimLink(this.#network, String(this.#linkCount), {
      server,
      client: describeAddress(own),
    });
    this.#links.add(link);
    accept(link.server);
    return link.client;
  }

  #next(): number {
    this.#port += 1;
    return this.#port;
  }
}
