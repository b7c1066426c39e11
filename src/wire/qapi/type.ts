/**
 * What a type of QAPI is: how values of it are checked, and what is told of it.
 *
 * QAPI is QEMU's language for what its monitor and its command line take (`docs/devel/
 * qapi-code-gen.rst`). A type here is a value that reads: it turns what a client gave, or the
 * absence of it, into a checked value, or says in QEMU's words why that cannot be. The same value
 * describes the type to those who ask for the schema.
 */

import { BlockError } from '../../base/errors.ts';
import type { JsonValue } from '../qmp/json-value.ts';

/** How scalars are written: as JSON has them, or each as text, as on a command line. */
export type Notation = 'json' | 'keyval';

/** Where a value stands, for messages, and how it is written. */
export interface Place {
  /** Such as `file.filename`; empty for the whole. */
  readonly path: string;
  /** The last part of it, by which some messages know a value; elements of lists have none. */
  readonly name: string;
  readonly notation: Notation;
}

export interface Type<Value> {
  readonly shape: Shape;
  /** Of a member: it may be left out. @default false */
  readonly isOptional?: boolean;
  /** Of a member: such as `deprecated`, `unstable`. @default None. */
  readonly features?: readonly string[];
  /**
   * Checks a value.
   *
   * @param given `undefined` for one that was left out.
   * @throws {BlockError} `EINVAL`; the reason is QEMU's text.
   */
  read(given: JsonValue | undefined, place: Place): Value;
}

/** The values of a type. */
export type ValueOf<T> = T extends Type<infer Value> ? Value : never;

/** What the schema tells of a type. */
export type Shape =
  | { readonly kind: 'builtin'; readonly name: string; readonly json: JsonKind }
  | { readonly kind: 'enum'; readonly name: string; readonly values: readonly string[] }
  | { readonly kind: 'array'; readonly element: Type<unknown> }
  | ObjectShape
  | {
      readonly kind: 'alternate';
      readonly name: string;
      readonly branches: readonly Type<unknown>[];
    };

export interface ObjectShape {
  readonly kind: 'object';
  readonly name: string;
  readonly members: Members;
  /** Of a union: the member on whose value the other members depend. */
  readonly tag?: string;
  /** Of a union: those members, by that value. */
  readonly branches?: Readonly<Record<string, ObjectType<unknown>>>;
}

/** The members of an object, by name, in the order in which they are checked. */
export type Members = Readonly<Record<string, Type<unknown>>>;

/** A type of objects. */
export interface ObjectType<Value> extends Type<Value> {
  readonly shape: ObjectShape;
}

/** The kinds of values that JSON has, by QAPI's names. */
export type JsonKind =
  | 'string'
  | 'number'
  | 'int'
  | 'boolean'
  | 'null'
  | 'object'
  | 'array'
  | 'value';

/** What QEMU prints where there is no name. */
const NAMELESS = 'null';

/** The place of a whole value. */
export function wholeOf(notation: Notation): Place {
  return { path: '', name: NAMELESS, notation };
}

/** The place of a member of the object at `place`. */
export function memberOf({ path, notation }: Place, name: string): Place {
  return { path: path === '' ? name : `${path}.${name}`, name, notation };
}

/** The place of an element of the array at `place`. */
export function elementOf({ path, notation }: Place, index: number): Place {
  const element = notation === 'json' ? `${path}[${index}]` : `${path}.${index}`;
  return { path: element, name: NAMELESS, notation };
}

/** @returns What is said of a value that was left out. */
export function missing({ path }: Place): BlockError {
  return refuse(`Parameter '${path}' is missing`);
}

/** @returns What is said of a value of another kind. */
export function mistyped({ path }: Pick<Place, 'path'>, expected: string): BlockError {
  return refuse(`Invalid parameter type for '${path}', expected: ${expected}`);
}

/** @returns What is said of a text that does not say what it should. */
export function expects({ path }: Place, expected: string): BlockError {
  return refuse(`Parameter '${path}' expects ${expected}`);
}

export function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'read a parameter', reason);
}
