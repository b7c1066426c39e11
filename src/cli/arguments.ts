/** From a command's arguments to values, or to a {@link UsageError} that says what is wrong. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { parseSize } from '../base/units.ts';
import { UsageError } from './command.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

interface Config<O extends Options> {
  readonly args: string[];
  readonly allowPositionals: true;
  readonly options: O;
}

/**
 * Tells options from positional arguments.
 *
 * @param expected What the positional arguments are, such as "a source and a target".
 * @param count How many there must be; none is empty.
 */
export function parseArguments<const O extends Options>(
  args: readonly string[],
  { options, expected, count }: { options: O; expected: string; count: number },
): ReturnType<typeof parseArgs<Config<O>>> {
  const parsed = parseSome(args, options);
  const { positionals } = parsed;
  if (positionals.length !== count || positionals.includes('')) {
    const given = positionals.map((text) => JSON.stringify(text)).join(' ') || 'nothing';
    throw new UsageError(`It takes ${expected}, and was given ${given}`);
  }
  return parsed;
}

/** The same with any number of positional arguments. */
export function parseSome<const O extends Options>(
  args: readonly string[],
  options: O,
): ReturnType<typeof parseArgs<Config<O>>> {
  return parse({ args: joinNegatives(args, options), allowPositionals: true, options });
}

function parse<O extends Options>(config: Config<O>): ReturnType<typeof parseArgs<Config<O>>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (!(error instanceof Error) || !String(code).startsWith('ERR_PARSE_ARGS')) throw error;
    // The first sentence says what is wrong, and the others explain Node's rules.
    const [message = ''] = error.message.split('. ');
    const ambiguous = /^Option '(?:-\w, )?(--[\w-]+)(?: <value>)?' argument (missing|is amb)/;
    const name = ambiguous.exec(message)?.[1];
    throw new UsageError(name === undefined ? message : `${name} needs a value`);
  }
}

/** A number below zero is the value of the option before it, wrong as it may be, and no option. */
function joinNegatives(args: readonly string[], options: Options): string[] {
  const joined: string[] = [];
  for (const argument of args) {
    const last = joined.at(-1) ?? '';
    const takesValue = last.startsWith('--') && options[last.slice(2)]?.type === 'string';
    if (takesValue && /^-[\d.]/.test(argument)) joined.splice(-1, 1, `${last}=${argument}`);
    else joined.push(argument);
  }
  return joined;
}

/** Whether help is asked for, in whatever way. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  return options.includes('--help') || options.includes('-h');
}

/** The value of an option that is one of some words. */
export function wordOf<const Word extends string>(
  name: string,
  value: string,
  words: readonly Word[],
): Word {
  const found = words.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  const list = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  throw new UsageError(`--${name} must be ${list}: ${JSON.stringify(value)}`);
}

/** Where a number may lie. */
export interface NumberRange {
  readonly max?: number;
  readonly whole?: boolean;
}

/** The value of an option that is a number from 0 on. */
export function numberOf(
  name: string,
  value: string,
  { max = Infinity, whole = false }: NumberRange = {},
): number {
  const isNumber = whole ? /^\d+$/.test(value) : /^\d+(\.\d+)?$/.test(value);
  if (isNumber && Number(value) <= Math.min(max, Number.MAX_SAFE_INTEGER)) return Number(value);
  const kind = whole ? 'a whole number' : 'a number';
  const range = max === Infinity ? 'from 0 on' : `from 0 to ${max}`;
  throw new UsageError(`--${name} must be ${kind} ${range}: ${JSON.stringify(value)}`);
}

/** The value of an option that is a size. @returns Bytes. */
export function sizeOf(name: string, value: string): number {
  try {
    return parseSize(value);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--${name}: ${error.message}`);
    throw error;
  }
}
