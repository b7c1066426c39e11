/** An NBD server on a test disk, and clients that say exactly what the test wants. */

import type { BlockNode } from '../../src/block/node.ts';
import { nodeEnv } from '../../src/env/node.ts';
import type { ExportEvent } from '../../src/exports/events.ts';
import type { NbdExport, NbdExportOptions } from '../../src/exports/nbd/export.ts';
import { NbdServer, type NbdServerOptions } from '../../src/exports/nbd/server.ts';
import { Inflow } from '../../src/wire/inflow.ts';
import { COMMAND, COMMAND_FLAG, OPTION, OPTION_REPLY } from '../../src/wire/nbd/constants.ts';
import { encodeClientFlags, GreetingReader } from '../../src/wire/nbd/greeting.ts';
import { OptionReplyReader } from '../../src/wire/nbd/option-replies.ts';
import {
  encodeInfoRequest,
  encodeMetaContextRequest,
  encodeOption,
} from '../../src/wire/nbd/options.ts';
import { ReplyReader, type ReplyStyle } from '../../src/wire/nbd/replies.ts';
import { encodeRequest, type NbdRequest } from '../../src/wire/nbd/requests.ts';
import { nodeOf, pattern, TestDisk, type TestDiskOptions } from './drivers.ts';
import { FakeClock } from './fake-clock.ts';
import { HandConnection } from './hand-connection.ts';
import { concat } from './hex.ts';
import {
  type ChunkBody,
  decodeChunkBody,
  decodeReplyData,
  type OptionReplyData,
} from './nbd-messages.ts';
import { settle } from './settle.ts';

/** Bytes of the disk. */
export const SIZE = 1024 * 1024;

export interface ServerRigOptions extends Pick<NbdServerOptions, 'limits' | 'tls'> {
  readonly disk?: Partial<TestDiskOptions>;
  readonly export?: Partial<NbdExportOptions>;
}

/** All that came in reply to one request. */
export interface Reply {
  readonly cookie: number;
  /** 0, or one of {@link NBD_ERROR}. */
  readonly error: number;
  /** Of a simple reply. */
  readonly data?: Uint8Array;
  readonly chunks: readonly ChunkBody[];
}

/** A reply to an option. */
export interface OptionAnswer {
  readonly type: number;
  readonly data: OptionReplyData;
}

export class ServerRig {
  readonly clock = new FakeClock();
  readonly disk: TestDisk;
  readonly node: BlockNode;
  readonly server: NbdServer;
  readonly served: NbdExport;
  readonly events: ExportEvent[] = [];

  constructor({ limits, tls, disk = {}, ...options }: ServerRigOptions = {}) {
    this.disk = new TestDisk({ size: SIZE, ...disk });
    this.disk.bytes.set(pattern(this.disk.bytes.length));
    this.node = nodeOf(this.disk, { unmap: true });
    const env = { ...nodeEnv(), clock: this.clock };
    const onEvent = (event: ExportEvent) => this.events.push(event);
    this.server = new NbdServer({ env, limits, tls, onEvent });
    const usual = { id: 'export0', node: this.node, name: 'disk', writable: true };
    this.served = this.server.add({ ...usual, ...options.export });
  }

  /** A client that has said nothing yet. */
  connect(): RigClient {
    const connection = new HandConnection();
    this.server.accept(connection);
    return new RigClient(connection);
  }

  /** A client in the transmission phase. */
  async open(wish: Wish = {}): Promise<RigClient> {
    const client = this.connect();
    await client.choose(wish);
    return client;
  }
}

/** How a client wants it. */
export interface Wish extends Partial<ReplyStyle> {
  /** @default "disk" */
  readonly name?: string;
  /** What it wants to be told of blocks. */
  readonly contexts?: readonly string[];
  /** What it asks of the export: {@link INFO}. */
  readonly wanted?: readonly number[];
}

export class RigClient {
  readonly connection: HandConnection;
  readonly #inflow = new Inflow();
  readonly #optionReplies = new OptionReplyReader();
  readonly #lengths = new Map<number, number>();
  readonly #chunks = new Map<number, ChunkBody[]>();
  #style: ReplyStyle;
  #replyReader: ReplyReader | undefined;
  #cookie = 0;

  /** @param style What was agreed on, where there is no handshake. */
  constructor(connection: HandConnection, style?: ReplyStyle) {
    this.connection = connection;
    this.#style = style ?? { structured: false, extended: false };
  }

