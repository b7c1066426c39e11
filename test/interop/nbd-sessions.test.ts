/**
 * Sessions of other people's servers and clients, as `fixtures/nbd/` has them: the codec reads both
 * directions of each, however they are cut, and writes the same bytes again.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { concat, cutEverywhere, hex, toHex } from '../support/hex.ts';
import {
  type ClientMessage,
  encodeClientMessage,
  encodeServerMessage,
  type ServerMessage,
} from '../support/nbd-messages.ts';
import { ClientStream, ServerStream } from '../support/nbd-streams.ts';

const FOLDER = new URL('../../fixtures/nbd/', import.meta.url);

interface Session {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
  /** A server of old is greeted by nobody, and asks for no options. */
  readonly isOldstyle: boolean;
}

function readSession(name: string): Session {
  const lines = readFileSync(new URL(name, FOLDER), 'utf8').trim().split('\n');
  const said = (who: string) =>
    concat(...lines.filter((line) => line.startsWith(who)).map((line) => hex(line.slice(2))));
  const isOldstyle = name.includes('oldstyle');
  return { client: said('C'), server: said('S'), isOldstyle };
}

/** Demands that a stream reads the same messages from bytes in whatever pieces. */
function messagesOf<Message>(
  bytes: Uint8Array,
  open: () => { readonly messages: readonly Message[]; push(bytes: Uint8Array): void },
): readonly Message[] {
  const whole = open();
  whole.push(bytes);
  for (const pieces of cutEverywhere(bytes)) {
    const stream = open();
    for (const piece of pieces) stream.push(piece);
    expect(isDeepStrictEqual(stream.messages, whole.messages)).toBe(true);
  }
  return whole.messages;
}

function kindsOf(messages: readonly (ClientMessage | ServerMessage)[]): readonly string[] {
  return messages.map((message) => {
    if (message.kind === 'option-reply') return message.data.kind;
    return message.kind === 'chunk' ? message.body.kind : message.kind;
  });
}

const files = readdirSync(FOLDER).sort();
const newstyle = files.filter((name) => !readSession(name).isOldstyle);

describe('recorded sessions', () => {
  it.each(newstyle)('are read in both directions, and written again: %s', (name) => {
    const { client, server } = readSession(name);
    const asked = messagesOf(client, () => new ClientStream());
    const style = { extended: false };
    const askedAgain = concat(...asked.map((message) => encodeClientMessage(message, style)));
    expect(toHex(askedAgain)).toBe(toHex(client));

    const answered = messagesOf(server, () => new ServerStream(asked));
    const again = concat(...answered.map((message) => encodeServerMessage(message, style)));
    expect(toHex(again)).toBe(toHex(server));
  });

  it('of the old style begin with all that is known of the export', () => {
    const { server } = readSession('nbdkit-oldstyle.txt');
    const answered = messagesOf(server, () => new ServerStream([]));
    expect(answered).toEqual([{ kind: 'oldstyle', size: 8192, flags: 0x503 }]);
  });

  it('say what the tools were told to do', () => {
    const { client, server } = readSession('qemu-io.txt');
    const [asked, stream] = [new ClientStream(), readSession('nbdkit-error.txt')];
    asked.push(client);
    const requests = asked.messages.flatMap((message) =>
      message.kind === 'request' ? [message.request] : [],
    );
    expect(requests.map(({ command, offset, length }) => [command, offset, length])).toEqual([
      [0, 1024, 512],
      [1, 2048, 512],
      [1, 4096, 512],
      [6, 8192, 4096],
      [4, 16_384, 4096],
      [3, 0, 0],
      [3, 0, 0],
      [2, 0, 0],
    ]);

    const answers = new ServerStream(asked.messages);
    answers.push(server);
    expect(kindsOf(answers.messages)).toEqual([
      ...['greeting', 'bytes', 'context', 'bytes', 'info', 'info', 'info', 'bytes'],
      ...['data', 'simple', 'simple', 'simple', 'simple', 'simple', 'simple'],
    ]);

    const failed = new ClientStream();
    failed.push(stream.client);
    const failures = new ServerStream(failed.messages);
    failures.push(stream.server);
    const body = { kind: 'error', error: 5, text: '' };
    expect(failures.messages.at(-1)).toMatchObject({ kind: 'chunk', body });
  });
});
