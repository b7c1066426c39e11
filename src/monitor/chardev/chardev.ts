/**
 * A character device: what is outside speaks through it with something here, such as a monitor.
 *
 * Outside there is a backend, through which one connection comes after the other: those of a
 * socket, or the only one that a file is. Here there is one front end, which is given each of them.
 * A connection that comes before there is a front end waits for it, and the next one waits until
 * the last one is over.
 */

import { BlockError } from '../../base/errors.ts';
import type { Connection } from '../../env/sockets.ts';
import { sleepUntil, type Timers } from '../../sync/alarm.ts';

/** What a front end does with one connection. */
export interface Visit {
  /** Ends it, once what was said is sent. */
  close(): void;
}

/** Takes a connection, which is its own from then on, and says when it is over. */
export type FrontEnd = (connection: Connection, onClosed: () => void) => Visit;

/** The outer side of a chardev. */
export interface ChardevBackend {
  /** The name that its QOM type has after `chardev-`. */
  readonly type: string;
  /** Where it is, as query-chardev tells it. @param connection What it has now, if anything. */
  filename(connection: Connection | undefined): string;
  /** Waits for a connection. @returns `undefined` when no more will come. */
  next(): Promise<Connection | undefined>;
  /** Lets no more come. */
  close(): Promise<void>;
}

/** How long what was said may take to be sent when a chardev is closed. */
const FLUSH_MS = 1000;

export class Chardev {
  readonly id: string;
  readonly backend: ChardevBackend;
  /** Resolves at the first connection. */
  readonly opened: Promise<void>;
  readonly #timers: Timers;
  readonly #attached: Promise<FrontEnd>;
  #attach: (frontEnd: FrontEnd) => void = () => {};
  #open = () => {};
  #isInUse = false;
  #connection: Connection | undefined;
  #visit: Visit | undefined;

  constructor(id: string, backend: ChardevBackend, timers: Timers) {
    this.id = id;
    this.backend = backend;
    this.#timers = timers;
    this.opened = new Promise((resolve) => {
      this.#open = resolve;
    });
    this.#attached = new Promise((resolve) => {
      this.#attach = resolve;
    });
    void this.#serve();
  }

  /** Where it is, as query-chardev tells it. */
  get filename(): string {
    return this.backend.filename(this.#connection);
  }

  /** Whether somebody is connected. */
  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Whether it has a front end. */
  get isInUse(): boolean {
    return this.#isInUse;
  }

  /** Gives it a front end, for good. @throws {BlockError} `EBUSY` when it has one. */
  attach(frontEnd: FrontEnd): void {
    if (this.#isInUse) {
      throw new BlockError('EBUSY', `use "${this.id}"`, `Device '${this.id}' is in use`);
    }
    this.#isInUse = true;
    this.#attach(frontEnd);
  }

  /** Ends its connection once what was said is sent, and lets no more come. */
  async close(): Promise<void> {
    await this.backend.close();
    const connection = this.#connection;
    if (!connection) return;
    const sent = new Promise<void>((resolve) => connection.write(NOTHING, resolve));
    // Who does not read it has to do without.
    await sleepUntil(this.#timers, FLUSH_MS, sent);
    this.#visit?.close();
    connection.destroy();
  }

  async #serve(): Promise<void> {
    for (;;) {
      const connection = await this.backend.next();
      if (!connection) return;
      this.#connection = connection;
      this.#open();
      const frontEnd = await this.#attached;
      await new Promise<void>((resolve) => {
        this.#visit = frontEnd(connection, resolve);
      });
      this.#visit = undefined;
      this.#connection = undefined;
    }
  }
}

const NOTHING = new Uint8Array(0);
