/**
 * The messages of an NBD connection as values, and as the bytes that the codec makes of them.
 *
 * {@link ClientStream} and {@link ServerStream} read them back, so that a whole session can be
 * compared with its bytes.
 */

import { unreachable } from '../../src/base/assert.ts';
import { OPTION, OPTION_REPLY, REPLY_TYPE } from '../../src/wire/nbd/constants.ts';
import {
  encodeClientFlags,
  encodeExportNameReply,
  encodeGreeting,
} from '../../src/wire/nbd/greeting.ts';
import {
  decodeInfo,
  decodeMetaContext,
  decodeServer,
  type ExportInfo,
  encodeInfo,
  encodeMetaContext,
  encodeOptionReply,
  encodeServer,
  type ListedExport,
  type MetaContext,
} from '../../src/wire/nbd/option-replies.ts';
import {
  decodeInfoRequest,
  decodeMetaContextRequest,
  encodeInfoRequest,
  encodeMetaContextRequest,
  encodeOption,
  type InfoRequest,
  type MetaContextRequest,
} from '../../src/wire/nbd/options.ts';
import {
  type Answered,
  decodeBlockStatus,
  decodeError,
  decodeOffset,
  decodeOffsetHole,
  type ErrorChunk,
  encodeBlockStatus,
  encodeError,
  encodeNone,
  encodeOffsetData,
  encodeOffsetHole,
  encodeSimpleReply,
  isErrorType,
  type StatusExtent,
} from '../../src/wire/nbd/replies.ts';
import {
  type Cookie,
  encodeRequest,
  type HeaderStyle,
  type NbdRequest,
} from '../../src/wire/nbd/requests.ts';
import { decodeMessage, decodeText, encodeMessage, encodeText } from '../../src/wire/nbd/texts.ts';
import { concat } from './hex.ts';

/** What a client says. */
export type ClientMessage =
  | { readonly kind: 'flags'; readonly flags: number }
  | { readonly kind: 'option'; readonly option: number; readonly data: OptionData }
  | { readonly kind: 'request'; readonly request: NbdRequest; readonly payload: Uint8Array };

export type OptionData =
  | { readonly kind: 'name'; readonly name: string }
  | ({ readonly kind: 'info' } & InfoRequest)
  | ({ readonly kind: 'contexts' } & MetaContextRequest)
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array };

/** What a server says. */
export type ServerMessage =
  | { readonly kind: 'greeting'; readonly flags: number }
  | { readonly kind: 'oldstyle'; readonly size: number; readonly flags: number }
  | {
      readonly kind: 'export';
      readonly size: number;
      readonly flags: number;
      readonly noZeroes: boolean;
    }
  | {
      readonly kind: 'option-reply';
      readonly option: number;
      readonly type: number;
      readonly data: OptionReplyData;
    }
  | {
      readonly kind: 'simple';
      readonly to: Cookie;
      readonly error: number;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: 'chunk';
      readonly to: Answered;
      readonly flags: number;
      readonly body: ChunkBody;
    };

export type OptionReplyData =
  | ({ readonly kind: 'server' } & ListedExport)
  | { readonly kind: 'info'; readonly info: Exclude<ExportInfo, { kind: 'other' }> }
  | ({ readonly kind: 'context' } & MetaContext)
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array };

export type ChunkBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'data'; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'hole'; readonly offset: number; readonly length: number }
  | {
      readonly kind: 'status';
      readonly context: number;
      readonly extents: readonly StatusExtent[];
    }
  | ({ readonly kind: 'error' } & ErrorChunk)
  | { readonly kind: 'unknown'; readonly type: number };

export function encodeClientMessage(message: ClientMessage, style: HeaderStyle): Uint8Array {
  switch (message.kind) {
    case 'flags':
      return encodeClientFlags(message.flags);
    case 'option':
      return encodeOption(message.option, encodeOptionData(message.data));
    case 'request':
      return concat(encodeRequest(message.request, style), message.payload);
    default:
      return unreachable(message);
  }
}

function encodeOptionData(data: OptionData): Uint8Array {
  switch (data.kind) {
    case 'name':
      return encodeText(data.name);
    case 'info':
      return encodeInfoRequest(data);
    case 'contexts':
      return encodeMetaContextRequest(data);
    case 'bytes':
      return data.bytes;
    default:
      return unreachable(data);
  }
}

