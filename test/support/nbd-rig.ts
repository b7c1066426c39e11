/**
 * NBD disks on a simulated network, and a server that says what the test wants it to say.
 *
 * By itself it serves a disk in an array, with structured replies and the status of blocks. A test
 * puts in what is to be odd: the greeting, the reply to an option, the answer to a request.
 */

import { seededRandom } from '../../src/base/random.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { driversOf } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import type { Connection, SocketAddress } from '../../src/env/sockets.ts';
import { SimSockets } from '../../src/sim/sockets.ts';
import { Inflow } from '../../src/wire/inflow.ts';
import {
  COMMAND,
  EXPORT_FLAG,
  HANDSHAKE_FLAG,
  OPTION,
  OPTION_REPLY,
  REPLY_FLAG,
} from '../../src/wire/nbd/constants.ts';
import {
  encodeClientFlags,
  encodeExportNameReply,
  encodeGreeting,
  nextClientFlags,
} from '../../src/wire/nbd/greeting.ts';
import {
  encodeInfo,
  encodeMetaContext,
  encodeOptionReply,
} from '../../src/wire/nbd/option-replies.ts';
import { nextOption, type OptionHeader } from '../../src/wire/nbd/options.ts';
import {
  encodeBlockStatus,
  encodeNone,
  encodeOffsetData,
  encodeSimpleReply,
} from '../../src/wire/nbd/replies.ts';
import { type NbdRequest, payloadLength, RequestReader } from '../../src/wire/nbd/requests.ts';
import { FakeClock } from './fake-clock.ts';

/** Where the server listens. */
export const ADDRESS: SocketAddress = { type: 'unix', path: '/server' };
/** What clients have under any id. */
const CREDENTIALS = { type: 'psk', keys: 'qemu:01' } as const;
/** The time that a test lets pass at most, in milliseconds. */
const PASS_MAX_MS = 200_000;

const { SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES, HAS_FLAGS } = EXPORT_FLAG;
/** What the server offers. */
export const USUAL_FLAGS: number =
  HAS_FLAGS | SEND_FLUSH | SEND_FUA | SEND_TRIM | SEND_WRITE_ZEROES;
const CONTEXT_ID = 7;
/** How long the greeting of the oldstyle is, after which there are no options. */
const OLDSTYLE_LENGTH = 152;

type Bytes = readonly Uint8Array[];

/** What a server says; all of it may be changed at any time. */
export interface Script {
  size: number;
  flags: number;
  extended: boolean;
  sizes: { minimum: number; preferred: number; maximum: number } | undefined;
  greeting: Uint8Array;
  /** @returns What it says to an option; nothing for the usual. */
  option: (option: number, data: Uint8Array) => Bytes | undefined;
  /** @returns What it answers to a request; nothing for the usual, and none to be silent. */
  answer: (request: NbdRequest, payload: Uint8Array, guest: Guest) => Bytes | undefined;
}

/** A connection as the server has it. */
class Guest {
  /** Which visit it is, from 1. */
  readonly visit: number;
  readonly #inflow = new Inflow();
  readonly #server: ScriptedServer;
  readonly #connection: Connection;
  #reader: RequestReader | undefined;
  /** What has come, but for its data. */
  #header: OptionHeader | undefined;
  #asked: NbdRequest | undefined;
  #extended = false;
  #hasFlags = false;

  constructor(server: ScriptedServer, connection: Connection) {
    this.visit = server.visits;
    this.#server = server;
    this.#connection = connection;
    connection.receive({
      data: (bytes) => {
        this.#inflow.push(bytes);
        while (this.#step());
        this.#inflow.keep();
      },
      drained: () => {},
      closed: () => server.guests.delete(this),
    });
    connection.write(server.script.greeting);
    if (server.script.greeting.length === OLDSTYLE_LENGTH) this.#enter();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  say(bytes: Bytes): void {
    for (const piece of bytes) this.#connection.write(piece);
  }

  /** From now on there are requests. */
  #enter(): void {
    this.#hasFlags = true;
    this.#reader = new RequestReader({ extended: this.#extended });
  }