  /** Takes the greeting, and answers with flags. */
  async greet(flags = 3): Promise<void> {
    await this.#hear();
    if (!new GreetingReader().next(this.#inflow)) throw new Error('There was no greeting');
    this.say(encodeClientFlags(flags));
  }

  say(...parts: readonly Uint8Array[]): void {
    this.connection.say(concat(...parts));
  }

  /** Says an option. @returns The replies. */
  async option(option: number, data?: Uint8Array): Promise<readonly OptionAnswer[]> {
    this.say(encodeOption(option, data));
    return this.answers();
  }

  /** @returns The replies to options that have come. */
  async answers(): Promise<readonly OptionAnswer[]> {
    await this.#hear();
    const answers: OptionAnswer[] = [];
    for (;;) {
      const reply = this.#optionReplies.next(this.#inflow);
      if (!reply) return answers;
      const { option, type } = reply;
      if (option === OPTION.STRUCTURED_REPLY && type === OPTION_REPLY.ACK) {
        this.#style = { ...this.#style, structured: true };
      } else if (option === OPTION.EXTENDED_HEADERS && type === OPTION_REPLY.ACK) {
        this.#style = { structured: true, extended: true };
      }
      answers.push({ type, data: decodeReplyData(type, reply.data) });
    }
  }

  /** Goes through the handshake. @returns The replies to GO. */
  async choose(wish: Wish = {}): Promise<readonly OptionAnswer[]> {
    const { name = 'disk', structured, extended, contexts, wanted = [] } = wish;
    await this.greet();
    if (structured || contexts) await this.option(OPTION.STRUCTURED_REPLY);
    if (extended) await this.option(OPTION.EXTENDED_HEADERS);
    if (contexts) {
      const data = encodeMetaContextRequest({ name, queries: contexts });
      await this.option(OPTION.SET_META_CONTEXT, data);
    }
    return this.option(OPTION.GO, encodeInfoRequest({ name, wanted }));
  }

  /** Builds a request; its cookie is its number, from 1 on. */
  build(request: Partial<NbdRequest>, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
    this.#cookie += 1;
    const whole = { flags: 0, command: COMMAND.READ, offset: 0, length: 0, ...request };
    if (whole.command === COMMAND.WRITE) {
      if (request.length === undefined) whole.length = payload.length;
      if (this.#style.extended) whole.flags |= COMMAND_FLAG.PAYLOAD_LEN;
    }
    this.#lengths.set(this.#cookie, whole.command === COMMAND.READ ? whole.length : 0);
    const cookie = { cookieHigh: 0, cookieLow: this.#cookie };
    return concat(encodeRequest({ ...whole, ...cookie }, this.#style), payload);
  }

  /** Says a request, without waiting. */
  send(request: Partial<NbdRequest>, payload?: Uint8Array): void {
    this.say(this.build(request, payload));
  }

  /** Says a request, and waits. @returns The reply, when it is the only one. */
  async ask(request: Partial<NbdRequest>, payload?: Uint8Array): Promise<Reply> {
    this.send(request, payload);
    const [reply, ...rest] = await this.replies();
    if (!reply || rest.length > 0) throw new Error(`There were ${rest.length + 1} replies or none`);
    return reply;
  }

  /** @returns The whole replies that have come. */
  async replies(): Promise<readonly Reply[]> {
    await this.#hear();
    this.#replyReader ??= new ReplyReader(this.#style);
    const replies: Reply[] = [];
    for (;;) {
      const reply = this.#replyReader.next(this.#inflow);
      if (!reply) return replies;
      const { cookieLow: cookie } = reply;
      if (reply.kind === 'simple') {
        const data = this.#inflow.take(reply.error === 0 ? (this.#lengths.get(cookie) ?? 0) : 0);
        replies.push({ cookie, error: reply.error, data, chunks: [] });
        continue;
      }
      const body = decodeChunkBody(reply.type, this.#inflow.take(reply.length));
      const chunks = [...(this.#chunks.get(cookie) ?? []), body];
      this.#chunks.set(cookie, chunks);
      if (reply.flags !== 1) continue;
      this.#chunks.delete(cookie);
      const failed = chunks.find((chunk) => chunk.kind === 'error');
      replies.push({ cookie, error: failed?.error ?? 0, chunks });
    }
  }

  async #hear(): Promise<void> {
    await settle();
    this.#inflow.push(this.connection.hear());
  }
}
