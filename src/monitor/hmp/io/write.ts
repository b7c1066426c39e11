/** The commands that write: `write`, `writev` and `aio_write`. */

import type { BlockEdge } from '../../../block/edge.ts';
import { type IoCommand, type IoContext, IoStop } from './command.ts';
import { carryOutDetached } from './detached.ts';
import { REQUEST_MAX, readLengths, readPattern, readSize } from './numbers.ts';
import { demandOperands, type Given, parseOptions } from './options.ts';
import { readPatternFile } from './pattern-file.ts';
import { carryOut, demandSectors, unsupported } from './request.ts';
import { type TransferRequest, transfer } from './transfer.ts';

/** What the bytes are that are written where nothing else is said. */
const PATTERN = 0xcd;

/** What is written. */
interface WriteRequest extends TransferRequest {
  /** What is repeated there; `undefined` for zeroes that are not sent. */
  readonly pattern: Uint8Array | undefined;
}

interface WriteValues {
  readonly P: number;
  readonly s: string;
}

export const write: IoCommand = {
  name: 'write',
  alias: 'w',
  usage: '[-bcCfnquz] [-P pattern | -s source_file] off len',
  summary: 'writes a number of bytes at a specified offset',
  countMin: 2,
  countMax: Number.POSITIVE_INFINITY,
  needs: ['write'],
  async run(words, context) {
    const readers = { P: readPattern, s: (path: string) => path };
    const given = parseOptions(write, words, { flags: 'bcCfnpquz', readers }, context);
    const operands = demandOperands(write, given.operands);
    demandTogether(given);
    const { flags, values } = given;
    const offset = readSize(operands[0]);
    const length = readSize(operands[1]);
    if (length > REQUEST_MAX && !flags.has('n')) {
      throw new IoStop(`length cannot exceed ${REQUEST_MAX} without -n, given ${operands[1]}`);
    }
    const isElsewhere = flags.has('b') || (flags.has('c') && !flags.has('z'));
    if (flags.has('b') || flags.has('c')) demandSectors(offset, length);
    const isZeroes = flags.has('z');
    const pattern = isZeroes ? undefined : await patternOf(values, context);
    if (!isZeroes && !pattern) return;
    if (isElsewhere) await carryOut('write', context, unsupported);
    await perform('write', { offset, length, pattern, flags }, context);
  },
};

export const writev: IoCommand = {
  name: 'writev',
  usage: '[-Cfq] [-P pattern] off len [len..]',
  summary: 'writes a number of bytes at a specified offset',
  countMin: 2,
  countMax: Number.POSITIVE_INFINITY,
  needs: ['write'],
  async run(words, context) {
    await perform('writev', vectored(writev, words, 'Cfq', context), context);
  },
};

export const aioWrite: IoCommand = {
  name: 'aio_write',
  usage: '[-Cfiquz] [-P pattern] off len [len..]',
  summary: 'asynchronously writes a number of bytes',
  countMin: 2,
  countMax: Number.POSITIVE_INFINITY,
  needs: ['write'],
  run(words, context) {
    const request = vectored(aioWrite, words, 'Cfiquz', context);
    carryOutDetached('write', request, context, () => perform('aio_write', request, context));
  },
};

/** Reads the arguments of a command that takes several lengths, but one only for zeroes. */
function vectored(
  command: IoCommand,
  words: readonly string[],
  flags: string,
  context: IoContext,
): WriteRequest {
  const given = parseOptions(command, words, { flags, readers: { P: readPattern } }, context);
  const operands = demandOperands(command, given.operands, { max: Number.POSITIVE_INFINITY });
  const isZeroes = given.flags.has('z');
  if (isZeroes && operands.length > 2) {
    throw new IoStop('-z supports only a single length parameter');
  }
  demandZeroes(given.flags, 'u');
  const offset = readSize(operands[0]);
  const length = isZeroes ? readSize(operands[1]) : readLengths(operands.slice(1));
  const pattern = isZeroes ? undefined : Uint8Array.of(given.values.P ?? PATTERN);
  return { offset, length, pattern, flags: given.flags };
}

/** @throws {IoStop} For options of `write` that do not go together. */
function demandTogether({ flags, values }: Given<WriteValues>): void {
  if (flags.has('b') && flags.has('z')) {
    throw new IoStop('-b and -z cannot be specified at the same time');
  }
  if (flags.has('f') && (flags.has('b') || flags.has('c'))) {
    throw new IoStop('-f and -b or -c cannot be specified at the same time');
  }
  demandZeroes(flags, 'n');
  demandZeroes(flags, 'u');
  const sources = [flags.has('z'), values.P !== undefined, values.s !== undefined];
  if (sources.filter((isGiven) => isGiven).length > 1) {
    throw new IoStop('Only one of -z, -P, and -s can be specified at the same time');
  }
}

function demandZeroes(flags: ReadonlySet<string>, flag: string): void {
  if (flags.has(flag) && !flags.has('z')) {
    throw new IoStop(`-${flag} requires -z to be specified`);
  }
}

/** @returns `undefined` when there is none, which was told. */
async function patternOf(
  { P, s }: Partial<WriteValues>,
  context: IoContext,
): Promise<Uint8Array | undefined> {
  if (s === undefined) return Uint8Array.of(P ?? PATTERN);
  return readPatternFile(s, context.machine.env.files, context);
}

/** @param action As for {@link transfer}. @throws {IoStop} Likewise. */
function perform(action: string, request: WriteRequest, context: IoContext): Promise<void> {
  return transfer(request, context, {
    action,
    verb: 'wrote',
    start: (edge) => send(request, edge),
  });
}

function send(
  { offset, length, pattern, flags }: WriteRequest,
  edge: BlockEdge,
): Promise<void> | void {
  // Durable at once; zeroes that may be deallocated, and that have to be fast.
  const forceUnitAccess = flags.has('f');
  if (pattern) {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += pattern.length) {
      bytes.set(pattern.subarray(0, length - at), at);
    }
    return edge.write(offset, bytes, { forceUnitAccess });
  }
  const [mayUnmap, noFallback] = [flags.has('u'), flags.has('n')];
  return edge.writeZeroes(offset, length, { forceUnitAccess, mayUnmap, noFallback });
}
