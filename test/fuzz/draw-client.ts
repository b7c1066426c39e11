/** Sessions as clients that keep to the protocol could have them, drawn by chance. */

import type { Random } from '../../src/base/random.ts';
import { COMMAND, COMMAND_FLAG, OPTION } from '../../src/wire/nbd/constants.ts';
import type { NbdRequest } from '../../src/wire/nbd/requests.ts';
import type { ClientMessage } from '../support/nbd-messages.ts';
import { drawBytes, drawNumber, pick } from './mutations.ts';

/** What a session is drawn for. */
export interface SessionPlan {
  /** The exports that there are, and perhaps some that there are not. */
  readonly names: readonly string[];
  /** Bytes of the disks: most requests lie in them. */
  readonly size: number;
}

const OPTIONS_MAX = 4;
const REQUESTS_MAX = 16;
/** Some come more often than others; it is not always the end. */
const COMMANDS = [
  ...Object.values(COMMAND).flatMap((command) => [command, command]),
  ...[COMMAND.READ, COMMAND.READ, COMMAND.WRITE, COMMAND.WRITE, 8],
].filter((command, index) => command !== COMMAND.DISC || index % 2 === 0);
const PAYLOADS = [1, 7, 512, 512, 512, 1024] as const;
const { EXPORT_NAME, ABORT, LIST, STARTTLS, INFO, GO } = OPTION;
const { STRUCTURED_REPLY, LIST_META_CONTEXT, SET_META_CONTEXT, EXTENDED_HEADERS } = OPTION;

/** Whether the client has asked for extended headers, as of which it uses them. */
export function isExtended(messages: readonly ClientMessage[]): boolean {
  return messages.some(
    (message) => message.kind === 'option' && message.option === EXTENDED_HEADERS,
  );
}

export function drawClientSession(random: Random, plan: SessionPlan): readonly ClientMessage[] {
  const flags: ClientMessage = { kind: 'flags', flags: pick(random, [3, 3, 3, 1]) };
  const wanted = [
    ...(random.below(3) > 0 ? [STRUCTURED_REPLY] : []),
    ...(random.below(3) === 0 ? [EXTENDED_HEADERS] : []),
    ...(random.below(2) === 0 ? [SET_META_CONTEXT] : []),
    ...Array.from({ length: random.below(OPTIONS_MAX) }, () =>
      pick(random, [LIST, INFO, LIST_META_CONTEXT, SET_META_CONTEXT, ABORT, 4, 99]),
    ),
    random.below(5) === 0 ? EXPORT_NAME : GO,
  ].filter((option) => option !== ABORT || random.below(10) === 0);
  const options = wanted.map((option) => drawOption(option, random, plan));
  const handshake = [flags, ...options];
  const requests = Array.from({ length: random.below(REQUESTS_MAX) }, () =>
    drawRequest(random, { ...plan, extended: isExtended(handshake) }),
  );
  return [...handshake, ...requests];
}

function drawOption(option: number, random: Random, plan: SessionPlan): ClientMessage {
  const name = pick(random, plan.names);
  switch (option) {
    case EXPORT_NAME:
      return { kind: 'option', option, data: { kind: 'name', name } };
    case INFO:
    case GO: {
      const wanted = Array.from({ length: random.below(4) }, () => random.below(5));
      return { kind: 'option', option, data: { kind: 'info', name, wanted } };
    }
    case LIST_META_CONTEXT:
    case SET_META_CONTEXT: {
      const known = ['base:allocation', 'base:', 'qemu:', 'qemu:dirty-bitmap:x', 'ä:', ''];
      const queries = Array.from({ length: random.below(4) }, () => pick(random, known));
      return { kind: 'option', option, data: { kind: 'contexts', name, queries } };
    }
    case LIST:
    case ABORT:
    case STARTTLS:
    case STRUCTURED_REPLY:
    case EXTENDED_HEADERS:
      return { kind: 'option', option, data: { kind: 'bytes', bytes: new Uint8Array(0) } };
    default: {
      const bytes = drawBytes(random, random.below(300));
      return { kind: 'option', option, data: { kind: 'bytes', bytes } };
    }
  }
}

interface RequestPlan extends SessionPlan {
  readonly extended: boolean;
}

function drawRequest(random: Random, { size, extended }: RequestPlan): ClientMessage {
  const command = pick(random, COMMANDS);
  const isWild = random.below(8) === 0;
  const isWrite = command === COMMAND.WRITE;
  const flags =
    (isWild ? random.below(64) & ~COMMAND_FLAG.PAYLOAD_LEN : random.below(2)) |
    (isWrite && extended ? COMMAND_FLAG.PAYLOAD_LEN : 0);
  const payload = drawBytes(random, isWrite ? pick(random, PAYLOADS) : 0);
  const wildLength = extended ? drawNumber(random) : drawNumber(random) % 2 ** 32;
  const request: NbdRequest = {
    command,
    flags,
    cookieHigh: random.uint32(),
    cookieLow: random.uint32(),
    offset: isWild ? drawNumber(random) : 512 * random.below(size / 512),
    length: isWrite ? payload.length : isWild ? wildLength : pick(random, PAYLOADS),
  };
  return { kind: 'request', request, payload };
}
