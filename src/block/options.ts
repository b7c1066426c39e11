/**
 * Options of block nodes, named, nested and refused as QEMU's BlockdevOptions are.
 *
 * A reader turns one given value, or its absence, into a checked one. The options of a driver are
 * an object of readers, from which the type of the checked options follows.
 */

import { BlockError } from '../base/errors.ts';

/** The options of one node: `driver`, perhaps `node-name`, and what its driver takes. */
export interface BlockdevOptions {
  readonly driver: string;
  readonly 'node-name'?: string;
  readonly [option: string]: unknown;
}

/** What is the same for every kind of node, by QEMU's names. */
export interface NodeOptions {
  readonly name: string;
  readonly driver: string;
  readonly readOnly: boolean;
  /** Discards, and permission to unmap, reach the driver (`discard=unmap`). */
  readonly unmap: boolean;
  /** Write zeroes where the data written is zero (`detect-zeroes`), perhaps unmapping. */
  readonly detectZeroes: 'off' | 'on' | 'unmap';
  /** It was put in by a job and not by a user, who is not shown it. @default false */
  readonly implicit?: boolean;
}

/** Checks the value given for the option `name`; `undefined` when none was given. */
export type OptionReader<Value> = (value: unknown, name: string) => Value;
/** The readers of some options, by name. */
export type OptionReaders<Values> = {
  readonly [Name in keyof Values]: OptionReader<Values[Name]>;
};

/** Checks a value that was given; wrapped by what says how to take its absence. */
type Parse<Value> = (value: unknown, name: string) => Value;

export function required<Value>(parse: Parse<Value>): OptionReader<Value> {
  return (value, name) => {
    if (value === undefined) throw refuse(`Parameter '${name}' is missing`);
    return parse(value, name);
  };
}

export function optional<Value>(parse: Parse<Value>): OptionReader<Value | undefined> {
  return (value, name) => (value === undefined ? undefined : parse(value, name));
}

export function withDefault<Value>(parse: Parse<Value>, fallback: Value): OptionReader<Value> {
  return (value, name) => (value === undefined ? fallback : parse(value, name));
}

export const string: Parse<string> = (value, name) => {
  if (typeof value !== 'string') throw mistyped(name, 'string');
  return value;
};

export const boolean: Parse<boolean> = (value, name) => {
  if (typeof value !== 'boolean') throw mistyped(name, 'boolean');
  return value;
};

/** A whole number from 0 to 2^53 - 1. */
export const unsigned: Parse<number> = (value, name) => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw mistyped(name, 'integer');
  if (value < 0) throw refuse(`Parameter '${name}' expects a non-negative value`);
  return value;
};

/** One of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Parse<Word> {
  return (value, name) => {
    const given = string(value, name);
    const word = words.find((candidate) => candidate === given);
    if (word === undefined) throw refuse(`Parameter '${name}' does not accept value '${given}'`);
    return word;
  };
}

/** A node below: its options, or the name of one that is open already. */
export const node: Parse<BlockdevOptions | string> = (value, name) => {
  if (typeof value === 'string') return value;
  if (!isRecord(value)) throw mistyped(name, 'BlockdevRef');
  return { ...value, driver: required(string)(value['driver'], `${name}.driver`) };
};

/** A value, or `null` for expressly none, as in `backing: null`. */
export function nullable<Value>(parse: Parse<Value>): Parse<Value | null> {
  return (value, name) => (value === null ? null : parse(value, name));
}

/** Options within an option, such as `cache.direct`. */
export function group<Values>(readers: OptionReaders<Values>): OptionReader<Values> {
  return (value, name) => {
    if (value !== undefined && !isRecord(value)) throw mistyped(name, 'object');
    return readOptions(readers, value ?? {}, `${name}.`);
  };
}

/**
 * Checks given options against their readers.
 *
 * @param prefix Where the options stand, for messages: `cache.` for those of `cache`.
 * @throws {BlockError} `EINVAL` for one that is unknown, missing, mistyped or out of range.
 */
export function readOptions<Values>(
  readers: OptionReaders<Values>,
  given: Readonly<Record<string, unknown>>,
  prefix = '',
): Values {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(readers, name)) {
      throw refuse(`Parameter '${prefix}${name}' is unexpected`);
    }
  }
  const entries = Object.entries<OptionReader<unknown>>(readers).map(([name, read]) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    return [name, read(value, `${prefix}${name}`)];
  });
  // Object.fromEntries() forgets which value belongs to which name.
  return Object.fromEntries(entries) as Values;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mistyped(name: string, expected: string): BlockError {
  return refuse(`Invalid parameter type for '${name}', expected: ${expected}`);
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'open the node', reason);
}
