/** Options and the replies to them, one after the other, and what refusals say in QEMU's words. */

import type { BlockError, BlockErrorCode } from '../../base/errors.ts';
import { OPTION, OPTION_REPLY } from '../../wire/nbd/constants.ts';
import { type OptionReply, OptionReplyReader } from '../../wire/nbd/option-replies.ts';
import { encodeOption } from '../../wire/nbd/options.ts';
import type { Dialogue } from './dialogue.ts';

/** How many replies one option may have: LIST has one for each export. */
const REPLIES_MAX = 10_000;
/** The bytes that these may have together. */
const BYTES_MAX = 4 * 1024 * 1024;

export class OptionTalk {
  readonly #dialogue: Dialogue;
  readonly #reader = new OptionReplyReader();

  /** @param dialogue After the greeting of a server of the newstyle. */
  constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
  }

  /** Sends an option. */
  say(option: number, data?: Uint8Array): void {
    this.#dialogue.say(encodeOption(option, data));
  }

  /**
   * Sends an option and waits for the last reply.
   *
   * @param expected The type of the replies before the acknowledgement, one of
   *   {@link OPTION_REPLY}; unset, there must be none.
   * @returns The data of those; `undefined` when the server does not know the option.
   * @throws {BlockError} When the server refuses.
   */
  async ask(
    option: number,
    data?: Uint8Array,
    expected?: number,
  ): Promise<readonly Uint8Array[] | undefined> {
    this.say(option, data);
    const replies: Uint8Array[] = [];
    let bytes = 0;
    for (;;) {
      const reply = await this.#dialogue.hear((inflow) => this.#reader.next(inflow));
      if (reply.option !== option) {
        throw this.#dialogue.violation(`it replied to option ${reply.option} instead of ${option}`);
      }
      if (reply.type === OPTION_REPLY.ERR_UNSUP) return undefined;
      if (reply.type === OPTION_REPLY.ACK) return replies;
      if (reply.type !== expected) throw this.#refusalOf(reply);
      replies.push(reply.data.slice());
      bytes += reply.data.length;
      if (replies.length > REPLIES_MAX || bytes > BYTES_MAX) {
        throw this.#dialogue.violation('its replies to an option do not end');
      }
    }
  }

  #refusalOf({ option, type, data }: OptionReply): BlockError {
    const dialogue = this.#dialogue;
    if (!isError(type)) {
      return dialogue.violation(`a reply to option ${option} has the type ${type}`);
    }
    // A courtesy: there is nothing more to be asked.
    this.say(OPTION.ABORT);
    const said = new TextDecoder().decode(data);
    const more = said === '' ? '' : ` (server reported: ${said})`;
    // QEMU has what the server says for its user only, who is not told by way of a monitor.
    const refusal = (refusalCode: BlockErrorCode, told: string) =>
      dialogue.refusal(refusalCode, `${told}${more}`, told);
    if (type === ERR_UNKNOWN) return refusal('ENOENT', 'Requested export not available');
    const [code, text] = REFUSALS[type] ?? ['EINVAL', 'Unknown error code when asking for option'];
    const hint = type === ERR_TLS_REQD ? '; did you forget a valid tls-creds?' : '';
    return refusal(code, `${text} ${option} (${nameOf(option)})${hint}`);
  }
}

function isError(type: number): boolean {
  return type >= 2 ** 31;
}

const { ERR_POLICY, ERR_INVALID, ERR_PLATFORM, ERR_TLS_REQD, ERR_UNKNOWN } = OPTION_REPLY;
const { ERR_SHUTDOWN, ERR_BLOCK_SIZE_REQD } = OPTION_REPLY;

/** What QEMU says; its texts end in the number and the name of the option, but for two. */
const REFUSALS: Readonly<Record<number, readonly [BlockErrorCode, string]>> = {
  [ERR_POLICY]: ['EACCES', 'Denied by server for option'],
  [ERR_INVALID]: ['EINVAL', 'Invalid parameters for option'],
  [ERR_PLATFORM]: ['ENOTSUP', 'Server lacks support for option'],
  [ERR_TLS_REQD]: ['EACCES', 'TLS negotiation required before option'],
  [ERR_SHUTDOWN]: ['ESHUTDOWN', 'Server shutting down before option'],
  [ERR_BLOCK_SIZE_REQD]: ['EINVAL', 'Server requires INFO_BLOCK_SIZE for option'],
};

function nameOf(option: number): string {
  return NAMES[option] ?? 'unknown';
}

/** As QEMU has them. */
const NAMES: Readonly<Record<number, string>> = {
  [OPTION.EXPORT_NAME]: 'export name',
  [OPTION.LIST]: 'list',
  [OPTION.STARTTLS]: 'starttls',
  [OPTION.GO]: 'go',
  [OPTION.STRUCTURED_REPLY]: 'structured reply',
  [OPTION.SET_META_CONTEXT]: 'set meta context',
  [OPTION.EXTENDED_HEADERS]: 'extended headers',
};
