/**
 * The handshake of one connection, up to the choice of an export (`doc/proto.md`, "Fixed newstyle
 * negotiation").
 *
 *     server   greeting                 replies            (TLS)      replies      transmission
 *     client             flags  options          STARTTLS       options ... GO
 *
 * One option is answered after the other. What a client sends behind STARTTLS before there is TLS
 * ends the connection: somebody on the way could have put it there. Under TLS all begins anew.
 */

import { BlockError } from '../../base/errors.ts';
import type { Connection, Receiver, TlsCredentials } from '../../env/sockets.ts';
import { Inflow } from '../../wire/inflow.ts';
import { HANDSHAKE_FLAG, OPTION, OPTION_REPLY } from '../../wire/nbd/constants.ts';
import { encodeExportNameReply, encodeGreeting, nextClientFlags } from '../../wire/nbd/greeting.ts';
import { encodeOptionReply } from '../../wire/nbd/option-replies.ts';
import { nextOption, type OptionHeader } from '../../wire/nbd/options.ts';
import { decodeText } from '../../wire/nbd/texts.ts';
import type { ExportDirectory } from './directory.ts';
import { type Answer, Negotiation, refusal } from './negotiation.ts';
import type { Chosen } from './transmission.ts';

/** How a server secures its connections. */
export interface NbdServerTls {
  readonly credentials: TlsCredentials;
  /** Without TLS a client gets nothing. @default true */
  readonly required?: boolean | undefined;
}

/** What a handshake has, and whom it tells of its end. */
export interface HandshakeParts {
  readonly connection: Connection;
  readonly exports: ExportDirectory;
  readonly tls: NbdServerTls | undefined;
  /** An export is chosen; `inflow` has what came after that. The connection is the caller's. */
  readonly onChosen: (chosen: Chosen, connection: Connection, inflow: Inflow) => void;
  /** The connection is over. */
  readonly onOver: () => void;
}

/** Data of an option that are looked at, in bytes: those of some hundred queries. */
const OPTION_LENGTH_MAX = 64 * 1024;
/** No client could mean more: after that the connection is at its end. */
const OPTION_LENGTH_SANE = 32 * 1024 * 1024;
/** Bytes of replies that a client has not taken when no more of its options are answered. */
const REPLY_BYTES_MAX = 64 * 1024;

const { FIXED_NEWSTYLE, NO_ZEROES } = HANDSHAKE_FLAG;

