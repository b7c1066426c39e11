/**
 * Cases against the codec, each one made of a seed.
 *
 * A valid session must be read as it was written, and give the same bytes again. Of anything else
 * it must only be true that it is read in the same way however it is cut, that nothing but `EPROTO`
 * comes of it, and that what comes of it is in proportion to what came in.
 */

import { isDeepStrictEqual } from 'node:util';
import { assert } from '../../src/base/assert.ts';
import { BlockError } from '../../src/base/errors.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { concat } from '../support/hex.ts';
import {
  type ClientMessage,
  encodeClientMessage,
  encodeServerMessage,
  type ServerMessage,
} from '../support/nbd-messages.ts';
import { ClientStream, PAYLOAD_MAX, ServerStream } from '../support/nbd-streams.ts';
import { drawClientSession, isExtended } from './draw-client.ts';
import { drawServerSession } from './draw-server.ts';
import { drawBytes, fragment, mutate } from './mutations.ts';
import type { Subject } from './subject.ts';

/** The codec, and what became of the cases. */
export interface CodecSubject extends Subject {
  readonly taken: number;
  readonly refused: number;
}

/** The weight of messages for each byte that came, at most: of a count of 2 bytes, a number. */
const WEIGHT_PER_BYTE = 24;
/** What a message weighs that hardly has bytes. */
const WEIGHT_MIN = 1000;

const PLAN = { names: ['', 'disk', 'ä€💾', 'x'.repeat(200)], size: 64 * 1024 };

interface Stream {
  readonly messages: readonly (ClientMessage | ServerMessage)[];
  readonly waiting: number;
  push(bytes: Uint8Array): void;
}

/** One direction of a session: its bytes, and what reads them. */
interface Direction {
  readonly bytes: Uint8Array;
  readonly open: () => Stream;
  readonly write: (messages: Stream['messages']) => Uint8Array;
}

function drawDirection(random: Random): Direction {
  const asked = drawClientSession(random, PLAN);
  const asClient = { extended: isExtended(asked) };
  // A stream has the messages of its own direction only.
  const writeClient = (messages: Stream['messages']) =>
    concat(...messages.map((message) => encodeClientMessage(message as ClientMessage, asClient)));
  if (random.below(2) === 0) {
    return { bytes: writeClient(asked), open: () => new ClientStream(), write: writeClient };
  }
  const { messages, style } = drawServerSession(random, asked);
  const writeServer = (said: Stream['messages']) =>
    concat(...said.map((message) => encodeServerMessage(message as ServerMessage, style)));
  return {
    bytes: writeServer(messages),
    open: () => new ServerStream(asked),
    write: writeServer,
  };
}

export async function openCodecFuzz(): Promise<CodecSubject> {
  let [taken, refused] = [0, 0];
  return {
    name: 'codec',
    get taken() {
      return taken;
    },
    get refused() {
      return refused;
    },
    run(seed) {
      if (isTaken(seededRandom(seed))) taken += 1;
      else refused += 1;
    },
    async close() {},
  };
}

/** Runs a case. @returns Whether its bytes were taken, and not refused. */
function isTaken(random: Random): boolean {
  const { bytes, open, write } = drawDirection(random);
  const kind = random.below(8);
  if (kind < 2) {
    const [stream, error] = read(open, fragment(bytes, random));
    if (error) throw error;
    assert(stream.waiting === 0, 'all of a valid session is taken');
    assert(Buffer.compare(write(stream.messages), bytes) === 0, 'it is written as it was read');
    return true;
  }
  const bad = kind === 2 ? drawBytes(random, random.below(500)) : mutate(bytes, random);
  const [whole, error] = read(open, [bad]);
  const [cut, cutError] = read(open, fragment(bad, random));
  assert(isDeepStrictEqual(cut.messages, whole.messages), 'messages are the same in all pieces');
  assert(cutError?.message === error?.message, 'errors are the same in all pieces');
  return !error;
}

/** @returns The stream when all was read or it refused, and why it did. */
function read(
  open: () => Stream,
  pieces: readonly Uint8Array[],
): readonly [stream: Stream, error: BlockError | undefined] {
  const stream = open();
  let length = 0;
  let error: BlockError | undefined;
  for (const piece of pieces) {
    length += piece.length;
    try {
      stream.push(piece);
    } catch (thrown) {
      if (!(thrown instanceof BlockError) || thrown.code !== 'EPROTO') throw thrown;
      error = thrown;
      break;
    }
    assert(stream.waiting <= PAYLOAD_MAX + 1024, 'what waits is less than the longest message');
  }
  const weight = weigh(stream.messages);
  assert(weight <= WEIGHT_MIN + length * WEIGHT_PER_BYTE, 'messages are in proportion to bytes');
  return [stream, error];
}

/** About the memory that a value takes, in bytes. */
function weigh(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  return Object.values(value).reduce<number>((sum, part) => sum + weigh(part), 8);
}
