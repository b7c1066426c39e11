/**
 * Cases against the NBD server, each one a client made of a seed: it says a valid session, one that
 * something has happened to, or anything, in pieces, and leaves in one way or another.
 *
 *     case      -> connection -> server -> "theirs"             a disk for it alone
 *                                       -> "look"  --+
 *     good client -> connection -> server -> "good" -+--> disk  checked at every read
 *
 * Whatever it says, the server lets go of it when it has left, answers a valid session with what a
 * client understands, and serves a good client alongside, every read of which is compared with what
 * that client has written.
 */

import { assert } from '../../src/base/assert.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { NbdServer } from '../../src/exports/nbd/server.ts';
import { COMMAND, OPTION, OPTION_REPLY } from '../../src/wire/nbd/constants.ts';
import { nodeOf, pattern, TestDisk } from '../support/drivers.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { HandConnection } from '../support/hand-connection.ts';
import { concat } from '../support/hex.ts';
import {
  type ClientMessage,
  encodeClientMessage,
  type ServerMessage,
} from '../support/nbd-messages.ts';
import { RigClient, type Wish } from '../support/nbd-server-rig.ts';
import { ServerStream } from '../support/nbd-streams.ts';
import { settle } from '../support/settle.ts';
import { drawClientSession, isExtended } from './draw-client.ts';
import { drawBytes, fragment, mutate, pick } from './mutations.ts';
import type { Subject } from './subject.ts';

const SIZE = 64 * 1024;
/** Some of these exports there are. */
const NAMES = [...Array(8).fill('theirs'), 'look', 'look', 'good', '', 'nobody'];
/** After this many cases the good client comes anew, and talks in another style. */
const VISIT_CASES = 200;
const STYLES: readonly Wish[] = [{}, { structured: true }, { extended: true }];
/** How often everything may run until something has happened. */
const TURNS_MAX = 1000;
/** As many requests of one client are in flight at a time, so that back-pressure is felt. */
const REQUESTS_MAX = 4;

/** A server, and whether the cases come far. */
export interface ServerSubject extends Subject {
  /** How many requests of cases have reached their disk. */
  readonly requests: number;
}

/** @returns A server whose disks are in memory, and a good client of it. */
export async function openServerFuzz(): Promise<ServerSubject> {
  const [clock, theirs, good] = [new FakeClock(), openDisk(), openDisk()];
  const limits = { requestsMax: REQUESTS_MAX, bytesMax: SIZE };
  const server = new NbdServer({ env: { ...nodeEnv(), clock }, limits });
  const add = (name: string, disk: TestDisk, writable: boolean) =>
    server.add({ id: name, name, node: nodeOf(disk, { name, unmap: true }), writable });
  add('theirs', theirs, true);
  const { edge } = add('good', good, true);
  server.add({ id: 'look', name: 'look', node: edge.node });
  const client = new GoodClient(server);
  let requests = 0;

  async function until(what: string, holds: () => boolean): Promise<void> {
    for (let turns = 0; !holds(); turns += 1) {
      assert(turns < TURNS_MAX, `${what}, in time`);
      await settle();
    }
  }

  return {
    name: 'server',
    get requests() {
      return requests;
    },
    async run(seed) {
      const random = seededRandom(seed);
      for (const disk of [theirs, good]) {
        disk.calls.length = 0;
        disk.gate.mode = pick(random, ['sync', 'async']);
      }
      await client.visit(Math.floor(seed / VISIT_CASES));
      client.begin(random);
      const others = server.connections;

      const { asked, bytes } = drawBad(random);
      const connection = new HandConnection();
      server.accept(connection);
      connection.takes = random.below(8) > 0;
      for (const piece of fragment(bytes, random)) {
        if (random.below(10) === 0) await settle();
        await until('a server reads again when its replies are taken', () => {
          if (connection.isPaused) connection.takeAll();
          return !connection.isPaused || isOver(connection);
        });
        if (isOver(connection)) break;
        connection.say(piece);
        if (random.below(4) === 0) client.sayRest();
      }
      connection.takeAll();
      if (asked) await understand(connection, asked);
      leave(connection, random);
      await until('a client that has left is gone', () => server.connections === others);
      requests += theirs.calls.length;
      await client.finish(random);
    },
    async close() {
      await server.close();
      assert(clock.timers === 0, 'no timer is left');
    },
  };
}

function openDisk(): TestDisk {
  const disk = new TestDisk({ size: SIZE, alignment: 512 });
  disk.bytes.set(pattern(SIZE));
  return disk;
}

function isOver(connection: HandConnection): boolean {
  return connection.outcome !== 'no';
}

