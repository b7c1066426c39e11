/**
 * Options that are a list: `null,id=monitor,mux=on,logfile=a,,b`, as `-chardev`, `-drive` and
 * `-device` take them (QEMU's QemuOpts).
 *
 *     options   = [ option { "," option } [ "," ] ]
 *     option    = name "=" value | name | "no" name
 *
 * In a value a comma is written twice. A name alone is `on`, and after `no` it is `off`; the first
 * option may be a value alone, if there is a name that it implies. Of an option that is given twice
 * the last one counts, but of `id`, which names the list and is none of its options, the first.
 */

import { unreachable } from '../../base/assert.ts';
import { BlockError } from '../../base/errors.ts';
import { demandIdentifier } from '../../base/identifier.ts';
import { type Integer, parseBoolean, parseSize, parseUnsigned } from './scalars.ts';

/** An option as it was given. */
export interface Option {
  readonly name: string;
  readonly value: string;
}

/** Options as they were given. */
export interface OptionList {
  readonly id: string | undefined;
  readonly options: readonly Option[];
  /** `help` or `?` is among them; in {@link options} too, for it may be an option as any other. */
  readonly helpWanted: boolean;
  /** What QEMU warns of: options that are a name alone. Each with an advice on a second line. */
  readonly warnings: readonly string[];
}

/** How options are read. */
export interface OptionListSyntax {
  /** What the first option is if it is a value alone. */
  readonly impliedName?: string;
}

/** @throws {BlockError} `EINVAL` for an `id` that is none. */
export function parseOptionList(text: string, { impliedName }: OptionListSyntax = {}): OptionList {
  const id = split(text, undefined).find(({ name }) => name === 'id')?.value;
  if (id !== undefined) demandIdentifier(id, 'read options');
  const options = split(text, impliedName);
  const isHelp = ({ name, short }: Written) => short === name && (name === 'help' || name === '?');
  return {
    id,
    options: options
      .filter(({ name }) => name !== 'id')
      .map(({ name, value }) => ({ name, value })),
    helpWanted: options.some(isHelp),
    warnings: options.filter((option) => !isHelp(option)).flatMap(warningOf),
  };
}

interface Written extends Option {
  /** How it was written, if that was a name alone. */
  readonly short?: string;
}

function split(text: string, impliedName: string | undefined): readonly Written[] {
  const options: Written[] = [];
  const pattern = /([^=,]*)(?:=((?:[^,]+|,,)*))?,?/y;
  while (pattern.lastIndex < text.length) {
    const isFirst = pattern.lastIndex === 0;
    const [, name = '', value] = pattern.exec(text) ?? [];
    if (value !== undefined) {
      options.push({ name, value: value.replaceAll(',,', ',') });
    } else if (isFirst && impliedName !== undefined) {
      const [alone = ''] = /^(?:[^,]+|,,)*/.exec(text) ?? [];
      options.push({ name: impliedName, value: alone.replaceAll(',,', ',') });
      pattern.lastIndex = alone.length + 1;
    } else {
      const isOff = name.startsWith('no');
      options.push({
        name: isOff ? name.slice(2) : name,
        value: isOff ? 'off' : 'on',
        short: name,
      });
    }
  }
  return options;
}

/** The option that was once called `nodelay`, for which `no` is no negation. */
const DELAY = 'delay';

function warningOf({ name, value, short }: Written): readonly string[] {
  if (short === undefined) return [];
  const negated = value === 'off' ? 'on' : 'off';
  const advice = name === DELAY ? `no${DELAY}=${negated}` : `${name}=${value}`;
  return [`short-form boolean option '${short}' deprecated\nPlease use ${advice} instead`];
}

/** What an option may be. */
export type OptionType = 'string' | 'bool' | 'number' | 'size';

/** The value of an option, by its type. */
export type OptionValue = string | boolean | Integer;

/** @throws {BlockError} `EINVAL` for a value that is none of the type; with the text of QEMU. */
export function convertOption({ name, value }: Option, type: OptionType): OptionValue {
  switch (type) {
    case 'string':
      return value;
    case 'bool': {
      const boolean = parseBoolean(value);
      if (boolean === undefined) throw expects(name, "'on' or 'off'");
      return boolean;
    }
    case 'number': {
      const number = parseUnsigned(value);
      if (number === 'EINVAL') throw expects(name, 'a number');
      if (number === 'ERANGE') {
        throw refuse(`Value '${value}' is too large for parameter '${name}'`);
      }
      return number;
    }
    case 'size': {
      const size = parseSize(value);
      if (size === 'EINVAL') throw expects(name, 'a non-negative number below 2^64');
      if (size === 'ERANGE') {
        throw refuse(`Value '${value}' is out of range for parameter '${name}'`);
      }
      return size;
    }
    default:
      return unreachable(type);
  }
}

function expects(name: string, what: string): BlockError {
  return refuse(`Parameter '${name}' expects ${what}`);
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'read options', reason);
}
