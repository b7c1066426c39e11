/** The commands that read: `read`, `readv` and `aio_read`. */

import { type IoCommand, type IoContext, IoStop, usageOf } from './command.ts';
import { carryOutDetached } from './detached.ts';
import { readLength, readLengths, readPattern, readSize } from './numbers.ts';
import { demandOperands, parseOptions } from './options.ts';
import { dump, reportTransfer } from './report.ts';
import { carryOut, demandWithin, unsupported } from './request.ts';

/** What is read, and what is done with it. */
interface ReadRequest {
  readonly offset: number;
  readonly length: number;
  /** What it is to be full of, or a part of it. */
  readonly expected?: {
    readonly pattern: number;
    /** Within what is read. */
    readonly start: number;
    readonly length: number;
  };
  /** `q` for quiet, `v` for a dump, `C` for a report in one line. */
  readonly flags: ReadonlySet<string>;
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
  const length = readLengths(operands.slice(1)).reduce((sum, each) => sum + each, 0);
  const { P: pattern } = given.values;
  const expected = pattern !== undefined && { pattern, start: 0, length };
  return { offset, length, flags: given.flags, ...(expected && { expected }) };
}

/** @param action As for {@link carryOut}. @throws {IoStop} Likewise. */
async function perform(action: string, request: ReadRequest, context: IoContext): Promise<void> {
  const { offset, length, expected, flags } = request;
  let bytes = new Uint8Array();
  const durationMs = await carryOut(action, context, (edge) => {
    demandWithin(edge, offset, length);
    bytes = new Uint8Array(length);
    return edge.read(offset, bytes);
  });
  if (expected) {
    const part = bytes.subarray(expected.start, expected.start + expected.length);
    if (part.some((byte) => byte !== expected.pattern)) {
      const place = `offset ${offset + expected.start}, ${expected.length} bytes`;
      context.print(`Pattern verification failed at ${place}\n`);
    }
  }
  if (flags.has('q')) return;
  if (flags.has('v')) dump(bytes, { offset }, context);
  const transfer = { verb: 'read', offset, length, durationMs };
  reportTransfer(transfer, { terse: flags.has('C') }, context);
}

/** @throws {IoStop} Where the state of a machine could not be, which is stored in sectors. */
export function demandSectors(offset: number, count: number): void {
  for (const [name, value] of Object.entries({ offset, count })) {
    if (value % 512 !== 0) {
      throw new IoStop(`${value} is not a sector-aligned value for '${name}'`);
    }
  }
}
