/**
 * The arguments of a command, described as QEMU's args_type does: `force:-f,device:B,size:o`.
 *
 *     B  the name of a disk         o  a size, in MiB unless it has a suffix
 *     s  a word                     S  all that is left of the line
 *     l  a whole number             ?  after a kind: it may be missing
 *     -f an option of one letter
 */

import { parseSize } from '../../wire/options/scalars.ts';
import { takeWord } from './words.ts';

interface Kinds {
  readonly B: string;
  readonly s: string;
  readonly S: string;
  readonly o: number;
  readonly l: number;
}

/** The values of the arguments that a description names. */
export type ArgumentsOf<Description extends string> = Description extends ''
  ? object
  : Description extends `${infer First},${infer Rest}`
    ? ArgumentOf<First> & ArgumentsOf<Rest>
    : ArgumentOf<Description>;

type ArgumentOf<Description> = Description extends `${infer Name}:${infer Kind}`
  ? { readonly [Key in Name]: ValueOfKind<Kind> }
  : never;

type ValueOfKind<Kind> = Kind extends `-${string}`
  ? boolean
  : Kind extends keyof Kinds
    ? Kinds[Kind]
    : Kind extends `${infer Needed}?`
      ? ValueOfKind<Needed> | undefined
      : never;

/** A parameter, as a description has it. */
export interface Parameter {
  readonly name: string;
  readonly kind: string;
}

/** @returns The parameters of a description, in order. */
export function parametersOf(description: string): readonly Parameter[] {
  if (description === '') return [];
  return description.split(',').map((part) => {
    const [name = '', kind = ''] = part.split(':');
    return { name, kind };
  });
}

/** A command as far as its arguments are concerned. */
export interface Parameterized {
  readonly name: string;
  readonly parameters: string;
}

/** Who is told what is wrong with the arguments. */
export interface ArgumentErrors {
  /** The monitor. */
  readonly print: (text: string) => void;
  /** The program's standard output, as in QEMU. */
  readonly complain: (text: string) => void;
}

type Values = Record<string, string | number | boolean>;

/**
 * Reads the arguments of a command.
 *
 * @param line What stands behind its name.
 * @returns `undefined` when they are wrong, which was told.
 */
export function readArguments(
  command: Parameterized,
  line: string,
  errors: ArgumentErrors,
): Values | undefined {
  const refuse = (what: string) => {
    errors.print(`${what}\n`);
    return undefined;
  };
  const parameters = parametersOf(command.parameters);
  const values: Values = {};
  let rest = line.trimStart();
  for (const [index, { name, kind }] of parameters.entries()) {
    if (kind.startsWith('-')) {
      const option = /^-(.?)/s.exec(rest)?.[1];
      const isLater = parameters.slice(index).some((other) => other.kind === `-${option}`);
      values[name] = kind === `-${option}`;
      if (values[name]) rest = rest.slice(2).trimStart();
      else if (option !== undefined && !isLater) {
        return refuse(`${command.name}: unsupported option -${option}`);
      }
      continue;
    }
    if (kind.endsWith('?') && rest === '') continue;
    const taken = takeValue(kind, rest, errors);
    if (!taken) return refuse(expectation(command, kind, rest));
    values[name] = taken.value;
    rest = taken.rest.trimStart();
  }
  if (rest === '') return values;
  return refuse(`${command.name}: extraneous characters at the end of line`);
}

function takeValue(
  kind: string,
  text: string,
  { complain }: ArgumentErrors,
): { readonly value: string | number; readonly rest: string } | undefined {
  if (kind.startsWith('o')) return takeSize(text);
  if (kind.startsWith('l')) return takeNumber(text);
  if (kind.startsWith('S')) return { value: text, rest: '' };
  const taken = takeWord(text, complain);
  return taken && { value: taken.word, rest: taken.rest };
}

const SIZE = /^(0x[\da-f]+|\d+(?:\.\d*)?)([bkmgtpe]?)/i;
/** The largest size that has a sign. */
const SIZE_MAX = 2n ** 63n - 1n;

function takeSize(text: string) {
  const [whole = '', digits, suffix] = SIZE.exec(text) ?? [];
  const size = parseSize(`${digits}${suffix || 'M'}`);
  if (typeof size === 'string' || size > SIZE_MAX) return undefined;
  return { value: Number(size), rest: text.slice(whole.length) };
}

/** QEMU takes sums and the like as well. */
function takeNumber(text: string) {
  const [whole] = /^[+-]?(?:0x[\da-f]+|\d+)/i.exec(text) ?? [];
  return whole === undefined ? undefined : { value: Number(whole), rest: text.slice(whole.length) };
}

function expectation({ name }: Parameterized, kind: string, text: string): string {
  if (kind.startsWith('l')) {
    const first = text[0];
    return first ? `invalid char '${first}' in expression` : 'unexpected end of expression';
  }
  if (kind.startsWith('o')) return 'invalid size';
  return `${name}: ${kind.startsWith('B') ? 'block device name' : 'string'} expected`;
}
