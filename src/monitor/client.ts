/**
 * A client of a QMP monitor, ours or QEMU's: it asks, and is told of events.
 *
 * Answers are told apart by the `id` that a command had, so several may be on their way. An answer
 * without one is to something that the server could not read; it is the oldest command's.
 */

import { BlockError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import { type Connection, describeAddress, type SocketAddress } from '../env/sockets.ts';
import { Channel } from '../sync/channel.ts';
import { type JsonItem, JsonReader } from '../wire/qmp/json-reader.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../wire/qmp/json-value.ts';
import { encodeMessage, type QmpErrorClass } from '../wire/qmp/messages.ts';
import { MonitorError } from './command.ts';

/** Events kept for a consumer that is slow or has not begun. */
const EVENTS_MAX = 1024;
/** How long a server may take to greet, in milliseconds. */
const GREETING_MS = 10_000;

/** Who waits for an answer. */
interface Asked {
  readonly resolve: (value: JsonValue) => void;
  readonly reject: (why: Error) => void;
}

export class QmpClient {
  /** What the server said of itself. */
  readonly greeting: JsonObject;
  readonly #link: Link;
  #count = 0;

  /**
   * Connects, and negotiates.
   *
   * @throws {BlockError} `ECONNREFUSED` and the like; `ETIMEDOUT` when nobody greets, as behind
   *   another client of the same monitor; `EPROTO` when it is no QMP server.
   */
  static async connect(
    { sockets, clock }: Pick<Env, 'sockets' | 'clock'>,
    address: SocketAddress,
  ): Promise<QmpClient> {
    const connection = await sockets.connect(address, GREETING_MS);
    const link = new Link(connection, describeAddress(address));
    const timer = clock.after(GREETING_MS, () => link.fail(noGreeting(link)));
    try {
      const client = new QmpClient(link, await link.greeted);
      await client.execute('qmp_capabilities');
      return client;
    } catch (error) {
      link.close();
      throw error;
    } finally {
      timer.cancel();
    }
  }

  private constructor(link: Link, greeting: JsonObject) {
    this.#link = link;
    this.greeting = greeting;
  }

  /** What the server tells of its own accord, once; a consumer that is far behind misses some. */
  get events(): AsyncIterable<JsonObject> {
    return this.#link.events;
  }

  /**
   * Executes a command.
   *
   * @returns What it returned.
   * @throws {MonitorError} What the server refused it with; {@link BlockError} `ECONNRESET` when
   *   the connection ended before the answer.
   */
  execute(name: string, given: JsonObject = {}): Promise<JsonValue> {
    this.#count += 1;
    const hasArguments = Object.keys(given).length > 0;
    const id = this.#count;
    return this.#link.ask(id, { execute: name, ...(hasArguments && { arguments: given }), id });
  }

  /** Sends an object as it is, but for its `id`. @returns As {@link QmpClient.execute}. */
  send(request: JsonObject): Promise<JsonValue> {
    this.#count += 1;
    return this.#link.ask(this.#count, { ...request, id: this.#count });
  }

  /** Ends the connection; what was asked and not answered fails. */
  close(): void {
    this.#link.close();
  }
}

function noGreeting({ peer }: Link): BlockError {
  const reason = `no greeting came within ${GREETING_MS / 1000} s; another client may be connected`;
  return new BlockError('ETIMEDOUT', `talk to "${peer}"`, reason);
}

/** The connection, from bytes to answers and events. */
class Link {
  readonly peer: string;
  readonly events = new Channel<JsonObject>({ lengthMax: EVENTS_MAX });
  readonly greeted: Promise<JsonObject>;
  readonly #connection: Connection;
  readonly #asked = new Map<number, Asked>();
  #greet: (greeting: JsonObject) => void = () => {};
  #refuse: (why: Error) => void = () => {};
  #isOver = false;

  constructor(connection: Connection, peer: string) {
    this.peer = peer;
    this.#connection = connection;
    this.greeted = new Promise((resolve, reject) => {
      this.#greet = resolve;
      this.#refuse = reject;
    });
    // Who has been greeted does not wait for it any more.
    this.greeted.catch(() => {});
    const reader = new JsonReader();
    connection.receive({
      data: (bytes) => {
        for (const item of reader.read(bytes)) this.#take(item);
      },
      drained() {},
      closed: (error) => this.#end(error),
    });
  }

  ask(id: number, request: JsonObject): Promise<JsonValue> {
    if (this.#isOver) return Promise.reject(this.#ended());
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#connection.write(encodeMessage(request));
    });
  }

  close(): void {
    this.#connection.end();
    this.#end(undefined);
  }

  /** Ends the connection at once; all that is waited for fails. */
  fail(why: Error): void {
    this.#connection.destroy();
    this.#end(why);
  }

  #take(item: JsonItem): void {
    if (item.kind === 'error' || !isJsonObject(item.value)) {
      this.fail(this.#noQmp());
      return;
    }
    const message = item.value;
    if ('QMP' in message) this.#greet(message);
    else if ('event' in message) this.events.push(message);
    else this.#answer(message);
  }

  #answer(message: JsonObject): void {
    const [oldest] = this.#asked.keys();
    const id = Number(message['id'] ?? oldest);
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    const { error } = message;
    if (error === undefined) asked?.resolve(message['return'] ?? {});
    else asked?.reject(errorOf(error));
  }

  #end(cause: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#refuse(cause ?? this.#noQmp());
    for (const { reject } of this.#asked.values()) reject(cause ?? this.#ended());
    this.#asked.clear();
    this.events.close();
  }

  #ended(): BlockError {
    return new BlockError('ECONNRESET', `talk to "${this.peer}"`, 'the server has hung up');
  }

  #noQmp(): BlockError {
    return new BlockError('EPROTO', `talk to "${this.peer}"`, 'it is no QMP server');
  }
}

/** What a server refused a command with. */
function errorOf(error: JsonValue): MonitorError {
  const { class: name, desc } = isJsonObject(error) ? error : {};
  // A server may have classes of its own, which are told as they are.
  return new MonitorError(`${name ?? 'GenericError'}` as QmpErrorClass, `${desc ?? ''}`);
}
