/** The commands that read: `read`, `readv` and `aio_read`. */

import { type IoCommand, type IoContext, IoStop, usageOf } from './command.ts';
import { carryOutDetached } from './detached.ts';
import { readLength, readLengths, readPattern, readSize } from './numbers.ts';
import { demandOperands, parseOptions } from './options.ts';
import { dump } from './report.ts';
import { carryOut, demandSectors, unsupported } from './request.ts';
import { type TransferRequest, transfer } from './transfer.ts';

/** What is read, and what is done with it. */
interface ReadRequest extends TransferRequest {
  /** What it is to be full of, or a part of it. */
  readonly expected?: Expected;
}

/** What bytes are to be that are read. */
interface Expected {
  readonly pattern: number;
  /** Within what is read. */
  readonly start: number;
  readonly length: number;
}

export const read: IoCommand = {
  name: 'read',
  alias: 'r',
  usage: '[-abCqv] [-P pattern [-s off] [-l len]] off len',
  summary: 'reads a number of bytes at a specified offset',
  countMin: 2,
  countMax: Number.POSITIVE_INFINITY,
  async run(words, context) {
    const readers = { l: readSize, P: readPattern, s: readSize };
    const given = parseOptions(read, words, { flags: 'bCpqv', readers }, context);
    const { flags, values } = given;
    const operands = demandOperands(read, given.operands);
    const [offset, length] = [readSize(operands[0]), readLength(operands[1])];
    const { P: pattern, s: start = 0, l: expectedLength = length - start } = values;
    const isPart = values.s !== undefined || values.l !== undefined;
    if (pattern === undefined && isPart) throw new IoStop(usageOf(read));
    if (expectedLength < 0 || start + expectedLength > length) {
      throw new IoStop('pattern verification range exceeds end of read data');
    }
    if (flags.has('b')) {
      demandSectors(offset, length);
      await carryOut('read', context, unsupported);
    }
    const expected = pattern !== undefined && { pattern, start, length: expectedLength };
    await perform('read', { offset, length, flags, ...(expected && { expected }) }, context);
  },
};

export const readv: IoCommand = {
  name: 'readv',
  usage: '[-Cqv] [-P pattern] off len [len..]',
  summary: 'reads a number of bytes at a specified offset',
  countMin: 2,
  countMax: Number.POSITIVE_INFINITY,
  async run(words, context) {
    await perform('readv', vectored(readv, words, 'Cqv', context), context);
  },
};

export const aioRead: IoCommand = {
  name: 'aio_read',
  usage: '[-Ciqv] [-P pattern] off len [len..]',
  summary: 'asynchronously reads a number of bytes',
  countMin: 2,
  countMax: Number.POSITIVE_INFINITY,
  run(words, context) {
    const request = vectored(aioRead, words, 'Ciqv', context);
    carryOutDetached('read', request, context, () => perform('readv', request, context));
  },
};

/** Reads the arguments of a command that takes several lengths. */
function vectored(
  command: IoCommand,
  words: readonly string[],
  flags: string,
  context: IoContext,
): ReadRequest {
  const readers = { P: readPattern };
  const given = parseOptions(command, words, { flags, readers }, context);
  const operands = demandOperands(command, given.operands, { max: Number.POSITIVE_INFINITY });
  const offset = readSize(operands[0]);
  const length = readLengths(operands.slice(1));
  const { P: pattern } = given.values;
  const expected = pattern !== undefined && { pattern, start: 0, length };
  return { offset, length, flags: given.flags, ...(expected && { expected }) };
}

/** @param action As for {@link transfer}. @throws {IoStop} Likewise. */
function perform(action: string, request: ReadRequest, context: IoContext): Promise<void> {
  const { offset, length, expected, flags } = request;
  let bytes = new Uint8Array();
  return transfer(request, context, {
    action,
    verb: 'read',
    start(edge) {
      bytes = new Uint8Array(length);
      return edge.read(offset, bytes);
    },
    done() {
      if (expected) verify(bytes, { offset, ...expected }, context);
      if (flags.has('v') && !flags.has('q')) dump(bytes, { offset }, context);
    },
  });
}

function verify(
  bytes: Uint8Array,
  { offset, start, length, pattern }: Expected & { readonly offset: number },
  { print }: IoContext,
): void {
  if (bytes.subarray(start, start + length).every((byte) => byte === pattern)) return;
  print(`Pattern verification failed at offset ${offset + start}, ${length} bytes\n`);
}
