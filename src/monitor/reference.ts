/**
 * The reference of the monitor, for people: what commands take and answer, what events say, and
 * every type that is named in them.
 *
 *     job-cancel
 *       Ends a job at once
 *       id: str
 *
 * A member with a question mark may be left out, `[int]` is a list, and the members after `if` are
 * there when another one has the value that it says.
 */

import { unreachable } from '../base/assert.ts';
import type { CommandSchema, EventSchema } from '../wire/qapi/command.ts';
import type { Members, ObjectShape, ObjectType, Shape, Type } from '../wire/qapi/type.ts';
import type { Schema } from './introspection.ts';

/** @returns Lines of text. */
export function describeSchema({ commands, events }: Schema): readonly string[] {
  const types = new NamedTypes();
  return [
    'COMMANDS',
    ...byName(Object.entries(commands)).flatMap(([name, command]) => [
      '',
      ...types.command(name, command),
    ]),
    '',
    'EVENTS',
    ...byName(Object.entries(events)).flatMap(([name, event]) => ['', ...types.event(name, event)]),
    '',
    'TYPES',
    ...types.described(),
  ];
}

function byName<Value>(named: readonly (readonly [string, Value])[]) {
  return named.toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** Types that are described by themselves, because they are named elsewhere. */
class NamedTypes {
  readonly #shapes = new Map<string, Shape>();

  command(name: string, command: CommandSchema<unknown, unknown>): readonly string[] {
    const { summary, features, returns } = command;
    const what = features ? `${name} (${features.join(', ')})` : name;
    const answer = returns ? [`  -> ${this.#nameOf(returns.shape)}`] : [];
    return [what, `  ${summary}`, ...this.#given(command.arguments), ...answer];
  }

  event(name: string, { summary, data }: EventSchema): readonly string[] {
    return [name, `  ${summary}`, ...this.#given(data)];
  }

  /** The types that were named, and those that are in describing them. */
  described(): readonly string[] {
    const bodies: (readonly [string, readonly string[]])[] = [];
    for (const [name, shape] of this.#shapes) bodies.push([name, this.#body(shape)]);
    return byName(bodies).flatMap(([name, body]) => ['', name, ...body]);
  }

  /** What has variants has a name, and is described only once. */
  #given({ shape }: ObjectType<unknown>): readonly string[] {
    return shape.tag === undefined ? this.#members(shape.members) : [`  ${this.#nameOf(shape)}`];
  }

  #nameOf(shape: Shape): string {
    if (shape.kind === 'array') return `[${this.#nameOf(shape.element.shape)}]`;
    if (shape.kind !== 'builtin') this.#shapes.set(shape.name, shape);
    return shape.name;
  }

  #body(shape: Shape): readonly string[] {
    switch (shape.kind) {
      case 'builtin':
      case 'array':
        return []; // Which say all by their names.
      case 'enum':
        return [`  ${shape.values.join(' | ')}`];
      case 'alternate':
        return [`  ${shape.branches.map((branch) => this.#nameOf(branch.shape)).join(' | ')}`];
      case 'object':
        return [...this.#members(shape.members), ...this.#variants(shape)];
      default:
        return unreachable(shape);
    }
  }

  #variants({ tag, branches = {} }: ObjectShape): readonly string[] {
    return Object.entries(branches).flatMap(([value, { shape }]) => [
      `  if ${tag} is ${value}`,
      ...this.#members(shape.members).map((line) => `  ${line}`),
    ]);
  }

  #members(members: Members): readonly string[] {
    return Object.entries(members).map(([name, type]) => `  ${this.#member(name, type)}`);
  }

  #member(name: string, { shape, isOptional, features }: Type<unknown>): string {
    const note = features ? ` (${features.join(', ')})` : '';
    return `${name}${isOptional ? '?' : ''}: ${this.#nameOf(shape)}${note}`;
  }
}
