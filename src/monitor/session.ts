/**
 * One client of QMP: what it sends is read, carried out in its turn, and answered.
 *
 *     bytes -> JsonReader -> #items -> #requests -> Dispatcher -> answer -> bytes
 *                                 |                                 ^
 *                                 '-- out of band: done at once ----'
 *
 * Until it has agreed on capabilities a client is obeyed in nothing else, and told no events. Then
 * one request at a time is taken from it or, if it has the capability "oob", as many as may wait,
 * and those out of band among them. Meanwhile nothing more is read, nor while the client does not
 * read its answers. One that lets too much pile up is cut off, for events cannot be held back.
 */

import { BlockError } from '../base/errors.ts';
import type { Connection } from '../env/sockets.ts';
import { wholeOf } from '../wire/qapi/type.ts';
import { type JsonItem, JsonReader } from '../wire/qmp/json-reader.ts';
import type { JsonObject } from '../wire/qmp/json-value.ts';
import {
  encodeMessage,
  failure,
  genericError,
  greeting,
  type QmpCommand,
  type QmpMistake,
  readRequest,
  success,
} from '../wire/qmp/messages.ts';
import { CAPABILITIES, capabilitiesArguments } from './commands/protocol.ts';
import type { Dispatcher, Waiting } from './dispatcher.ts';
import type { EventFeed } from './event-feed.ts';
import { VERSION } from './version.ts';

/** How many requests of a client with "oob" may wait: QEMU's number. */
const REQUESTS_MAX = 8;
/** Nothing is read from a client while more bytes than this wait to be sent to it, … */
const UNSENT_PAUSE = 64 * 1024;
/** … and one for which more than this wait is cut off. */
const UNSENT_MAX = 64 * 1024 * 1024;

type Request = QmpCommand | QmpMistake;

/** What a session is given beside its connection. */
export interface SessionOptions {
  readonly dispatcher: Dispatcher;
  readonly events: EventFeed;
  /** Each member of a message is on a line of its own. @default false */
  readonly pretty?: boolean | undefined;
  /** Called when the connection is over. */
  readonly onClosed?: (() => void) | undefined;
}

export class QmpSession implements Waiting {
  readonly #connection: Connection;
  readonly #options: SessionOptions;
  readonly #reader = new JsonReader();
  /** What was read, and how much of it was taken. */
  #items: JsonItem[] = [];
  #taken = 0;
  /** What waits for its turn, the oldest first. */
  #requests: Request[] = [];
  #isBusy = false;
  #phase: 'negotiating' | 'in band' | 'oob' = 'negotiating';
  #isBusyOutOfBand = false;
  /** The client will send no more. */
  #hasEnded = false;
  #isClosed = false;
  #unsubscribe = () => {};

  /** Greets the client; the connection is the session's from now on. */
  constructor(connection: Connection, options: SessionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#send(greeting({ version: VERSION, capabilities: CAPABILITIES }));
    connection.receive({
      data: (bytes) => {
        this.#items = this.#items.concat(this.#reader.read(bytes));
        this.#proceed();
      },
      drained: () => this.#proceed(),
      ended: () => {
        this.#hasEnded = true;
        this.#proceed();
      },
      closed: () => {
        this.#forget();
        options.onClosed?.();
      },
    });
  }

  /** Sends what was answered, and ends the connection; what waits is not done. */
  close(): void {
    this.#forget();
    this.#connection.end();
  }

  async serveNext(): Promise<void> {
    const request = this.#requests.shift();
    if (!request) return;
    this.#isBusy = true;
    this.#proceed();
    this.#send(await this.#answerTo(request));
    this.#isBusy = false;
    this.#proceed();
    if (this.#requests.length > 0) this.#options.dispatcher.enqueue(this);
  }

  /** Takes as many of the items as may be, and reads on when all are taken. */
  #proceed(): void {
    if (this.#isClosed) return;
    // To take one may be to be called again before the next one.
    while (this.#hasRoom() && this.#taken < this.#items.length) {
      const item = this.#items[this.#taken];
      this.#taken += 1;
      if (item) this.#take(readRequest(item, { outOfBand: this.#phase === 'oob' }));
    }
    if (this.#taken === this.#items.length) [this.#items, this.#taken] = [[], 0];
    if (!this.#hasRoom()) this.#connection.pause();
    else if (this.#hasEnded && !this.#isBusy && this.#requests.length === 0) this.close();
    else this.#connection.resume();
  }

  #hasRoom(): boolean {
    if (this.#isBusyOutOfBand || this.#connection.pendingBytes > UNSENT_PAUSE) return false;
    if (this.#phase === 'oob') return this.#requests.length < REQUESTS_MAX;
    return !this.#isBusy && this.#requests.length === 0;
  }

  #take(request: Request): void {
    if (request.outOfBand) {
      void this.#serveOutOfBand(request);
    } else {
      this.#requests.push(request);
      this.#options.dispatcher.enqueue(this);
    }
  }

  async #serveOutOfBand(request: Request): Promise<void> {
    this.#isBusyOutOfBand = true;
    this.#send(await this.#answerTo(request));
    this.#isBusyOutOfBand = false;
    this.#proceed();
  }

  async #answerTo(request: Request): Promise<JsonObject> {
    if (request.kind === 'mistake') return failure(request.error, request.id);
    if (this.#phase === 'negotiating') return this.#negotiate(request);
    return this.#options.dispatcher.execute(request);
  }

  #negotiate({ name, arguments: given, id }: QmpCommand): JsonObject {
    if (name !== 'qmp_capabilities') {
      const desc = "Expecting capabilities negotiation with 'qmp_capabilities'";
      return failure({ class: 'CommandNotFound', desc }, id);
    }
    try {
      const { enable = [] } = capabilitiesArguments.read(given, wholeOf('json'));
      this.#phase = enable.includes('oob') ? 'oob' : 'in band';
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      return failure(genericError(error), id);
    }
    this.#unsubscribe = this.#options.events.subscribe((message) => this.#send(message));
    return success({}, id);
  }

  #send(message: JsonObject): void {
    if (this.#isClosed) return;
    this.#connection.write(encodeMessage(message, { pretty: this.#options.pretty ?? false }));
    if (this.#connection.pendingBytes > UNSENT_MAX) this.#connection.destroy();
  }

  #forget(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    [this.#items, this.#taken] = [[], 0];
    this.#requests = [];
  }
}
