/**
 * What a client and the server have agreed on so far, and the answers to its options
 * (`doc/proto.md`, "Option types"); those that change the connection itself are answered elsewhere.
 */

import { BlockError } from '../../base/errors.ts';
import { INFO, OPTION, OPTION_REPLY } from '../../wire/nbd/constants.ts';
import { encodeInfo, encodeMetaContext, encodeServer } from '../../wire/nbd/option-replies.ts';
import { decodeInfoRequest, decodeMetaContextRequest } from '../../wire/nbd/options.ts';
import type { ReplyStyle } from '../../wire/nbd/replies.ts';
import type { ExportDirectory } from './directory.ts';
import type { NbdExport } from './export.ts';
import { type ChosenContext, listContexts, selectContexts } from './meta-contexts.ts';
import type { Chosen } from './transmission.ts';

/** A reply to an option. */
export interface Answer {
  /** One of {@link OPTION_REPLY}. */
  readonly type: number;
  readonly data?: Uint8Array;
}

/** All replies to an option, and what was chosen by it. */
export interface Response {
  readonly answers: readonly Answer[];
  /** The transmission begins after the replies. */
  readonly chosen?: Chosen;
}

/** Of a name that is longer a refusal shows only so much. */
const NAME_SHOWN_MAX = 80;

const ACK: Answer = { type: OPTION_REPLY.ACK };

/** @returns The reply of an error, with a text for people. */
export function refusal(type: number, text: string): Answer {
  return { type, data: new TextEncoder().encode(text) };
}

export class Negotiation {
  readonly #exports: ExportDirectory;
  #style: ReplyStyle = { structured: false, extended: false };
  /** What block status is to tell, of the export that it was asked for. */
  #contexts: { readonly of: NbdExport; readonly chosen: readonly ChosenContext[] } | undefined;

  constructor(exports: ExportDirectory) {
    this.#exports = exports;
  }

  /** Answers an option. */
  answer(option: number, data: Uint8Array): Response {
    try {
      return this.#answer(option, data);
    } catch (error) {
      if (!(error instanceof BlockError) || error.code !== 'EPROTO') throw error;
      return { answers: [refusal(OPTION_REPLY.ERR_INVALID, error.reason)] };
    }
  }

  /** @returns What the transmission needs to know, or `undefined` when there is no such export. */
  choose(name: string, { minimum }: { readonly minimum: number }): Chosen | undefined {
    const target = this.#exports.find(name);
    if (!target || target.hasLostPower) return undefined;
    const contexts = this.#contexts?.of === target ? this.#contexts.chosen : [];
    return { target, style: this.#style, contexts, minimum };
  }

  #answer(option: number, data: Uint8Array): Response {
    switch (option) {
      case OPTION.LIST:
        return { answers: this.#list(data) };
      case OPTION.INFO:
      case OPTION.GO:
        return this.#inform(option, data);
      case OPTION.STRUCTURED_REPLY:
      case OPTION.EXTENDED_HEADERS:
        return { answers: [this.#setStyle(option, data)] };
      case OPTION.LIST_META_CONTEXT:
      case OPTION.SET_META_CONTEXT:
        return { answers: this.#findContexts(option, data) };
      default:
        return { answers: [refusal(OPTION_REPLY.ERR_UNSUP, `no option ${option}`)] };
    }
  }

  #list(data: Uint8Array): readonly Answer[] {
    if (data.length > 0) return [refusal(OPTION_REPLY.ERR_INVALID, 'it has no data')];
    const servers = this.#exports.all.map((it) => ({
      type: OPTION_REPLY.SERVER,
      data: encodeServer(it),
    }));
    return [...servers, ACK];
  }

  #setStyle(option: number, data: Uint8Array): Answer {
    const { structured, extended } = this.#style;
    if (data.length > 0) return refusal(OPTION_REPLY.ERR_INVALID, 'it has no data');
    const isExtending = option === OPTION.EXTENDED_HEADERS;
    if (extended && !isExtending) {
      return refusal(OPTION_REPLY.ERR_EXT_HEADER_REQD, 'extended headers are agreed on');
    }
    if (extended || (structured && !isExtending)) {
      return refusal(OPTION_REPLY.ERR_INVALID, 'it is agreed on already');
    }
    this.#style = { structured: true, extended: isExtending };
    return ACK;
  }

  #inform(option: number, data: Uint8Array): Response {
    const { name, wanted } = decodeInfoRequest(data);
    // Who does not ask for the block sizes need not keep to them: the disk makes up for that.
    const asksSizes = wanted.includes(INFO.BLOCK_SIZE);
    const target = this.#exports.find(name);
    const chosen = this.choose(name, {
      minimum: asksSizes ? (target?.blockSizes.minimum ?? 1) : 1,
    });
    if (!chosen) return { answers: [target ? LOST_POWER : unknownExport(name)] };
    const answers = this.#infoOf(chosen, wanted).map((info) => ({
      type: OPTION_REPLY.INFO,
      data: info,
    }));
    return option === OPTION.GO
      ? { answers: [...answers, ACK], chosen }
      : { answers: [...answers, ACK] };
  }

  #infoOf({ target, style, minimum }: Chosen, wanted: readonly number[]): readonly Uint8Array[] {
    const { name, description, blockSizes, edge } = target;
    const flags = target.flags(style);
    const infos = [
      encodeInfo({ kind: 'block-size', ...blockSizes, minimum }),
      encodeInfo({ kind: 'export', size: edge.size, flags }),
    ];
    if (wanted.includes(INFO.NAME)) infos.push(encodeInfo({ kind: 'name', text: name }));
    if (wanted.includes(INFO.DESCRIPTION) && description !== '') {
      infos.push(encodeInfo({ kind: 'description', text: description }));
    }
    return infos;
  }

  #findContexts(option: number, data: Uint8Array): readonly Answer[] {
    const isSetting = option === OPTION.SET_META_CONTEXT;
    // A choice that fails leaves none.
    if (isSetting) this.#contexts = undefined;
    if (!this.#style.structured) {
      return [refusal(OPTION_REPLY.ERR_INVALID, 'structured replies have to come first')];
    }
    const { name, queries } = decodeMetaContextRequest(data);
    const target = this.#exports.find(name);
    if (!target) return [unknownExport(name)];
    const contexts = isSetting ? selectContexts(target, queries) : listContexts(target, queries);
    if (isSetting) this.#contexts = { of: target, chosen: contexts };
    const answers = contexts.map((context) => ({
      type: OPTION_REPLY.META_CONTEXT,
      // What is only listed has no number yet.
      data: encodeMetaContext(isSetting ? context : { ...context, id: 0 }),
    }));
    return [...answers, ACK];
  }
}

const LOST_POWER = refusal(
  OPTION_REPLY.ERR_SHUTDOWN,
  'the disk has lost power, and with it what was not flushed',
);

function unknownExport(name: string): Answer {
  const shown = name.length < NAME_SHOWN_MAX ? name : `${name.slice(0, NAME_SHOWN_MAX)}...`;
  return refusal(OPTION_REPLY.ERR_UNKNOWN, `export '${shown}' not present`);
}
