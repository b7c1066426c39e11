/**
 * The way to a server, which outlives its connections.
 *
 *     connected --lost--> waiting --reconnect-delay is over--> failing
 *         ^                  |                                    |
 *         +-- reconnected ---+------------------------------------+
 *
 * While it waits, requests wait with it, also those that were in flight, which are then sent again;
 * while it fails, they fail at once with EIO. In both the server is tried again in the background,
 * until it is back or the link is closed. (QEMU: `BlockdevOptionsNbd`, `reconnect-delay`.)
 *
 * A request is sent again without knowing whether the server has carried it out. That is safe for
 * the disk as its user sees it, because the request has not completed: nobody may rely on what a
 * range holds that a write in flight covers, the bytes of the write are the same, and whoever has
 * two writes in flight to one range has no say in their order anyway. Two things cannot be known:
 *
 * - whether a server that lives on still works on requests of the connection that is lost. It could
 *   carry one out after it was sent again, and even after a newer write to the same place.
 * - whether the server has kept what it had acknowledged but not been asked to flush. A server that
 *   lost power has not; the next flush succeeds all the same, as it does with QEMU. Who serves a
 *   disk that has lost unflushed writes must therefore refuse the clients of before.
 *
 * A server that breaks the protocol is not tried again: the link is over.
 */

import { BlockError } from '../../base/errors.ts';
import type { Clock, Timer } from '../../env/env.ts';
import type { ClientRequest } from './client-request.ts';
import { type Agreement, Connector, type ConnectorParts, type Judge } from './connector.ts';
import { type Terms, whyWorse } from './terms.ts';
import { type MoreOptions, Transmissions, type TransmissionsOwner } from './transmissions.ts';

/** How long a server may take to end the connection when it is told that nothing more comes. */
const LEAVE_MS = 1000;

/** How to behave when the connection is lost. */
export interface LinkOptions {
  /** How long requests wait for the server. */
  readonly reconnectDelayMs: number;
  /** How long to try to connect at first; 0 to try once. */
  readonly openTimeoutMs: number;
  /** How many connections there are at most, where the server lets a client have several. */
  readonly connectionsMax: number;
  /** Says why the export will not do at first. */
  readonly judge: Judge;
}

type State =
  | { readonly kind: 'connected'; readonly transmissions: Transmissions }
  /** `briefly` for no longer than the first attempt to connect. */
  | { readonly kind: 'waiting'; readonly briefly: boolean }
  | { readonly kind: 'failing' }
  | { readonly kind: 'over' };

export class Link implements TransmissionsOwner {
  /** As agreed on at first; later connections have no less. */
  readonly terms: Terms;
  readonly #options: LinkOptions;
  readonly #clock: Clock;
  readonly #connector: Connector;
  readonly #more: MoreOptions;
  #state: State;
  /** Why there is no connection, or was none the last time. */
  #error: BlockError | undefined;
  /** Runs from the loss of a connection until one has proved good, and is then `over`. */
  #delay: Timer | 'over' | undefined;
  /** Bounded by what the parents have in flight at most. */
  #waiting: ClientRequest[] = [];
  #reconnecting: Promise<void> = Promise.resolve();

  private constructor(
    agreement: Agreement,
    connector: Connector,
    parts: ConnectorParts,
    options: LinkOptions,
  ) {
    this.terms = agreement.terms;
    this.#connector = connector;
    this.#clock = parts.env.clock;
    this.#options = options;
    this.#more = { parts, judge: this.#judge, countMax: options.connectionsMax };
    this.#state = this.#connectedBy(agreement);
  }

  /** Connects. @throws {BlockError} As {@link Connector.attempt}. */
  static async open(parts: ConnectorParts, options: LinkOptions): Promise<Link> {
    const { clock } = parts.env;
    const connector = new Connector(parts);
    const { judge, openTimeoutMs } = options;
    if (openTimeoutMs === 0) {
      return new Link(await connector.attempt(judge), connector, parts, options);
    }
    const reason = `there is no connection within ${openTimeoutMs} ms`;
    let last = new BlockError('ETIMEDOUT', 'use an NBD server', reason);
    const note = (error: BlockError) => {
      last = error;
    };
    const timer = clock.after(openTimeoutMs, () => connector.cancel(last));
    try {
      return new Link(await connector.persist(judge, note), connector, parts, options);
    } finally {
      timer.cancel();
    }
  }

