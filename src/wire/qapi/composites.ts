/**
 * The types of QAPI that are put together from others.
 *
 *     const size = struct('Size', { width: int, height: int, unit: withDefault(str, 'cm') });
 *     type Size = ValueOf<typeof size>; // { width: number, height: number, unit: string }
 *
 * Members are checked in the order in which they stand, and then whether there is one too many:
 * the first thing that is wrong is what the client is told of.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../qmp/json-value.ts';
import { inMemberOrder } from '../qmp/member-order.ts';
import { str } from './scalars.ts';
import {
  elementOf,
  type Members,
  memberOf,
  missing,
  mistyped,
  type ObjectType,
  type Place,
  refuse,
  type Shape,
  type Type,
  type ValueOf,
} from './type.ts';

/** The checked values of members; who makes such an object may leave out what may be undefined. */
export type MemberValues<M extends Members> = {
  readonly [Name in keyof M as undefined extends ValueOf<M[Name]> ? never : Name]: ValueOf<M[Name]>;
} & {
  readonly [Name in keyof M as undefined extends ValueOf<M[Name]> ? Name : never]?: ValueOf<
    M[Name]
  >;
};

/** A member that may be left out, and is `undefined` then. */
export function optional<Value>(type: Type<Value>): Type<Value | undefined> {
  return withDefault<Value | undefined>(type, undefined);
}

/** A member that may be left out, and is `fallback` then. */
export function withDefault<Value>(type: Type<Value>, fallback: Value): Type<Value> {
  return {
    get shape() {
      return type.shape;
    },
    isOptional: true,
    read: (given, place) => (given === undefined ? fallback : type.read(given, place)),
  };
}

/** A member of which the schema tells something more; what is told of the type itself is lost. */
export function withFeatures<Value>(
  type: Type<Value>,
  ...features: readonly string[]
): Type<Value> {
  return { ...type, features };
}

/** A type whose values are put into another form by `convert`, which may refuse some. */
export function converted<Given, Value>(
  type: Type<Given>,
  convert: (value: Given, place: Place) => Value,
): Type<Value> {
  return {
    get shape() {
      return type.shape;
    },
    read: (given, place) => convert(type.read(given, place), place),
  };
}

/** One of a few words. */
export function enumeration<const Word extends string>(
  name: string,
  values: readonly Word[],
): Type<Word> {
  return {
    shape: { kind: 'enum', name, values },
    read(given, place) {
      const text = str.read(given, place);
      const word = values.find((value) => value === text);
      if (word !== undefined) return word;
      throw refuse(`Parameter '${place.name}' does not accept value '${text}'`);
    },
  };
}

/** Any number of values of one type. */
export function list<Value>(element: Type<Value>): Type<readonly Value[]> {
  return {
    shape: { kind: 'array', element },
    read(given, place) {
      if (given === undefined) throw missing(place);
      if (!Array.isArray(given)) throw mistyped(place, 'array');
      const values: readonly JsonValue[] = given;
      return values.map((value, index) => element.read(value, elementOf(place, index)));
    },
  };
}

/** An object with these members. */
export function struct<const M extends Members>(
  name: string,
  members: M,
): ObjectType<MemberValues<M>> {
  return {
    shape: { kind: 'object', name, members },
    read(given, place) {
      const object = objectAt(given, place);
      const values = readMembers(members, object, place);
      demandNoOthers(object, [members], place);
      return values;
    },
  };
}

/** The members of several structs in one. */
type Branches = Readonly<Record<string, ObjectType<unknown>>>;

/** The values of a union. */
export type UnionValues<M extends Members, Tag extends string, B extends Branches> = {
  [Case in keyof B & string]: MemberValues<M> & { readonly [T in Tag]: Case } & ValueOf<B[Case]>;
}[keyof B & string];

/** What a union is put together from. */
export interface UnionParts<M extends Members, Tag extends string, B extends Branches> {
  /** The members that all of them have, the tag among them. */
  readonly members: M;
  /** The member whose value says which others there are; an enum. */
  readonly tag: Tag;
  /** Those others by that value; a value that has none is left out. */
  readonly branches: B;
}

/** An object of one of several kinds, told apart by one of its members. */
export function union<const M extends Members, const Tag extends string, const B extends Branches>(
  name: string,
  { members, tag, branches }: UnionParts<M, Tag, B>,
): ObjectType<UnionValues<M, Tag, B>> {
  return {
    shape: { kind: 'object', name, members, tag, branches },
    read(given, place) {
      const object = objectAt(given, place);
      const common: Readonly<Record<string, unknown>> = readMembers(members, object, place);
      const chosen = `${common[tag]}`;
      const branch = Object.hasOwn(branches, chosen) ? branches[chosen]?.shape : undefined;
      const others = branch?.members ?? {};
      const values = { ...common, ...readMembers(others, object, place) };
      demandNoOthers(object, [members, others], place);
      // The compiler cannot follow that the tag has chosen the branch.
      return values as UnionValues<M, Tag, B>;
    },
  };
}

/** What can be given for an alternate: at most one type of each kind of value. */
type Alternatives = readonly Type<unknown>[];

/** A value of one of several types, which differ in their kind: a text, an object, null. */
export function alternate<const A extends Alternatives>(
  name: string,
  branches: A,
): Type<ValueOf<A[number]>> {
  return {
    shape: { kind: 'alternate', name, branches },
    read(given, place) {
      if (given === undefined) throw missing(place);
      const kind = kindOf(given);
      const branch = branches.find(({ shape }) => jsonKindOf(shape) === kind);
      if (!branch) throw mistyped({ path: place.name }, name);
      // The compiler does not know that an element of the list is one of its types.
      return branch.read(given, place) as ValueOf<A[number]>;
    },
  };
}

/** A type that is defined later, or by itself. */
export function later<Value>(type: () => Type<Value>): Type<Value> {
  return {
    get shape() {
      return type().shape;
    },
    read: (given, place) => type().read(given, place),
  };
}

function objectAt(given: JsonValue | undefined, place: Place): JsonObject {
  if (given === undefined) throw missing(place);
  if (!isJsonObject(given)) throw mistyped(place, 'object');
  return given;
}

function readMembers<M extends Members>(
  members: M,
  object: JsonObject,
  place: Place,
): MemberValues<M> {
  const values = Object.entries(members).map(([name, type]) => {
    const given = Object.hasOwn(object, name) ? object[name] : undefined;
    return [name, type.read(given, memberOf(place, name))];
  });
  // Object.fromEntries() forgets which value belongs to which name.
  return Object.fromEntries(values) as MemberValues<M>;
}

function demandNoOthers(object: JsonObject, known: readonly Members[], place: Place): void {
  for (const [name, value] of inMemberOrder(Object.entries(object))) {
    if (value === undefined || known.some((members) => Object.hasOwn(members, name))) continue;
    throw refuse(`Parameter '${memberOf(place, name).path}' is unexpected`);
  }
}

function kindOf(given: JsonValue): string {
  if (given === null) return 'null';
  if (Array.isArray(given)) return 'array';
  return typeof given === 'bigint' ? 'number' : typeof given;
}

function jsonKindOf(shape: Shape): string {
  if (shape.kind === 'builtin') return shape.json === 'int' ? 'number' : shape.json;
  return shape.kind === 'enum' ? 'string' : shape.kind;
}