export class Handshake implements Receiver {
  readonly #parts: HandshakeParts;
  #connection: Connection;
  #inflow = new Inflow();
  #negotiation: Negotiation;
  #clientFlags: number | undefined;
  #option: OptionHeader | undefined;
  /** Bytes of data that are passed over. */
  #skipped = 0;
  /** `elsewhere` the connection is in other hands: those of TLS, or of what comes after. */
  #state: 'open' | 'elsewhere' | 'over' = 'open';
  #isSecure = false;

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
    this.#connection = parts.connection;
    this.#negotiation = new Negotiation(parts.exports);
  }

  /** Greets the client. */
  start(): void {
    this.#connection.receive(this);
    this.#connection.write(encodeGreeting(FIXED_NEWSTYLE | NO_ZEROES));
  }

  /** Ends it at once. */
  stop(): void {
    this.#connection.destroy();
  }

  data(bytes: Uint8Array): void {
    if (this.#state !== 'open') return;
    const inflow = this.#inflow;
    inflow.push(bytes);
    this.#process();
    inflow.keep();
  }

  drained(): void {
    if (this.#state !== 'open') return;
    this.#connection.resume();
    this.#process();
  }

  closed(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#parts.onOver();
  }

  #process(): void {
    try {
      while (this.#state === 'open') {
        if (this.#connection.pendingBytes > REPLY_BYTES_MAX) {
          this.#connection.pause();
          return;
        }
        if (!this.#step()) return;
      }
    } catch (error) {
      if (!(error instanceof BlockError) || error.code !== 'EPROTO') throw error;
      this.stop();
    }
  }

  /** @returns Whether there was enough to go on with. */
  #step(): boolean {
    if (this.#clientFlags === undefined) return this.#takeFlags();
    if (this.#skipped > 0) return this.#skip();
    this.#option ??= nextOption(this.#inflow);
    if (!this.#option) return false;
    const { option, length } = this.#option;
    if (length > OPTION_LENGTH_MAX) {
      if (option === OPTION.EXPORT_NAME || length > OPTION_LENGTH_SANE) throw senseless(length);
      this.#skipped = length;
      return this.#skip();
    }
    if (this.#inflow.length < length) return false;
    this.#option = undefined;
    this.#answer(option, this.#inflow.take(length));
    return true;
  }

  #takeFlags(): boolean {
    this.#clientFlags = nextClientFlags(this.#inflow);
    if (this.#clientFlags === undefined) return false;
    if ((this.#clientFlags & ~(FIXED_NEWSTYLE | NO_ZEROES)) === 0) return true;
    throw new BlockError('EPROTO', 'begin the NBD handshake', 'the client has flags unknown here');
  }

  #skip(): boolean {
    this.#skipped -= this.#inflow.skip(this.#skipped);
    if (this.#skipped > 0 || !this.#option) return false;
    const { option, length } = this.#option;
    this.#option = undefined;
    const text = `at most ${OPTION_LENGTH_MAX} bytes: ${length}`;
    this.#reply(option, refusal(OPTION_REPLY.ERR_TOO_BIG, text));
    return true;
  }

  #answer(option: number, data: Uint8Array): void {
    const { tls } = this.#parts;
    if (option === OPTION.ABORT) {
      this.#reply(option, { type: OPTION_REPLY.ACK });
      this.#connection.end();
      this.#state = 'elsewhere';
    } else if (option === OPTION.STARTTLS) {
      this.#secure(data);
    } else if (tls && tls.required !== false && !this.#isSecure) {
      if (option === OPTION.EXPORT_NAME) {
        throw new BlockError('EPROTO', 'choose an NBD export', 'TLS has to come first');
      }
      this.#reply(option, refusal(OPTION_REPLY.ERR_TLS_REQD, 'TLS has to come first'));
    } else if (option === OPTION.EXPORT_NAME) {
      this.#choose(data);
    } else {
      const { answers, chosen } = this.#negotiation.answer(option, data);
      for (const answer of answers) this.#reply(option, answer);
      if (chosen) this.#handOver(chosen);
    }
  }

  /** EXPORT_NAME, which knows no error but the end of the connection. */
  #choose(data: Uint8Array): void {
    const name = decodeText(data);
    const chosen = this.#negotiation.choose(name, { minimum: 1 });
    if (!chosen) {
      throw new BlockError('EPROTO', 'choose an NBD export', `there is none called "${name}"`);
    }
    const { target, style } = chosen;
    const facts = { size: target.edge.size, flags: target.flags(style) };
    const noZeroes = ((this.#clientFlags ?? 0) & NO_ZEROES) !== 0;
    this.#connection.write(encodeExportNameReply(facts, { noZeroes }));
    this.#handOver(chosen);
  }

  #handOver(chosen: Chosen): void {
    this.#state = 'elsewhere';
    this.#parts.onChosen(chosen, this.#connection, this.#inflow);
  }

  #secure(data: Uint8Array): void {
    const { tls } = this.#parts;
    const option = OPTION.STARTTLS;
    if (data.length > 0) this.#reply(option, refusal(OPTION_REPLY.ERR_INVALID, 'it has no data'));
    else if (!tls) this.#reply(option, refusal(OPTION_REPLY.ERR_POLICY, 'TLS is not set up'));
    else if (this.#isSecure) {
      this.#reply(option, refusal(OPTION_REPLY.ERR_INVALID, 'there is TLS already'));
    } else if (this.#inflow.length > 0) {
      throw new BlockError('EPROTO', 'start TLS', 'the client says more before it has begun');
    } else {
      this.#reply(option, { type: OPTION_REPLY.ACK });
      this.#state = 'elsewhere';
      void this.#shakeHands(tls.credentials);
    }
  }

  async #shakeHands(credentials: TlsCredentials): Promise<void> {
    try {
      this.#connection = await this.#connection.startTls({ side: 'server', ...credentials });
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      this.closed();
      return;
    }
    this.#isSecure = true;
    // Of what was agreed on before, somebody else may have said a part.
    this.#negotiation = new Negotiation(this.#parts.exports);
    this.#inflow = new Inflow();
    this.#state = 'open';
    this.#connection.receive(this);
  }

  #reply(option: number, { type, data }: Answer): void {
    this.#connection.write(encodeOptionReply(option, type, data));
  }
}

function senseless(length: number): BlockError {
  return new BlockError('EPROTO', 'answer an NBD option', `it has ${length} bytes of data`);
}