  #step(): boolean {
    if (!this.#hasFlags) {
      const flags = nextClientFlags(this.#inflow);
      if (flags === undefined) return false;
      this.#server.heard.push(encodeClientFlags(flags));
      this.#hasFlags = true;
      return true;
    }
    return this.#reader ? this.#request(this.#reader) : this.#option();
  }

  #option(): boolean {
    this.#header ??= nextOption(this.#inflow);
    const header = this.#header;
    if (!header || this.#inflow.length < header.length) return false;
    this.#header = undefined;
    const data = this.#inflow.take(header.length);
    const { script } = this.#server;
    this.#server.options.push(header.option);
    const replies = script.option(header.option, data) ?? this.#usual(header.option);
    this.say(replies);
    if (isEntry(header.option, replies)) this.#enter();
    return true;
  }

  #usual(option: number): Bytes {
    const { size, flags, sizes, extended } = this.#server.script;
    const ack = encodeOptionReply(option, OPTION_REPLY.ACK);
    const info = (data: Uint8Array) => encodeOptionReply(option, OPTION_REPLY.INFO, data);
    switch (option) {
      case OPTION.EXTENDED_HEADERS:
        this.#extended = extended;
        return extended ? [ack] : [encodeOptionReply(option, OPTION_REPLY.ERR_UNSUP)];
      case OPTION.STRUCTURED_REPLY:
        return [ack];
      case OPTION.SET_META_CONTEXT: {
        const context = encodeMetaContext({ id: CONTEXT_ID, name: 'base:allocation' });
        return [encodeOptionReply(option, OPTION_REPLY.META_CONTEXT, context), ack];
      }
      case OPTION.GO: {
        const told = [info(encodeInfo({ kind: 'export', size, flags }))];
        if (sizes) told.push(info(encodeInfo({ kind: 'block-size', ...sizes })));
        return [...told, ack];
      }
      case OPTION.EXPORT_NAME:
        return [encodeExportNameReply({ size, flags }, { noZeroes: true })];
      default:
        return [encodeOptionReply(option, OPTION_REPLY.ERR_UNSUP)];
    }
  }

  #request(reader: RequestReader): boolean {
    this.#asked ??= reader.next(this.#inflow);
    const request = this.#asked;
    const length = request ? payloadLength(request, { extended: this.#extended }) : 0;
    if (!request || this.#inflow.length < length) return false;
    this.#asked = undefined;
    const payload = this.#inflow.take(length).slice();
    if (request.command === COMMAND.DISC) {
      this.#server.leaves += 1;
      this.#connection.end();
      return true;
    }
    this.#server.requests.push(request);
    this.#server.ways.push(this.visit);
    this.say(
      this.#server.script.answer(request, payload, this) ?? this.#server.carryOut(request, payload),
    );
    return true;
  }
}

/** Whether the replies to an option are the end of the handshake. */
function isEntry(option: number, replies: Bytes): boolean {
  const last = replies.at(-1);
  if (option === OPTION.EXPORT_NAME) return last !== undefined;
  const isGo = option === OPTION.GO && last !== undefined && last.length >= 16;
  return isGo && Buffer.from(last).readUInt32BE(12) === OPTION_REPLY.ACK;
}

/** A server of one disk. */
export class ScriptedServer {
  readonly script: Script;
  /** What the disk holds. */
  readonly bytes: Uint8Array;
  /** What was asked for, in order, over all connections. */
  readonly options: number[] = [];
  readonly requests: NbdRequest[] = [];
  /** Of each request, the visit in which it came. */
  readonly ways: number[] = [];
  readonly heard: Uint8Array[] = [];
  readonly guests = new Set<Guest>();
  /** How many have come, and how many have taken leave. */
  visits = 0;
  leaves = 0;

  constructor(script: Partial<Script> = {}) {
    const { FIXED_NEWSTYLE, NO_ZEROES } = HANDSHAKE_FLAG;
    this.script = {
      size: 64 * 1024,
      flags: USUAL_FLAGS,
      extended: false,
      sizes: { minimum: 1, preferred: 4096, maximum: 1024 * 1024 },
      greeting: encodeGreeting(FIXED_NEWSTYLE | NO_ZEROES),
      option: () => undefined,
      answer: () => undefined,
      ...script,
    };
    this.bytes = new Uint8Array(this.script.size);
  }

  /** Lets a connection in. */
  accept(connection: Connection): void {
    this.visits += 1;
    this.guests.add(new Guest(this, connection));
  }

  /** Cuts all connections, or that of one visit. */
  drop(visit?: number): void {
    for (const guest of this.guests) {
      if (visit === undefined || guest.visit === visit) guest.destroy();
    }
  }

  /** Says something to all that are connected. */
  say(bytes: Bytes): void {
    for (const guest of this.guests) guest.say(bytes);
  }

  /** Does what is asked. @returns The answer. */
  carryOut(request: NbdRequest, payload: Uint8Array): Bytes {
    const { command, offset, length } = request;
    const style = { extended: this.script.extended };
    switch (command) {
      case COMMAND.READ: {
        const data = this.bytes.slice(offset, offset + length);
        return [encodeOffsetData(request, REPLY_FLAG.DONE, style, { offset, length }), data];
      }
      case COMMAND.BLOCK_STATUS: {
        const told = { context: CONTEXT_ID, extents: [{ length, flags: 0 }] };
        return [encodeBlockStatus(request, REPLY_FLAG.DONE, style, told)];
      }
      case COMMAND.WRITE:
        this.bytes.set(payload, offset);
        break;
      case COMMAND.WRITE_ZEROES:
        this.bytes.fill(0, offset, offset + length);
        break;
      default:
    }
    return style.extended
      ? [encodeNone(request, REPLY_FLAG.DONE, style)]
      : [encodeSimpleReply(request, 0)];
  }
}

/** A network with a server, and whoever opens its disk. */
export class NbdRig {
  readonly clock = new FakeClock();
  readonly sockets: SimSockets;
  readonly server: ScriptedServer;
  readonly graph: BlockGraph;

  constructor(script: Partial<Script> = {}) {
    const random = seededRandom(1);
    this.sockets = new SimSockets({ clock: this.clock, random });
    const env = { ...nodeEnv(), clock: this.clock, sockets: this.sockets };
    this.graph = new BlockGraph(
      env,
      driversOf(() => CREDENTIALS),
    );
    this.server = new ScriptedServer(script);
  }

  /** Begins to listen. */
  async listen(): Promise<{ close(): Promise<void> }> {
    return this.sockets.listen(ADDRESS, (connection) => this.server.accept(connection));
  }

  /** Opens the disk of a server that listens. */
  async open(options: object = {}): Promise<BlockNode> {
    await this.listen();
    return this.until(this.connect(options));
  }

  connect(options: object = {}): Promise<BlockNode> {
    return this.graph.open({ driver: 'nbd', server: ADDRESS, discard: 'unmap', ...options });
  }

  /** Lets time pass until something has happened. @returns What has come of it. */
  async until<T>(result: T | Promise<T>): Promise<T> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    const watched = Promise.resolve(result);
    watched.then(end, end);
    for (let passed = 0; !isOver && passed < PASS_MAX_MS; passed += 10)
      await this.clock.advance(10);
    if (!isOver) throw new Error(`Nothing has happened within ${PASS_MAX_MS} ms`);
    return watched;
  }

  /** Closes all, and demands that nothing is left. */
  async close(): Promise<void> {
    await this.until(this.graph.closeAll());
    await this.clock.advance(60_000);
    if (this.clock.timers > 0) throw new Error(`${this.clock.timers} timers are left`);
    const links = this.sockets.links.length;
    if (links > 0) throw new Error(`${links} connections are left`);
  }
}
