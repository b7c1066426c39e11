/**
 * Cases against the monitor, each one a client made of a seed: it sends commands, valid ones, wrong
 * ones and what is none, in pieces, and leaves in one way or another.
 *
 *     case        -> connection -> session --+
 *     good client -> connection -> session --+--> dispatcher --> machine, disks in memory
 *
 * Whatever it sends, each answer is one line of JSON in ASCII, each of its valid commands has one
 * answer with its `id`, nothing of it is left when it has gone, and a good client alongside has its
 * own commands answered and nobody else's.
 */

import { assert } from '../../src/base/assert.ts';
import { BlockError } from '../../src/base/errors.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Env } from '../../src/env/env.ts';
import type { Files } from '../../src/env/files.ts';
import { nodeEnv } from '../../src/env/node.ts';
import type { Sockets } from '../../src/env/sockets.ts';
import { Machine } from '../../src/machine/machine.ts';
import { commands } from '../../src/monitor/commands/index.ts';
import { Dispatcher } from '../../src/monitor/dispatcher.ts';
import { EventFeed } from '../../src/monitor/event-feed.ts';
import { QmpSession } from '../../src/monitor/session.ts';
import type { JsonObject } from '../../src/wire/qmp/json-value.ts';
import { formatJson } from '../../src/wire/qmp/json-writer.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { HandConnection } from '../support/hand-connection.ts';
import { concat } from '../support/hex.ts';
import { monitorContext } from '../support/monitor-rig.ts';
import { settle } from '../support/settle.ts';
import { drawJson, drawRequest } from './draw-monitor.ts';
import { drawBytes, fragment, mutate, pick } from './mutations.ts';
import type { Subject } from './subject.ts';

/** After so many cases there is a new machine: what cases have made is theirs no more. */
const MACHINE_CASES = 100;
/** Requests of a case. */
const REQUESTS_MAX = 8;
/** How often everything may run until something has happened. */
const TURNS_MAX = 2000;
/** How much time passes with a case, for jobs that wait. */
const PASS_MS = 50;
const NEGOTIATION = '{"execute": "qmp_capabilities"}';

/** A monitor, and whether the cases come far. */
export interface MonitorSubject extends Subject {
  /** Lines that the cases have sent, how many were answered well, and how many were refused. */
  readonly counts: { lines: number; returns: number; errors: number };
}

/** A monitor with a good client. */
interface Stage {
  readonly clock: FakeClock;
  readonly machine: Machine;
  readonly events: EventFeed;
  readonly good: Client;
  connect(): Client;
}

/** @returns A monitor whose machines reach neither files nor sockets, and a good client of it. */
export function openMonitorFuzz(): MonitorSubject {
  const counts = { lines: 0, returns: 0, errors: 0 };
  let stage: Stage | undefined;
  let cases = 0;
  return {
    name: 'monitor',
    counts,
    async run(seed) {
      if (stage && cases % MACHINE_CASES === 0) {
        await leave(stage);
        stage = undefined;
      }
      cases += 1;
      stage ??= await openStage();
      const { events } = stage;
      const before = events.listeners;
      for (const answer of await runClient(stage, seededRandom(seed), counts)) {
        if ('return' in answer) counts.returns += 1;
        if ('error' in answer) counts.errors += 1;
      }
      assert(events.listeners === before, 'a client that has left listens no more');
      await stage.good.demandService();
    },
    async close() {
      if (stage) await leave(stage);
    },
  };
}

async function openStage(): Promise<Stage> {
  const clock = new FakeClock();
  const env: Env = { ...nodeEnv(), clock, files: NO_FILES, sockets: NO_SOCKETS };
  const machine = new Machine(env);
  const context = { ...monitorContext(machine, commands), quit: async () => {} };
  const events = new EventFeed(machine);
  const parts = { dispatcher: new Dispatcher(context), events };
  const connect = () => {
    const connection = new HandConnection();
    return new Client(connection, new QmpSession(connection, parts));
  };
  const good = connect();
  good.say(NEGOTIATION);
  await good.until('the good client is obeyed', () => good.answers.length === 1);
  return { clock, machine, events, good, connect };
}

async function leave({ machine, clock }: Stage): Promise<void> {
  const closed = machine.close();
  // What waits for time to pass does so.
  let isOver = false;
  void closed.then(() => {
    isOver = true;
  });
  for (let turns = 0; !isOver; turns += 1) {
    assert(turns < TURNS_MAX, 'the machine closes, in time');
    await clock.advance(PASS_MS);
  }
  await closed;
  assert(clock.timers === 0, 'a machine that is closed leaves no timer');
}

