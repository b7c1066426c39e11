/**
 * The two directions of an NBD connection, read with the codec into messages.
 *
 *     ClientStream   flags | option ... | request, payload ...
 *     ServerStream   greeting | reply to an option ... | reply, payload ...
 *
 * GO and EXPORT_NAME are taken to succeed, and so are the options that change the style of the
 * messages: what they are depends on the other direction. No payload is longer than
 * {@link PAYLOAD_MAX}, and nothing is kept of a direction but its messages.
 */

import { BlockError } from '../../src/base/errors.ts';
import { Inflow } from '../../src/wire/inflow.ts';
import { HANDSHAKE_FLAG, OPTION, OPTION_REPLY } from '../../src/wire/nbd/constants.ts';
import {
  GreetingReader,
  nextClientFlags,
  nextExportNameReply,
} from '../../src/wire/nbd/greeting.ts';
import { OptionReplyReader } from '../../src/wire/nbd/option-replies.ts';
import { nextOption } from '../../src/wire/nbd/options.ts';
import { ReplyReader, type ReplyStyle } from '../../src/wire/nbd/replies.ts';
import { type Cookie, payloadLength, RequestReader } from '../../src/wire/nbd/requests.ts';
import {
  type ClientMessage,
  decodeChunkBody,
  decodeOptionData,
  decodeReplyData,
  type ServerMessage,
} from './nbd-messages.ts';

/** The longest payload or data of an option that a stream takes: 64 KiB, and where they belong. */
export const PAYLOAD_MAX = 64 * 1024 + 8;

/** Reads a part of a message; gives nothing when not all of it has come. */
type Step = () => Next | undefined;
interface Next {
  readonly step: Step;
}

/** What both directions have: bytes come in, and are taken step by step. */
class Stream<Message> {
  readonly inflow = new Inflow();
  readonly messages: Message[] = [];
  #step: Step;

  constructor(first: Step) {
    this.#step = first;
  }

  /** @throws {BlockError} `EPROTO` */
  push(bytes: Uint8Array): void {
    this.inflow.push(bytes);
    this.inflow.keep();
    for (let next = this.#step(); next; next = this.#step()) this.#step = next.step;
  }

  /** Takes a payload as it comes, into a buffer of its own. */
  payload(length: number, then: (payload: Uint8Array) => Step): Next {
    if (length > PAYLOAD_MAX) {
      throw new BlockError('EPROTO', 'take a payload', `${length} bytes are too many`);
    }
    const bytes = new Uint8Array(length);
    let taken = 0;
    const step = () => {
      taken += this.inflow.takeInto(bytes, taken);
      return taken === length ? { step: then(bytes) } : undefined;
    };
    return { step };
  }
}

/** What a client says, as a server reads it. */
export class ClientStream {
  readonly #stream = new Stream<ClientMessage>(() => this.#flags());
  #requests: RequestReader | undefined;
  #extended = false;

  get messages(): readonly ClientMessage[] {
    return this.#stream.messages;
  }

  get style(): { readonly extended: boolean } {
    return { extended: this.#extended };
  }

  push(bytes: Uint8Array): void {
    this.#stream.push(bytes);
  }

  /** How many bytes have come that are not a message yet. */
  get waiting(): number {
    return this.#stream.inflow.length;
  }

  #flags(): Next | undefined {
    const flags = nextClientFlags(this.#stream.inflow);
    if (flags === undefined) return undefined;
    this.#stream.messages.push({ kind: 'flags', flags });
    return { step: () => this.#option() };
  }

  #option(): Next | undefined {
    const header = nextOption(this.#stream.inflow);
    if (!header) return undefined;
    const { option, length } = header;
    return this.#stream.payload(length, (bytes) => {
      this.#stream.messages.push({ kind: 'option', option, data: decodeOptionData(option, bytes) });
      if (option === OPTION.EXTENDED_HEADERS) this.#extended = true;
      if (option !== OPTION.GO && option !== OPTION.EXPORT_NAME) return () => this.#option();
      this.#requests = new RequestReader(this.style);
      return () => this.#request();
    });
  }

  #request(): Next | undefined {
    const request = this.#requests?.next(this.#stream.inflow);
    if (!request) return undefined;
    return this.#stream.payload(payloadLength(request, this.style), (payload) => {
      this.#stream.messages.push({ kind: 'request', request, payload });
      return () => this.#request();
    });
  }
}

