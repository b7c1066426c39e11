/**
 * The connections to a server that is there, as one: the first, and others where the server lets a
 * client have several (NBD_FLAG_CAN_MULTI_CONN) and there is work for them.
 *
 *     request --+--> the first connection that is not busy
 *               +--> all are busy: the least busy one, and another is asked for
 *
 * A socket holds some 200 KiB. It runs dry while its writer does something else, and its reader
 * waits; with two of them there is always one to be read. Small requests would gain nothing: they
 * stay together on the first, where one look at the socket finds many of them.
 *
 * The flag says that the server has no cache, or one that all connections share. What has completed
 * on one is there for the others, and a flush on one is a flush for all, so that any request may go
 * any way: requests that are in flight together have no order on one connection either.
 *
 * A connection that is lost with nothing in flight is done without, if there is another. Any other
 * loss is that of them all: whether requests are repeated, and when they may, is then decided once.
 */

import { BlockError } from '../../base/errors.ts';
import { EXPORT_FLAG } from '../../wire/nbd/constants.ts';
import type { ClientRequest } from './client-request.ts';
import { type Agreement, Connector, type ConnectorParts, type Judge } from './connector.ts';
import { Transmission, type TransmissionOwner } from './transmission.ts';

/** How many bytes of data in flight make a connection busy: some times what its socket holds. */
const BUSY_BYTES = 1024 * 1024;

/** How to come by more connections. */
export interface MoreOptions {
  readonly parts: ConnectorParts;
  /** Says why a connection is not one to the same export as the first. */
  readonly judge: Judge;
  /** How many there are at most, with the first. */
  readonly countMax: number;
}

/** Who gives the requests. */
export interface TransmissionsOwner {
  /** As {@link TransmissionOwner.freed}. */
  freed(): void;
  /** There is no connection any more. Called once. @param unanswered What was in flight. */
  lost(unanswered: readonly ClientRequest[], error: BlockError): void;
}

export class Transmissions implements TransmissionOwner {
  readonly #judge: Judge;
  readonly #owner: TransmissionsOwner;
  /** Of the others. */
  readonly #connector: Connector;
  /** Not empty. */
  #members: readonly Transmission[];
  #countMax: number;
  #isOver = false;
  #joining: Promise<void> | undefined;

  constructor({ connection, terms }: Agreement, more: MoreOptions, owner: TransmissionsOwner) {
    this.#judge = more.judge;
    this.#owner = owner;
    this.#connector = new Connector(more.parts);
    this.#members = [new Transmission(connection, terms, this)];
    this.#countMax = terms.flags & EXPORT_FLAG.CAN_MULTI_CONN ? more.countMax : 1;
  }

  /** Whether nothing is in flight. */
  get isIdle(): boolean {
    return this.#members.every(({ isIdle }) => isIdle);
  }

  /** @returns The connection to send a request over now, if there is room for it on any. */
  freeFor(request: ClientRequest): Transmission | undefined {
    let free: Transmission | undefined;
    for (const member of this.#members) {
      if (!member.hasRoomFor(request)) continue;
      if (member.bytesInFlight < BUSY_BYTES) return member;
      if (!free || member.bytesInFlight < free.bytesInFlight) free = member;
    }
    if (this.#members.length < this.#countMax && !this.#joining) this.#joining = this.#join();
    return free;
  }

  /** @returns The requests that are in flight, of each connection in the order they were sent. */
  unanswered(): readonly ClientRequest[] {
    return this.#members.flatMap((member) => member.unanswered());
  }

  /** Ends all connections at once. The owner is not told. */
  destroy(): void {
    this.#end();
    for (const member of this.#members) member.destroy();
  }

  /** Takes leave of the server; nothing is in flight. @returns When all connections are over. */
  async close(): Promise<void> {
    this.#end();
    await Promise.all([this.#joining, ...this.#members.map((member) => member.close())]);
  }

  freed(): void {
    this.#owner.freed();
  }

  lost(lost: Transmission, error: BlockError): void {
    const others = this.#members.filter((member) => member !== lost);
    if (others.length > 0 && lost.isIdle && error.code !== 'EPROTO') {
      this.#members = others;
      this.#countMax = others.length;
      return;
    }
    const unanswered = this.unanswered();
    this.destroy();
    this.#owner.lost(unanswered, error);
  }

  /** Tries once to have one more. */
  async #join(): Promise<void> {
    try {
      const { connection, terms } = await this.#connector.attempt(this.#judge);
      if (this.#isOver) connection.destroy();
      else this.#members = [...this.#members, new Transmission(connection, terms, this)];
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      // A server may have its reasons, such as other clients: it will do without.
      this.#countMax = this.#members.length;
    } finally {
      this.#joining = undefined;
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#connector.cancel(new BlockError('ECANCELED', 'use an NBD server', 'no more are wanted'));
  }
}
