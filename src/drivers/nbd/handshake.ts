/**
 * The handshake of a client: asks for the best that there is, and takes what the server has
 * (`doc/proto.md`, "Handshake phase").
 *
 *     fixed newstyle    STARTTLS, EXTENDED_HEADERS or STRUCTURED_REPLY, SET_META_CONTEXT, GO
 *     without GO        LIST, to say which export is missing; then EXPORT_NAME
 *     newstyle          EXPORT_NAME, to which the only other answer is a closed connection
 *     oldstyle          nothing to be said
 */

import type { BlockError } from '../../base/errors.ts';
import type { TlsOptions } from '../../env/sockets.ts';
import {
  ALLOCATION_CONTEXT,
  HANDSHAKE_FLAG,
  INFO,
  OPTION,
  OPTION_REPLY,
} from '../../wire/nbd/constants.ts';
import {
  type ExportFacts,
  encodeClientFlags,
  GreetingReader,
  nextExportNameReply,
} from '../../wire/nbd/greeting.ts';
import {
  type BlockSizes,
  decodeInfo,
  decodeMetaContext,
  decodeServer,
} from '../../wire/nbd/option-replies.ts';
import { encodeInfoRequest, encodeMetaContextRequest } from '../../wire/nbd/options.ts';
import type { ReplyStyle } from '../../wire/nbd/replies.ts';
import { encodeText } from '../../wire/nbd/texts.ts';
import type { Dialogue } from './dialogue.ts';
import { OptionTalk } from './option-talk.ts';
import type { Terms } from './terms.ts';

/** What the client wants. */
export interface Wishes {
  readonly exportName: string;
  /** Refuse to speak without TLS. */
  readonly tls: TlsOptions | undefined;
  /** A context that must be there, and takes the place of "base:allocation". */
  readonly context: string | undefined;
}

const SIMPLE: ReplyStyle = { structured: false, extended: false };

/**
 * Shakes hands.
 *
 * @throws {BlockError} `ENOENT` for an export that is not there, `EACCES` when one side refuses the
 *   other, `EPROTO` for a server that does not keep to the protocol, `EINVAL` for other refusals.
 */
export function shakeHands(dialogue: Dialogue, wishes: Wishes): Promise<Terms> {
  return new Handshake(dialogue, wishes).run();
}

class Handshake {
  readonly #dialogue: Dialogue;
  readonly #talk: OptionTalk;
  readonly #wishes: Wishes;
  #noZeroes = false;

  constructor(dialogue: Dialogue, wishes: Wishes) {
    this.#dialogue = dialogue;
    this.#talk = new OptionTalk(dialogue);
    this.#wishes = wishes;
  }

  async run(): Promise<Terms> {
    const terms = await this.#agree();
    const { context } = this.#wishes;
    if (context === undefined || terms.context !== undefined) return terms;
    throw this.#dialogue.refusal('EINVAL', `requested x-dirty-bitmap ${context} not found`);
  }

  async #agree(): Promise<Terms> {
    const dialogue = this.#dialogue;
    const { tls, exportName } = this.#wishes;
    const reader = new GreetingReader();
    const greeting = await dialogue.hear((inflow) => reader.next(inflow));
    if (greeting.style === 'oldstyle') {
      if (tls) throw this.#noTls();
      if (exportName === '') return plainTerms(greeting);
      throw dialogue.refusal('ENOENT', 'Server does not support non-empty export names');
    }
    const { FIXED_NEWSTYLE, NO_ZEROES } = HANDSHAKE_FLAG;
    const agreed = greeting.flags & (FIXED_NEWSTYLE | NO_ZEROES);
    this.#noZeroes = (agreed & NO_ZEROES) !== 0;
    dialogue.say(encodeClientFlags(agreed));
    if (agreed & FIXED_NEWSTYLE) return this.#negotiate();
    if (tls) throw this.#noTls();
    return this.#enter();
  }

  /** Of a server that replies to options. */
  async #negotiate(): Promise<Terms> {
    const { tls } = this.#wishes;
    if (tls) {
      if (!(await this.#talk.ask(OPTION.STARTTLS))) throw this.#noTls();
      await this.#dialogue.startTls(tls);
    }
    const style = await this.#agreeOnStyle();
    const context = style.structured ? await this.#chooseContext() : undefined;
    const told = await this.#go();
    if (told) return { ...told, style, context };
    await this.#demandListed();
    return this.#enter();
  }

  async #agreeOnStyle(): Promise<ReplyStyle> {
    const talk = this.#talk;
    if (await talk.ask(OPTION.EXTENDED_HEADERS)) return { structured: true, extended: true };
    if (await talk.ask(OPTION.STRUCTURED_REPLY)) return { structured: true, extended: false };
    return SIMPLE;
  }

  /** @returns What the server calls the context that the client wants, if it has it. */
  async #chooseContext(): Promise<number | undefined> {
    const { exportName: name, context: wanted = ALLOCATION_CONTEXT } = this.#wishes;
    const asked = encodeMetaContextRequest({ name, queries: [wanted] });
    const { SET_META_CONTEXT } = OPTION;
    const replies = await this.#talk.ask(SET_META_CONTEXT, asked, OPTION_REPLY.META_CONTEXT);
    const contexts = (replies ?? []).map(decodeMetaContext);
    const other = contexts.find((context) => context.name !== wanted);
    if (!other) return contexts[0]?.id;
    throw this.#dialogue.violation(`it chose "${other.name}", which nobody asked for`);
  }

  /** @returns What is told of the export; nothing when the server does not know the option. */
  async #go(): Promise<(ExportFacts & Pick<Terms, 'sizes'>) | undefined> {
    const asked = encodeInfoRequest({ name: this.#wishes.exportName, wanted: [INFO.BLOCK_SIZE] });
    const replies = await this.#talk.ask(OPTION.GO, asked, OPTION_REPLY.INFO);
    if (!replies) return undefined;
    let facts: ExportFacts | undefined;
    let sizes: BlockSizes | undefined;
    for (const reply of replies) {
      const info = decodeInfo(reply);
      if (info.kind === 'export') facts = { size: info.size, flags: info.flags };
      if (info.kind === 'block-size') sizes = info;
    }
    if (!facts) throw this.#dialogue.violation('it did not tell the size of the export');
    return { ...facts, sizes };
  }

  /** EXPORT_NAME has no way to say that there is no such export, but LIST has. */
  async #demandListed(): Promise<void> {
    const { exportName } = this.#wishes;
    const replies = await this.#talk.ask(OPTION.LIST, undefined, OPTION_REPLY.SERVER);
    if (!replies || replies.map(decodeServer).some(({ name }) => name === exportName)) return;
    throw this.#dialogue.refusal('ENOENT', `No export with name '${exportName}' available`);
  }

  async #enter(): Promise<Terms> {
    const style = { noZeroes: this.#noZeroes };
    this.#talk.say(OPTION.EXPORT_NAME, encodeText(this.#wishes.exportName));
    return plainTerms(await this.#dialogue.hear((inflow) => nextExportNameReply(inflow, style)));
  }

  #noTls(): BlockError {
    return this.#dialogue.refusal('EACCES', 'Server does not support STARTTLS');
  }
}

/** Without structured replies and GO, there is nothing but the size and the flags. */
function plainTerms({ size, flags }: ExportFacts): Terms {
  return { size, flags, style: SIMPLE, context: undefined, sizes: undefined };
}