/** @returns What a client says; with its messages, if it keeps to the protocol. */
function drawBad(random: Random): { bytes: Uint8Array; asked?: readonly ClientMessage[] } {
  if (random.below(8) === 0) return { bytes: drawBytes(random, random.below(600)) };
  const asked = drawClientSession(random, { names: NAMES, size: SIZE });
  // All that writes goes to a disk where nobody else is.
  const isSafe = !JSON.stringify(asked).includes('"name":"good"');
  const session = isSafe ? asked : asked.filter(({ kind }) => kind !== 'request');
  const style = { extended: isExtended(session) };
  const encode = (messages: readonly ClientMessage[]) =>
    concat(...messages.map((message) => encodeClientMessage(message, style)));
  const handshake = encode(session.filter(({ kind }) => kind !== 'request'));
  const requests = encode(session.filter(({ kind }) => kind === 'request'));
  // Nothing happens to a session with "good", so that none comes to write there.
  const fate = isSafe ? random.below(6) : 0;
  if (fate < 2) return { bytes: concat(handshake, requests), asked: session };
  if (fate === 2) return { bytes: mutate(concat(handshake, requests), random) };
  return { bytes: concat(handshake, mutate(requests, random)) };
}

/**
 * Demands that a client understands all that the server has said, and that every request which the
 * server has come to is answered.
 */
async function understand(
  connection: HandConnection,
  asked: readonly ClientMessage[],
): Promise<void> {
  connection.takes = true;
  for (let quiet = 0; quiet < 3; quiet += 1) {
    await settle();
    connection.takeAll();
  }
  const stream = new ServerStream(asked);
  stream.push(connection.hear());
  if (!stream.messages.some(isEntry)) return;
  assert(connection.outcome !== 'destroyed', 'a client that does nothing wrong may stay');
  const requests = asked.flatMap((message) => (message.kind === 'request' ? message.request : []));
  const last = requests.findIndex(({ command }) => command === COMMAND.DISC);
  const due = last < 0 ? requests.length : last;
  assert(stream.messages.filter(isLast).length === due, 'each request has its answer');
}

/** Whether a message leads to the requests. */
function isEntry(message: ServerMessage): boolean {
  if (message.kind === 'export') return true;
  if (message.kind !== 'option-reply') return false;
  return message.option === OPTION.GO && message.type === OPTION_REPLY.ACK;
}

/** Whether a message is the last of an answer to a request. */
function isLast(message: ServerMessage): boolean {
  return message.kind === 'simple' || (message.kind === 'chunk' && message.flags === 1);
}

function leave(connection: HandConnection, random: Random): void {
  connection.takes = true;
  connection.takeAll();
  if (random.below(2) === 0) connection.sayEnd();
  else connection.close(random.below(2) === 0 ? new Error('reset') : undefined);
}

/** A client that keeps to the protocol, and remembers what it wrote. */
class GoodClient {
  readonly #server: NbdServer;
  readonly #written: Uint8Array = pattern(SIZE);
  #connection: HandConnection | undefined;
  #client: RigClient | undefined;
  #visit: number | undefined;
  /** What is still to be said of a write. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(server: NbdServer) {
    this.#server = server;
  }

  /** Comes anew, unless that is the visit it is on. */
  async visit(visit: number): Promise<void> {
    if (visit === this.#visit) return;
    this.#visit = visit;
    this.#connection?.sayEnd();
    await settle();
    const connection = new HandConnection();
    this.#server.accept(connection);
    this.#client = new RigClient(connection);
    this.#connection = connection;
    await this.#client.choose({ ...STYLES[visit % STYLES.length], name: 'good' });
  }

  /** Says a part of a write. */
  begin(random: Random): void {
    const [data, offset] = [drawBytes(random, 512 * (1 + random.below(4))), drawOffset(random)];
    this.#written.set(data, offset);
    this.#rest = this.#here.build({ command: COMMAND.WRITE, offset }, data);
    const part = random.below(this.#rest.length);
    this.#here.say(this.#rest.slice(0, part));
    this.#rest = this.#rest.slice(part);
  }

  /** Says what is left of the write, if anything is. */
  sayRest(): void {
    if (this.#rest.length > 0) this.#here.say(this.#rest.slice());
    this.#rest = new Uint8Array(0);
  }

  /** Sees to it that the write succeeds, reads something, and compares. */
  async finish(random: Random): Promise<void> {
    const client = this.#here;
    this.sayRest();
    const { error } = onlyOne(await client.replies());
    assert(error === 0, 'the good client may write');
    const [from, length] = [drawOffset(random), 4 * 512];
    client.send({ command: COMMAND.READ, offset: from, length });
    const reply = onlyOne(await client.replies());
    const [chunk] = reply.chunks;
    const read = chunk?.kind === 'data' ? chunk.data : reply.data;
    const expected = this.#written.subarray(from, from + length);
    assert(read !== undefined && Buffer.compare(read, expected) === 0, 'it reads what it wrote');
  }

  get #here(): RigClient {
    assert(this.#client !== undefined, 'the good client has come');
    return this.#client;
  }
}

/** @returns Where four sectors begin. */
function drawOffset(random: Random): number {
  return 512 * random.below(SIZE / 512 - 3);
}

function onlyOne<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined || items.length > 1) throw new Error(`There are ${items.length} replies`);
  return item;
}
