/**
 * Options of a command as getopt(3) of the C library reads them: `-P 1`, `-P1`, `-qv`, anywhere
 * among the other arguments, up to a `--`.
 */

import { type IoCommand, type IoOutput, IoStop, usageOf } from './command.ts';

/** Reads the value of each option that has one, in the order in which they are given. */
export type OptionReaders<Values> = {
  readonly [Letter in keyof Values]: (value: string) => Values[Letter];
};

/** What was given. */
export interface Given<Values> {
  readonly flags: ReadonlySet<string>;
  readonly values: Partial<Values>;
  readonly operands: readonly string[];
}

/** The options that a command has. */
export interface OptionSyntax<Values> {
  /** Letters of options without a value. */
  readonly flags: string;
  /** Of those with one, by letter. @default None */
  readonly readers?: OptionReaders<Values>;
}

/**
 * @param words The arguments, without the command's name.
 * @throws {IoStop} The command's usage where the form is wrong, of which is complained besides.
 */
export function parseOptions<Values extends object>(
  command: IoCommand,
  words: readonly string[],
  { flags: known, readers }: OptionSyntax<Values>,
  { complain }: Pick<IoOutput, 'complain'>,
): Given<Values> {
  const refuse = (what: string, letter: string): never => {
    complain(`${command.name}: ${what} -- '${letter}'\n`);
    throw new IoStop(usageOf(command));
  };
  const hasValue = (letter: string): letter is keyof Values & string =>
    readers !== undefined && Object.hasOwn(readers, letter);
  const flags = new Set<string>();
  const values: Partial<Values> = {};
  const operands: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return { flags, values, operands: [...operands, ...rest] };
    if (!/^-./.test(word)) operands.push(word);
    for (let at = 1; word.startsWith('-') && at < word.length; at += 1) {
      const letter = word.charAt(at);
      if (readers && hasValue(letter)) {
        const value = word.slice(at + 1) || rest.shift();
        if (value === undefined) return refuse('option requires an argument', letter);
        values[letter] = readers[letter](value);
        break;
      }
      if (!known.includes(letter)) refuse('invalid option', letter);
      flags.add(letter);
    }
  }
  return { flags, values, operands };
}

/** @throws {IoStop} The command's usage, unless there are as many operands as it takes. */
export function demandOperands(
  command: IoCommand,
  operands: readonly string[],
  { min = 2, max = min }: { readonly min?: number; readonly max?: number } = {},
): readonly [string, string, ...string[]] {
  const [first, second, ...more] = operands;
  const { length } = operands;
  if (first === undefined || second === undefined || length < min || length > max) {
    throw new IoStop(usageOf(command));
  }
  return [first, second, ...more];
}
