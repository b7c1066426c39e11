/** A monitor without sockets: what a client says is a string, and what it hears are messages. */

import { nodeEnv } from '../../src/env/node.ts';
import { nodeStreams } from '../../src/env/node-streams.ts';
import { Machine } from '../../src/machine/machine.ts';
import { Chardevs } from '../../src/monitor/chardev/chardevs.ts';
import type { CommandRegistry, MonitorContext } from '../../src/monitor/command.ts';
import { commands as allCommands } from '../../src/monitor/commands/index.ts';
import { Dispatcher } from '../../src/monitor/dispatcher.ts';
import { EventFeed } from '../../src/monitor/event-feed.ts';
import { QemuIo } from '../../src/monitor/hmp/io/qemu-io.ts';
import { QmpSession, type SessionOptions } from '../../src/monitor/session.ts';
import { HandConnection } from './hand-connection.ts';
import { settle } from './settle.ts';

/** A message; its members as they come. */
export type Message = Readonly<Record<string, unknown>>;

/** What commands work on, without any way in for clients. */
export function monitorContext(machine: Machine, commands: CommandRegistry): MonitorContext {
  const { env, credentials } = machine;
  const world = { env, credentials, streams: nodeStreams, report() {}, hasStdio: false };
  return {
    machine,
    commands,
    chardevs: new Chardevs(world),
    qemuIo: new QemuIo({ print() {}, complain() {} }),
    quit: () => machine.close(),
  };
}

export class MonitorRig {
  readonly machine: Machine;
  readonly #parts: SessionOptions;

  /** @param commands @default Those of the product. */
  constructor(commands: CommandRegistry = allCommands, machine = new Machine(nodeEnv())) {
    this.machine = machine;
    const dispatcher = new Dispatcher(monitorContext(machine, commands));
    this.#parts = { dispatcher, events: new EventFeed(machine) };
  }

  /** Connects a client. @param options Of its session. */
  connect(options: Partial<SessionOptions> = {}): RigClient {
    const connection = new HandConnection();
    const session = new QmpSession(connection, { ...this.#parts, ...options });
    return new RigClient(connection, session);
  }

  /** Connects a client that has negotiated; what it heard until then is left out. */
  async client(...enable: readonly string[]): Promise<RigClient> {
    const client = this.connect();
    await client.ask({ execute: 'qmp_capabilities', arguments: { enable } });
    return client;
  }
}

export class RigClient {
  readonly connection: HandConnection;
  readonly session: QmpSession;
  #count = 0;

  constructor(connection: HandConnection, session: QmpSession) {
    this.connection = connection;
    this.session = session;
  }

  /** Sends text; what comes of it comes later. */
  say(text: string): void {
    this.connection.say(new TextEncoder().encode(text));
  }

  /** @returns The text that has come since the last time, once nothing moves any more. */
  async hearText(): Promise<string> {
    await settle();
    return new TextDecoder().decode(this.connection.hear());
  }

  /** @returns The same as messages. */
  async hear(): Promise<readonly Message[]> {
    const text = await this.hearText();
    const lines = text.split('\r\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line));
  }

  /**
   * Executes a command, however long it takes.
   *
   * @returns What it answers, or the error.
   */
  async execute(execute: string, given: object = {}): Promise<unknown> {
    this.#count += 1;
    const id = this.#count;
    this.say(JSON.stringify({ execute, arguments: given, id }));
    for (;;) {
      const answer = (await this.hear()).find((message) => message['id'] === id);
      if (answer) return answer['return'] ?? answer['error'];
    }
  }

  /** Sends a request. @returns What was heard then. */
  async ask(request: Message): Promise<readonly Message[]> {
    this.say(JSON.stringify(request));
    return this.hear();
  }
}
