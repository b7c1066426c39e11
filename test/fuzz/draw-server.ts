/** What a server that keeps to the protocol could say to a client, drawn by chance. */

import type { Random } from '../../src/base/random.ts';
import { COMMAND, OPTION, OPTION_REPLY, REPLY_FLAG } from '../../src/wire/nbd/constants.ts';
import type { ReplyStyle } from '../../src/wire/nbd/replies.ts';
import type { NbdRequest } from '../../src/wire/nbd/requests.ts';
import type {
  ChunkBody,
  ClientMessage,
  OptionReplyData,
  ServerMessage,
} from '../support/nbd-messages.ts';
import { drawBytes, drawNumber, pick } from './mutations.ts';

type Option = Extract<ClientMessage, { kind: 'option' }>;
type OptionReply = Extract<ServerMessage, { kind: 'option-reply' }>;

const { ACK, SERVER, INFO, META_CONTEXT, ERR_UNSUP } = OPTION_REPLY;
const EMPTY = new Uint8Array(0);
const TEXTS = ['', 'disk', 'the test disk', 'ä€💾', 'x'.repeat(300)] as const;
/** The longest data of a read that is drawn. */
const DATA_MAX = 8192;

/** @returns What the server says, and in which style. */
export function drawServerSession(
  random: Random,
  asked: readonly ClientMessage[],
): { readonly messages: readonly ServerMessage[]; readonly style: ReplyStyle } {
  const messages: ServerMessage[] = [{ kind: 'greeting', flags: random.below(4) }];
  let style: ReplyStyle = { extended: false, structured: false };
  for (const message of asked) {
    if (message.kind === 'option') {
      const replies = drawReplies(message, random, asked);
      style = styleAfter(style, replies.at(-1));
      messages.push(...replies);
    } else if (message.kind === 'request') {
      messages.push(...drawAnswer(message.request, random, style));
    }
  }
  return { messages, style };
}

function styleAfter(style: ReplyStyle, last: ServerMessage | undefined): ReplyStyle {
  if (last?.kind !== 'option-reply' || last.type !== ACK) return style;
  if (last.option === OPTION.EXTENDED_HEADERS) return { extended: true, structured: true };
  return last.option === OPTION.STRUCTURED_REPLY ? { ...style, structured: true } : style;
}

function drawReplies(
  { option }: Option,
  random: Random,
  asked: readonly ClientMessage[],
): readonly ServerMessage[] {
  if (option === OPTION.EXPORT_NAME) {
    const [first] = asked;
    const noZeroes = first?.kind === 'flags' && (first.flags & 2) !== 0;
    return [{ kind: 'export', size: drawNumber(random), flags: random.below(65_536), noZeroes }];
  }
  const reply = (type: number, data: OptionReplyData): OptionReply => ({
    kind: 'option-reply',
    option,
    type,
    data,
  });
  const told = Array.from({ length: random.below(4) }, () => reply(...drawReplyData(random)));
  const isRefused = option !== OPTION.GO && random.below(4) === 0;
  const text = pick(random, TEXTS);
  return [
    ...told,
    isRefused
      ? reply(ERR_UNSUP + random.below(12), { kind: 'message', text })
      : reply(ACK, { kind: 'bytes', bytes: EMPTY }),
  ];
}

function drawReplyData(random: Random): readonly [type: number, data: OptionReplyData] {
  const [name, text, uint32] = [pick(random, TEXTS), pick(random, TEXTS), random.uint32()];
  const size = drawNumber(random);
  const sizes = { minimum: uint32, preferred: random.uint32(), maximum: random.uint32() };
  return pick<readonly [number, OptionReplyData]>(random, [
    [SERVER, { kind: 'server', name, description: text }],
    [META_CONTEXT, { kind: 'context', id: uint32, name }],
    [INFO, { kind: 'info', info: { kind: 'export', size, flags: random.below(65_536) } }],
    [INFO, { kind: 'info', info: { kind: 'name', text } }],
    [INFO, { kind: 'info', info: { kind: 'description', text } }],
    [INFO, { kind: 'info', info: { kind: 'block-size', ...sizes } }],
    [77, { kind: 'bytes', bytes: drawBytes(random, random.below(100)) }],
  ]);
}

function drawAnswer(
  request: NbdRequest,
  random: Random,
  style: ReplyStyle,
): readonly ServerMessage[] {
  const { command, length, cookieHigh, cookieLow } = request;
  const isRead = command === COMMAND.READ;
  const isSimple = !style.structured || (!style.extended && !isRead && random.below(2) === 0);
  if (isSimple) {
    const error = length > DATA_MAX || random.below(4) === 0 ? 1 + random.below(200) : 0;
    const data = isRead && error === 0 ? drawBytes(random, length) : EMPTY;
    return [{ kind: 'simple', to: { cookieHigh, cookieLow }, error, data }];
  }
  const to = { cookieHigh, cookieLow, offset: request.offset };
  const bodies = Array.from({ length: 1 + random.below(4) }, () => drawBody(random, style));
  return bodies.map((body, index) => {
    const flags = index === bodies.length - 1 ? REPLY_FLAG.DONE : 0;
    return { kind: 'chunk', to, flags, body };
  });
}

function drawBody(random: Random, { extended }: ReplyStyle): ChunkBody {
  const [offset, length] = [drawNumber(random), drawNumber(random) % 2 ** 32];
  const wide = () => (extended ? drawNumber(random) : random.uint32());
  const extents = Array.from({ length: 1 + random.below(5) }, () => ({
    length: Math.max(1, wide()),
    flags: wide(),
  }));
  const error = 1 + random.below(200);
  return pick<ChunkBody>(random, [
    { kind: 'none' },
    { kind: 'data', offset, data: drawBytes(random, random.below(1000)) },
    { kind: 'hole', offset, length },
    { kind: 'status', context: random.uint32(), extents },
    { kind: 'error', error, text: pick(random, TEXTS) },
    { kind: 'error', error, text: pick(random, TEXTS), offset },
  ]);
}