/** What a server says to a client that has said `asked`. */
export class ServerStream {
  readonly #stream = new Stream<ServerMessage>(() => this.#greet());
  readonly #greeting = new GreetingReader();
  readonly #optionReplies = new OptionReplyReader();
  readonly #asked: readonly ClientMessage[];
  /** The requests by cookie, in order: a cookie may be used again. */
  readonly #requests = new Map<string, { readonly offset: number; readonly length: number }[]>();
  #replies: ReplyReader | undefined;
  #style: ReplyStyle = { extended: false, structured: false };

  constructor(asked: readonly ClientMessage[]) {
    this.#asked = asked;
    for (const message of asked) {
      if (message.kind !== 'request') continue;
      const { offset, length, command } = message.request;
      const key = keyOf(message.request);
      const known = this.#requests.get(key) ?? [];
      this.#requests.set(key, [...known, { offset, length: command === 0 ? length : 0 }]);
    }
  }

  get messages(): readonly ServerMessage[] {
    return this.#stream.messages;
  }

  get style(): ReplyStyle {
    return this.#style;
  }

  get waiting(): number {
    return this.#stream.inflow.length;
  }

  push(bytes: Uint8Array): void {
    this.#stream.push(bytes);
  }

  #greet(): Next | undefined {
    const greeting = this.#greeting.next(this.#stream.inflow);
    if (!greeting) return undefined;
    const { flags } = greeting;
    const isNewstyle = greeting.style === 'newstyle';
    this.#stream.messages.push(
      isNewstyle ? { kind: 'greeting', flags } : { kind: 'oldstyle', size: greeting.size, flags },
    );
    return isNewstyle ? this.#negotiate() : this.#transmit();
  }

  /** Options are over when all were replied to but the one that gets no reply of that form. */
  #negotiate(): Next {
    const options = this.#asked.filter(({ kind }) => kind === 'option');
    const replies = this.#stream.messages.filter(
      (message) => message.kind === 'option-reply' && isFinal(message.type),
    );
    const next = options[replies.length];
    const isExportName = next?.kind === 'option' && next.option === OPTION.EXPORT_NAME;
    return { step: () => (isExportName ? this.#exportName() : this.#optionReply()) };
  }

  #exportName(): Next | undefined {
    const [first] = this.#asked;
    const noZeroes = first?.kind === 'flags' && (first.flags & HANDSHAKE_FLAG.NO_ZEROES) !== 0;
    const facts = nextExportNameReply(this.#stream.inflow, { noZeroes });
    if (!facts) return undefined;
    this.#stream.messages.push({ kind: 'export', ...facts, noZeroes });
    return this.#transmit();
  }

  #optionReply(): Next | undefined {
    const reply = this.#optionReplies.next(this.#stream.inflow);
    if (!reply) return undefined;
    const { option, type } = reply;
    const data = decodeReplyData(type, reply.data);
    this.#stream.messages.push({ kind: 'option-reply', option, type, data });
    if (type !== OPTION_REPLY.ACK) return this.#negotiate();
    if (option === OPTION.STRUCTURED_REPLY) this.#style = { ...this.#style, structured: true };
    if (option === OPTION.EXTENDED_HEADERS) this.#style = { extended: true, structured: true };
    return option === OPTION.GO ? this.#transmit() : this.#negotiate();
  }

  #transmit(): Next {
    this.#replies = new ReplyReader(this.#style);
    return { step: () => this.#reply() };
  }

  #reply(): Next | undefined {
    const reply = this.#replies?.next(this.#stream.inflow);
    if (!reply) return undefined;
    const { cookieHigh, cookieLow } = reply;
    const to = { cookieHigh, cookieLow };
    const asked = this.#requests.get(keyOf(reply)) ?? [];
    const [{ offset, length } = { offset: 0, length: 0 }] = asked;
    const isLast = reply.kind === 'simple' || (reply.flags & 1) !== 0;
    if (isLast) asked.shift();
    if (reply.kind === 'simple') {
      return this.#stream.payload(reply.error === 0 ? length : 0, (data) => {
        this.#stream.messages.push({ kind: 'simple', to, error: reply.error, data });
        return () => this.#reply();
      });
    }
    const { flags, type } = reply;
    return this.#stream.payload(reply.length, (payload) => {
      const body = decodeChunkBody(type, payload);
      this.#stream.messages.push({ kind: 'chunk', to: { ...to, offset }, flags, body });
      return () => this.#reply();
    });
  }
}

function keyOf({ cookieHigh, cookieLow }: Cookie): string {
  return `${cookieHigh}/${cookieLow}`;
}

/** Whether a reply to an option is the last one to it. */
function isFinal(type: number): boolean {
  return type === OPTION_REPLY.ACK || type >= OPTION_REPLY.ERR_UNSUP;
}
