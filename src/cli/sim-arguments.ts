/** Values of options that the commands of the simulation share. */

import { numberOf, wordOf } from './arguments.ts';
import { UsageError } from './command.ts';

/** Timers hold no more: 23 days. */
const SECONDS_MAX = 2_000_000;

/** The value of an option that counts something: a whole number from 1 on. */
export function countOf(
  name: string,
  value: string | undefined,
  { otherwise, max = Infinity }: { readonly otherwise: number; readonly max?: number },
): number {
  if (value === undefined) return otherwise;
  const count = numberOf(name, value, { whole: true, max });
  if (count >= 1) return count;
  throw new UsageError(`--${name} must be at least 1: ${JSON.stringify(value)}`);
}

/** The value of an option that is a time span, above 0. @returns Seconds. */
export function secondsOf(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = numberOf(name, value, { max: SECONDS_MAX });
  if (seconds > 0) return seconds;
  throw new UsageError(`--${name} must be above 0: ${JSON.stringify(value)}`);
}

/** The value of an option that lists words, each once; `all` stands for all of them. */
export function wordsOf<const Word extends string>(
  name: string,
  value: string,
  words: readonly Word[],
): readonly Word[] {
  if (value === 'all') return words;
  const listed = value.split(',').map((word) => wordOf(name, word.trim(), words));
  return [...new Set(listed)];
}
