/** A client of one monitor, which writes down what is said. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json, Members } from './scenario.ts';

/** Within which every reply and event must come. */
const PATIENCE_MS = 10_000;
const POLL_PAUSE_MS = 5;

/** An event that nobody has waited for yet. */
interface Heard {
  readonly name: string;
  readonly data: Members;
}

export class Session {
  readonly #socket: Socket;
  readonly #lines: string[];
  /** What has come of a line whose end has not. */
  #rest = '';
  /** The lines of a message that is not whole yet. */
  #message: string[] = [];
  #events: Heard[] = [];
  #replies = 0;
  /** The last of them, as it is written down. */
  #reply = '';
  #hasEnded = false;
  #wake = () => {};

  /** @param lines Where it is written down, in the order in which it comes. */
  constructor(socket: Socket, lines: string[]) {
    this.#socket = socket;
    this.#lines = lines;
    socket.setEncoding('utf8').on('data', (text: string) => this.#receive(text));
    socket.on('error', () => {}); // It closes then.
    socket.once('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  /** @throws {Error} When nobody listens there. */
  static async open(path: string, lines: string[]): Promise<Session> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new Session(socket, lines);
  }

  /** Waits for the first message. */
  greeted(): Promise<void> {
    return this.#until('a greeting', () => this.#replies > 0);
  }

  /** Sends text and waits for replies to it. */
  async send(text: string, replies: number): Promise<void> {
    this.#lines.push(`-> ${text.trimEnd()}`);
    const expected = this.#replies + replies;
    this.#socket.write(text);
    await this.#until('a reply', () => this.#replies >= expected);
  }

  /** Sends a command until the reply has the text in it; only the last time is written down. */
  async poll(text: string, until: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const start = this.#lines.length;
      await this.send(text, 1);
      if (this.#reply.includes(until)) return;
      if (performance.now() > end) throw new Error(`no reply with ${until}`);
      // Events that came meanwhile stay.
      this.#lines.splice(this.#lines.lastIndexOf(this.#reply), 1);
      this.#lines.splice(start, 1);
      await sleep(POLL_PAUSE_MS);
    }
  }

  /** Waits for an event that comes after all that were waited for. */
  async event(name: string, data: Members): Promise<void> {
    const what = `${name} ${JSON.stringify(data)}`;
    await this.#until(what, () => {
      const index = this.#events.findIndex((event) => event.name === name && has(event, data));
      if (index >= 0) this.#events.splice(0, index + 1);
      return index >= 0;
    });
  }

  /** Waits until the other side has closed the connection. */
  async ended(): Promise<void> {
    await this.#until('an end', () => this.#hasEnded);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Waits for something that only what comes in can bring about. */
  async #until(what: string, isThere: () => boolean): Promise<void> {
    const timer = setTimeout(() => {
      this.#lines.push(`NOTHING CAME: ${what}`);
      this.#socket.destroy();
    }, PATIENCE_MS);
    try {
      while (!isThere()) {
        if (this.#hasEnded) throw new Error(`closed before ${what}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\r\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      this.#message.push(line);
      const whole = this.#message.join('\r\n');
      const message = parse(whole);
      if (!message) continue; // It has several lines, and the last is still to come.
      this.#message = [];
      this.#take(message, `<- ${whole}`);
    }
    this.#wake();
  }

  #take(message: Members, line: string): void {
    this.#lines.push(line);
    if ('event' in message) {
      const { event, data = {} } = message;
      this.#events.push({ name: event as string, data: data as Members });
    } else {
      this.#replies += 1;
      this.#reply = line;
    }
  }
}

/** @returns The message, when the text is a whole one. */
function parse(text: string): Members | undefined {
  try {
    return JSON.parse(text) as Members; // A monitor says nothing else.
  } catch {
    return undefined; // It is not whole.
  }
}

function has({ data }: Heard, members: Members): boolean {
  const same = (a: Json | undefined, b: Json) => JSON.stringify(a) === JSON.stringify(b);
  return Object.entries(members).every(([name, value]) => same(data[name], value));
}