/** @throws {BlockError} `EPROTO` */
export function decodeOptionData(option: number, bytes: Uint8Array): OptionData {
  switch (option) {
    case OPTION.EXPORT_NAME:
      return { kind: 'name', name: decodeText(bytes) };
    case OPTION.INFO:
    case OPTION.GO:
      return { kind: 'info', ...decodeInfoRequest(bytes) };
    case OPTION.LIST_META_CONTEXT:
    case OPTION.SET_META_CONTEXT:
      return { kind: 'contexts', ...decodeMetaContextRequest(bytes) };
    default:
      return { kind: 'bytes', bytes };
  }
}

export function encodeServerMessage(message: ServerMessage, style: HeaderStyle): Uint8Array {
  switch (message.kind) {
    case 'greeting':
      return encodeGreeting(message.flags);
    case 'oldstyle':
      throw new Error('Cannot greet: the codec has no greeting of old');
    case 'export':
      return encodeExportNameReply(message, message);
    case 'option-reply':
      return encodeOptionReply(message.option, message.type, encodeReplyData(message.data));
    case 'simple':
      return concat(encodeSimpleReply(message.to, message.error), message.data);
    case 'chunk':
      return encodeChunk(message, style);
    default:
      return unreachable(message);
  }
}

function encodeReplyData(data: OptionReplyData): Uint8Array {
  switch (data.kind) {
    case 'server':
      return encodeServer(data);
    case 'info':
      return encodeInfo(data.info);
    case 'context':
      return encodeMetaContext(data);
    case 'message':
      return encodeMessage(data.text);
    case 'bytes':
      return data.bytes;
    default:
      return unreachable(data);
  }
}

/** @throws {BlockError} `EPROTO` */
export function decodeReplyData(type: number, bytes: Uint8Array): OptionReplyData {
  if (type === OPTION_REPLY.SERVER) return { kind: 'server', ...decodeServer(bytes) };
  if (type === OPTION_REPLY.META_CONTEXT) return { kind: 'context', ...decodeMetaContext(bytes) };
  if (type >= OPTION_REPLY.ERR_UNSUP) return { kind: 'message', text: decodeMessage(bytes) };
  if (type !== OPTION_REPLY.INFO) return { kind: 'bytes', bytes };
  const info = decodeInfo(bytes);
  return info.kind === 'other' ? { kind: 'bytes', bytes } : { kind: 'info', info };
}

type Chunk = Extract<ServerMessage, { kind: 'chunk' }>;

function encodeChunk({ to, flags, body }: Chunk, style: HeaderStyle): Uint8Array {
  switch (body.kind) {
    case 'none':
      return encodeNone(to, flags, style);
    case 'data': {
      const { offset, data } = body;
      return concat(encodeOffsetData(to, flags, style, { offset, length: data.length }), data);
    }
    case 'hole':
      return encodeOffsetHole(to, flags, style, body);
    case 'status':
      return encodeBlockStatus(to, flags, style, body);
    case 'error':
      return encodeError(to, flags, style, body);
    case 'unknown':
      throw new Error(`Cannot encode a chunk of type ${body.type}`);
    default:
      return unreachable(body);
  }
}

/** @throws {BlockError} `EPROTO` */
export function decodeChunkBody(type: number, payload: Uint8Array): ChunkBody {
  if (isErrorType(type)) return { kind: 'error', ...decodeError(type, payload) };
  switch (type) {
    case REPLY_TYPE.NONE:
      return { kind: 'none' };
    case REPLY_TYPE.OFFSET_DATA:
      return { kind: 'data', offset: decodeOffset(payload), data: payload.subarray(8) };
    case REPLY_TYPE.OFFSET_HOLE:
      return { kind: 'hole', ...decodeOffsetHole(payload) };
    case REPLY_TYPE.BLOCK_STATUS:
    case REPLY_TYPE.BLOCK_STATUS_EXT:
      return { kind: 'status', ...decodeBlockStatus(type, payload) };
    default:
      return { kind: 'unknown', type };
  }
}
