/**
 * What may not change when a node is reopened: most options of its driver, as QEMU has it.
 *
 * The options are compared one by one, by what was given and not by what they come to: an option
 * that was given once must be given again, and one that was not must not be, though it be to the
 * same effect.
 */

import { inMemberOrder } from '../wire/qmp/member-order.ts';
import { skipImplicit } from './allocation.ts';
import type { BlockNode } from './node.ts';
import { type CheckedOptions, GIVEN, namesGiven, refuse } from './options.ts';

/** What every node can change. */
const COMMON = ['discard', 'cache', 'read-only', 'auto-read-only', 'detect-zeroes'];

/** The children that another node can be put in the place of. */
export const REPLACEABLE = ['backing', 'file'] as const;

/** An option by its name. */
type Option = readonly [string, unknown];
/** Scalars by their paths, such as `server.path`, as text. */
type FlatOptions = ReadonlyMap<string, string>;

/** @throws {BlockError} `EINVAL` when an option is left out that has a value and must keep it. */
export function demandKept(node: BlockNode, options: CheckedOptions): void {
  const given = flatten(ownOptions(node, options));
  for (const [path] of inMemberOrder(formerOptions(node))) {
    if (!given.has(path)) throw refuse(`Option '${path}' cannot be reset to its default value`);
  }
}

/**
 * Compares what is left when the children that change have been dealt with.
 *
 * @param isReopened Whether a child is reopened with its parent.
 * @throws {BlockError} `EINVAL` when an option is given that is another one, and may not be.
 */
export function demandUnchanged(
  node: BlockNode,
  options: CheckedOptions,
  isReopened: (child: BlockNode) => boolean,
): void {
  const before = new Map([...formerOptions(node), ['node-name', node.name]]);
  for (const { parent, node: child } of node.edges) {
    before.set(parent.role ?? '', skipImplicit(child).name);
  }
  const isDealtWith = ([role, value]: Option) => {
    const child = node.edges.find(({ parent }) => parent.role === role)?.node;
    if (typeof value === 'object' && value) return child !== undefined && isReopened(child);
    return REPLACEABLE.some((each) => each === role);
  };
  const others = ownOptions(node, options).filter((option) => !isDealtWith(option));
  for (const [path, value] of inMemberOrder(flatten(others))) {
    if (value !== before.get(path)) throw refuse(`Cannot change the option '${path}'`);
  }
}

/** The options without children that a node has been given, as far as they have to stay. */
function formerOptions(node: BlockNode): FlatOptions {
  const { given } = node.options;
  if (!given) return new Map();
  const roles = [...REPLACEABLE, ...node.edges.map(({ parent }) => parent.role)];
  const own = ownOptions(node, given);
  return flatten(own.filter(([name]) => name !== 'node-name' && !roles.includes(name)));
}

/** Of the options that are given those that not every node can change, nor the driver of this. */
function ownOptions({ traits }: BlockNode, options: CheckedOptions): readonly Option[] {
  const changeable = [...COMMON, ...(traits.reopening?.changeable ?? [])];
  const given = namesGiven(options).filter((name) => !changeable.includes(name));
  return given.map((name) => [name, options[GIVEN][name]]);
}

function flatten(options: readonly Option[]): FlatOptions {
  const found = new Map<string, string>();
  const add = (path: string, value: unknown) => {
    const members = isNested(value) ? Object.entries(value) : [];
    if (members.length === 0) found.set(path, textOf(value));
    for (const [name, member] of members) add(`${path}.${name}`, member);
  };
  for (const [name, value] of options) add(name, value);
  return found;
}

/** A value as a command line has it: one may have been given there, and the other as JSON. */
function textOf(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  // Of what has nothing in it there is one kind.
  return isNested(value) ? '' : `${value}`;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