/** @returns What the client was answered. */
async function runClient(
  { connect, clock }: Stage,
  random: Random,
  counts: MonitorSubject['counts'],
): Promise<readonly JsonObject[]> {
  const client = connect();
  if (random.below(8) > 0) client.say(NEGOTIATION);
  await settle();
  const requests = Array.from({ length: 1 + random.below(REQUESTS_MAX) }, (_, index) =>
    drawLine(random, index),
  );
  counts.lines += requests.length;
  for (const { bytes } of requests) await sayInPieces(client, bytes, random);
  const wanted = requests.flatMap(({ id }) => (id === undefined ? [] : [id]));
  if (wanted.length === requests.length && client.isNegotiated) {
    await client.until('every command is answered', () =>
      wanted.every((id) => client.answers.some((answer) => answer['id'] === id)),
    );
  }
  await clock.advance(PASS_MS);
  client.read();
  pick(random, [() => client.connection.sayEnd(), () => client.connection.close()])();
  await settle();
  client.read();
  return client.answers;
}

/** A line, and the `id` of the answer that it must have, if there must be one. */
function drawLine(random: Random, index: number): { bytes: Uint8Array; id?: string } {
  const kind = random.below(10);
  if (kind === 0) return { bytes: drawBytes(random, random.below(64)) };
  if (kind === 1) return { bytes: encode(formatJson(drawJson(random))) };
  const request = drawRequest(random);
  if (kind < 6) {
    const id = `case-${index}`;
    return { bytes: encode(`${formatJson({ ...request, id })}\n`), id };
  }
  return { bytes: mutate(encode(formatJson(request)), random) };
}

async function sayInPieces(client: Client, bytes: Uint8Array, random: Random): Promise<void> {
  for (const piece of fragment(bytes, random)) {
    await client.until('the session reads on', () => !client.connection.isPaused);
    client.connection.say(piece);
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** One client, whose ears check all that it hears. */
class Client {
  readonly connection: HandConnection;
  readonly session: QmpSession;
  readonly answers: JsonObject[] = [];
  #rest = new Uint8Array();
  #count = 0;

  constructor(connection: HandConnection, session: QmpSession) {
    this.connection = connection;
    this.session = session;
  }

  /** Whether its negotiation was answered well. */
  get isNegotiated(): boolean {
    return this.answers[0]?.['return'] !== undefined;
  }

  say(text: string): void {
    this.connection.say(encode(text));
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    for (let turns = 0; !holds(); turns += 1) {
      assert(turns < TURNS_MAX, `${what}, in time`);
      await settle();
      this.read();
    }
  }

  /** Asks for what only it knows. */
  async demandService(): Promise<void> {
    this.#count += 1;
    const id = `good-${this.#count}`;
    this.answers.length = 0;
    this.say(`{"execute": "query-version", "id": "${id}"}`);
    await this.until('the good client is answered', () => this.answers.length > 0);
    const [answer, ...others] = this.answers;
    assert(answer?.['id'] === id && others.length === 0, 'it is answered once, with its id');
    assert(answer['return'] !== undefined, 'it is not refused');
  }

  /** Takes what has come: whole lines of JSON, in ASCII, each with one thing to say. */
  read(): void {
    const bytes = concat(this.#rest, this.connection.hear());
    const end = bytes.lastIndexOf(0x0a) + 1;
    this.#rest = bytes.slice(end);
    const text = new TextDecoder('latin1').decode(bytes.subarray(0, end));
    assert(/^[\t\n\r -~]*$/.test(text), 'all that is said is ASCII');
    for (const line of text.split('\r\n')) {
      if (line === '') continue;
      const message: JsonObject = JSON.parse(line);
      const kinds = ['QMP', 'return', 'error', 'event'].filter((kind) => kind in message);
      assert(kinds.length === 1, 'a message is of one kind');
      if ('return' in message || 'error' in message) this.answers.push(message);
    }
  }
}

const refuse = (): Promise<never> =>
  Promise.reject(new BlockError('ENOENT', 'reach the world', 'there is none'));

const NO_FILES: Files = {
  open: refuse,
  status: refuse,
  lock: refuse,
  rename: refuse,
  remove: refuse,
  directBuffer: (length) => new Uint8Array(length),
};
const NO_SOCKETS: Sockets = { listen: refuse, connect: refuse };
