/**
 * Options of block nodes, named, nested and refused as QEMU's BlockdevOptions are.
 *
 * Each driver declares its own with the types of QAPI; from all of them one type follows, which
 * checks a whole tree of nodes before anything is opened, and by which the monitor tells of them.
 * What of the options does not hold here is refused by the driver, not passed over.
 */

import { BlockError } from '../base/errors.ts';
import {
  alternate,
  converted,
  enumeration,
  later,
  type MemberValues,
  optional,
  struct,
  union,
  withDefault,
} from '../wire/qapi/composites.ts';
import { bool, int, nothing, str } from '../wire/qapi/scalars.ts';
import type { Members, ObjectType, Type } from '../wire/qapi/type.ts';
import type { JsonObject } from '../wire/qmp/json-value.ts';

/** The options of one node: `driver`, perhaps `node-name`, and what its driver takes. */
export interface BlockdevOptions {
  readonly driver: string;
  readonly 'node-name'?: string;
  readonly [option: string]: unknown;
}

/** How a disk deals with caches: QEMU's BlockdevCacheOptions. */
export interface CacheOptions {
  /** Go past the page cache (O_DIRECT). */
  readonly direct: boolean;
  /** Take a flush for done: faster, and a power cut may ruin the disk. */
  readonly noFlush: boolean;
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
  /** It is opened for reading where it may not be written to. @default false */
  readonly autoReadOnly?: boolean;
  /** How it deals with caches. @default It uses them, and flushes them when it is told to. */
  readonly cache?: CacheOptions;
  /** The options it was last opened with; a filter of a job has none. */
  readonly given?: CheckedOptions | undefined;
  /** It was put in by a job and not by a user, who is not shown it. @default false */
  readonly implicit?: boolean;
}

/** The options that every node has; what a parent may give is left open where it is not given. */
const COMMON_OPTIONS = {
  'node-name': optional(str),
  discard: optional(enumeration('BlockdevDiscardOptions', ['ignore', 'unmap'])),
  cache: withDefault(
    struct('BlockdevCacheOptions', { direct: optional(bool), 'no-flush': optional(bool) }),
    { direct: undefined, 'no-flush': undefined },
  ),
  'read-only': optional(bool),
  'auto-read-only': optional(bool),
  'force-share': optional(bool),
  'detect-zeroes': withDefault(
    enumeration('BlockdevDetectZeroesOptions', ['off', 'on', 'unmap']),
    'off',
  ),
};

/** The options as they were given, before they were checked; the others have their defaults. */
export const GIVEN: unique symbol = Symbol('given');

/** The options of a node after all of them, and those of the nodes in them, have been checked. */
export interface CheckedOptions extends MemberValues<typeof COMMON_OPTIONS> {
  readonly [GIVEN]: JsonObject;
  readonly driver: string;
  /** What its driver takes. */
  readonly [option: string]: unknown;
}

/** A node below: its options, or the name of one that is open already. */
export type BlockdevRef = CheckedOptions | string;

/** The types of options that are nodes; they depend on which drivers there are. */
export interface NodeTypes {
  readonly node: Type<BlockdevRef>;
  /** The same, or expressly none. */
  readonly nodeOrNull: Type<BlockdevRef | null>;
}

/** Options of a driver's own, by QEMU's names. */
export type OptionsOf<M extends Members> = (types: NodeTypes) => M;

/** A driver, as far as its options go. */
interface HasOptions {
  readonly options: OptionsOf<Members>;
}

/** @returns The type of the options of any node that one of the drivers opens. */
export function blockdevOptionsOf(
  drivers: Readonly<Record<string, HasOptions>>,
): ObjectType<CheckedOptions> {
  const options: Type<CheckedOptions> = later(() => whole);
  const types: NodeTypes = {
    node: alternate('BlockdevRef', [options, str]),
    nodeOrNull: alternate('BlockdevRefOrNull', [options, str, nothing]),
  };
  const names = Object.keys(drivers).sort();
  const branches = Object.entries(drivers).map(([name, driver]) => {
    return [name, struct(`BlockdevOptions:${name}`, driver.options(types))] as const;
  });
  const driver = enumeration('BlockdevDriver', names);
  const checked = union('BlockdevOptions', {
    members: { driver, ...COMMON_OPTIONS },
    tag: 'driver',
    branches: Object.fromEntries(branches),
  });
  const whole: ObjectType<CheckedOptions> = {
    shape: checked.shape,
    // Nothing else than an object gets past the check.
    read: (given, place) => ({ ...checked.read(given, place), [GIVEN]: given as JsonObject }),
  };
  return whole;
}

/** The names of the options that were given. */
export function namesGiven(options: CheckedOptions): readonly string[] {
  const given = Object.entries(options[GIVEN]).filter(([, value]) => value !== undefined);
  return given.map(([name]) => name);
}

/**
 * Checks a number of bytes, or of anything else that cannot be negative. Of options that are QEMU's
 * the driver does that itself when it opens, as it is there and no earlier that QEMU does.
 *
 * @returns The number, from 0 to 2^53 - 1.
 */
export function demandUnsigned(value: number, name: string): number {
  if (value < 0) throw refuse(`Parameter '${name}' expects a non-negative number below 2^64`);
  if (Number.isSafeInteger(value)) return value;
  throw refuse(`Parameter '${name}' expects a number below 2^53`);
}

/** A whole number from 0 to 2^53 - 1, such as a number of bytes. */
export const unsigned: Type<number> = converted(int, (value, { name }) =>
  demandUnsigned(value, name),
);

/** An option of QEMU's that there is nothing for here; what asks for nothing is taken. */
export function unsupported<Value>(
  type: Type<Value>,
  isHarmless: (value: Value) => boolean = () => false,
): Type<Value> {
  return converted(type, (value, { path }) => {
    if (isHarmless(value)) return value;
    throw refuse(`Parameter '${path}' is not supported`);
  });
}

/** An option that is wrong. */
export function refuse(reason: string, code: 'EINVAL' | 'ENODEV' = 'EINVAL'): BlockError {
  return new BlockError(code, 'open the node', reason);
}