  /** Sends a request, or lets it wait, or fails it. */
  submit(request: ClientRequest): void {
    const state = this.#state;
    if (state.kind === 'failing' || state.kind === 'over') {
      this.#refuse(request);
      return;
    }
    this.#waiting.push(request);
    this.#sendWaiting();
  }

  /** Fails with `ECANCELED` what is in flight or waits. */
  cancel(): void {
    const state = this.#state;
    const cancelled = this.#waiting;
    this.#waiting = [];
    if (state.kind === 'connected' && !state.transmissions.isIdle) {
      // The server may be silent for ever, and has our buffers to answer into.
      cancelled.unshift(...state.transmissions.unanswered());
      state.transmissions.destroy();
      this.#startDelay();
      this.#state = { kind: 'waiting', briefly: this.#delay === 'over' };
      this.#reconnecting = this.#reconnect();
    }
    for (const request of cancelled) {
      request.fail(request.errorFor('ECANCELED', 'it was cancelled'));
    }
  }

  /** Takes leave of the server, with nothing in flight. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'over' };
    this.#stopDelay();
    this.#connector.cancel(new BlockError('ECANCELED', 'use an NBD server', 'the disk was closed'));
    await this.#reconnecting;
    if (state.kind !== 'connected') return;
    const timer = this.#clock.after(LEAVE_MS, () => state.transmissions.destroy());
    await state.transmissions.close();
    timer.cancel();
  }

  freed(): void {
    if (this.#delay !== undefined) this.#stopDelay();
    this.#connector.proved();
    this.#sendWaiting();
  }

  lost(unanswered: readonly ClientRequest[], error: BlockError): void {
    this.#error = error;
    for (const request of unanswered) request.restart();
    this.#waiting.unshift(...unanswered);
    if (error.code === 'EPROTO') {
      this.#giveUp({ kind: 'over' });
      return;
    }
    this.#startDelay();
    if (this.#delay === 'over') this.#giveUp({ kind: 'failing' });
    else this.#state = { kind: 'waiting', briefly: false };
    this.#reconnecting = this.#reconnect();
  }

  /** The time during which requests wait begins with the loss of a connection that was good. */
  #startDelay(): void {
    if (this.#delay !== undefined) return;
    const { reconnectDelayMs } = this.#options;
    const end = () => {
      const state = this.#state;
      // A connection on which nobody has asked for anything is as good as one that has answered.
      const isGood = state.kind === 'connected' && state.transmissions.isIdle;
      this.#delay = isGood ? undefined : 'over';
      if (state.kind === 'waiting') this.#giveUp({ kind: 'failing' });
    };
    this.#delay = reconnectDelayMs > 0 ? this.#clock.after(reconnectDelayMs, end) : 'over';
  }

  #stopDelay(): void {
    if (this.#delay !== 'over') this.#delay?.cancel();
    this.#delay = undefined;
  }

  async #reconnect(): Promise<void> {
    const failed = (error: BlockError) => {
      this.#error = error;
      const isBrief = this.#state.kind === 'waiting' && this.#state.briefly;
      if (isBrief) this.#giveUp({ kind: 'failing' });
    };
    const agreement = await this.#connector.persist(this.#judge, failed).catch((error: unknown) => {
      // It was closed meanwhile.
      if (this.#state.kind !== 'over') throw error;
    });
    if (!agreement) return;
    if (this.#state.kind === 'over') {
      agreement.connection.destroy();
      return;
    }
    this.#state = this.#connectedBy(agreement);
    this.#sendWaiting();
  }

  /** Fails what waits. */
  #giveUp(state: State): void {
    this.#state = state;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const request of waiting) this.#refuse(request);
  }

  #sendWaiting(): void {
    const state = this.#state;
    if (state.kind !== 'connected') return;
    for (;;) {
      const [next] = this.#waiting;
      const free = next && state.transmissions.freeFor(next);
      if (!free) return;
      this.#waiting.shift();
      free.send(next);
    }
  }

  readonly #judge = (terms: Terms) => whyWorse(this.terms, terms);

  #connectedBy(agreement: Agreement): State {
    return { kind: 'connected', transmissions: new Transmissions(agreement, this.#more, this) };
  }

  #refuse(request: ClientRequest): void {
    const error = this.#error;
    const code = this.#state.kind === 'over' ? 'EPROTO' : 'EIO';
    request.fail(request.errorFor(code, `there is no connection: ${error?.message}`, error));
  }
}
