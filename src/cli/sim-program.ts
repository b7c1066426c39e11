/**
 * What a simulated guest asks for, as a line of text:
 *
 *     write 0+2, flush, read 1 @ready, discard 0 @end
 *
 * Where a request begins and how long it is is told in sectors of 512 bytes.
 */

import type { GuestStep } from '../sim/scenario.ts';
import { UsageError } from './command.ts';

const TYPES = ['write', 'read', 'zeroes', 'discard', 'flush'] as const;
/** The most requests that are taken: beyond, no search would end. */
const REQUESTS_MAX = 64;

/**
 * Reads a program.
 *
 * @param sectors How large the disk is, in sectors.
 * @throws {UsageError} For what is no program, or goes beyond the disk.
 */
export function parseProgram(text: string, sectors: number): readonly GuestStep[] {
  const pieces = text.trim() === '' ? [] : text.split(',');
  if (pieces.length > REQUESTS_MAX) {
    throw new UsageError(`--guest may have ${REQUESTS_MAX} requests: ${pieces.length}`);
  }
  return pieces.map((piece) => parseRequest(piece.trim(), sectors));
}

/** Writes a program as {@link parseProgram} reads it. */
export function describeProgram(steps: readonly GuestStep[]): string {
  const words = steps.map(({ type, sector, sectors, from = 'any' }) => {
    const where = type === 'flush' ? '' : ` ${sector}${sectors === 1 ? '' : `+${sectors}`}`;
    return `${type}${where}${from === 'any' ? '' : ` @${from}`}`;
  });
  return words.join(', ');
}

/** Writes that go round over the granules: every one is written, and the first ones again. */
export function roundOfWrites(
  count: number,
  { granules, sectorsEach }: { readonly granules: number; readonly sectorsEach: number },
): readonly GuestStep[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'write',
    sector: (index % granules) * sectorsEach,
    sectors: sectorsEach,
  }));
}

function parseRequest(text: string, sectors: number): GuestStep {
  const refuse = (rule: string) => new UsageError(`--guest: ${rule}: ${JSON.stringify(text)}`);
  const match = /^(\w+)(?:\s+(\d+)(?:\+(\d+))?)?(?:\s+@(ready|end))?$/.exec(text);
  const [, word, first, count = '1', from] = match ?? [];
  const type = TYPES.find((candidate) => candidate === word);
  if (!match || !type) {
    const kinds = `${TYPES.slice(0, -1).join(', ')} or ${TYPES.at(-1)}`;
    throw refuse(`a request is ${kinds}, SECTOR+COUNT, and perhaps @ready or @end`);
  }
  const later: Pick<GuestStep, 'from'> = from === 'ready' || from === 'end' ? { from } : {};
  if (type === 'flush') {
    if (first !== undefined) throw refuse('a flush is of the whole disk');
    return { type, sector: 0, sectors: 0, ...later };
  }
  if (first === undefined) throw refuse(`a ${type} needs a sector`);
  const [sector, length] = [Number(first), Number(count)];
  if (length < 1 || sector + length > sectors) {
    throw refuse(`the disk has sectors 0 to ${sectors - 1}, and a request one or more of them`);
  }
  return { type, sector, sectors: length, ...later };
}
