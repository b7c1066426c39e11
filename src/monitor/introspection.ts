/**
 * What `query-qmp-schema` tells: commands and events by name, and the types that they use.
 *
 * Types have no names there but numbers, in the order in which they are come across, as clients are
 * not to rely on names; an array is that of its elements in brackets. All integers are one type.
 */

import { assert, unreachable } from '../base/assert.ts';
import { type CommandSchema, EMPTY, type EventSchema } from '../wire/qapi/command.ts';
import type { ObjectShape, Shape, Type, ValueOf } from '../wire/qapi/type.ts';
import type { schemaInfo } from './schema/schema-info.ts';

/** An entry of the schema. */
export type SchemaInfo = ValueOf<typeof schemaInfo>;

/** What is told of, by name. */
export interface Schema {
  readonly commands: Readonly<Record<string, CommandSchema<unknown, unknown>>>;
  readonly events: Readonly<Record<string, EventSchema>>;
}

/** @returns The whole schema, in QEMU's form. */
export function introspect({ commands, events }: Schema): readonly SchemaInfo[] {
  const types = new UsedTypes();
  const told: SchemaInfo[] = [];
  for (const command of Object.values(commands)) {
    const { name, allowsOutOfBand, features } = command;
    const argumentType = types.nameOf(command.arguments);
    told.push({
      name,
      'meta-type': 'command',
      'arg-type': argumentType,
      'ret-type': types.nameOf(command.returns ?? EMPTY),
      'allow-oob': allowsOutOfBand || undefined,
      features,
    });
  }
  for (const [name, { data }] of Object.entries(events)) {
    told.push({ name, 'meta-type': 'event', 'arg-type': types.nameOf(data) });
  }
  return [...told, ...types.describe()];
}

/** Types that were come across. */
class UsedTypes {
  readonly #names = new Map<Shape, string>();
  readonly #used = new Map<string, Shape>();
  #numbers = 0;

  /** @returns The name of a type, which will be described. */
  nameOf({ shape }: Type<unknown>): string {
    const name = this.#names.get(shape) ?? this.#newName(shape);
    this.#names.set(shape, name);
    // There may be several lists of one type, and several kinds of integers.
    if (!this.#used.has(name)) this.#used.set(name, shape);
    return name;
  }

  /** Describes the types that were come across, and those that are in doing so. */
  describe(): readonly SchemaInfo[] {
    const told: SchemaInfo[] = [];
    for (const [name, shape] of this.#used) told.push(this.#describe(name, shape));
    return told;
  }

  #newName(shape: Shape): string {
    if (shape.kind === 'builtin') return shape.json === 'int' ? 'int' : shape.name;
    if (shape.kind === 'array') return `[${this.nameOf(shape.element)}]`;
    this.#numbers += 1;
    return `${this.#numbers - 1}`;
  }

  #describe(name: string, shape: Shape): SchemaInfo {
    switch (shape.kind) {
      case 'builtin':
        return { name, 'meta-type': 'builtin', 'json-type': shape.json };
      case 'enum': {
        const members = shape.values.map((value) => ({ name: value }));
        return { name, 'meta-type': 'enum', members, values: shape.values };
      }
      case 'array':
        return { name, 'meta-type': 'array', 'element-type': this.nameOf(shape.element) };
      case 'object':
        return {
          name,
          'meta-type': 'object',
          ...this.#membersOf(shape),
          ...this.#variantsOf(shape),
        };
      case 'alternate': {
        const members = shape.branches.map((branch) => ({ type: this.nameOf(branch) }));
        return { name, 'meta-type': 'alternate', members };
      }
      default:
        return unreachable(shape);
    }
  }

  #membersOf({ members }: ObjectShape) {
    const told = Object.entries(members).map(([name, type]) => ({
      name,
      type: this.nameOf(type),
      default: type.isOptional ? null : undefined,
      features: type.features,
    }));
    return { members: told };
  }

  /** Every value of the tag is told of, that which brings no more members too. */
  #variantsOf({ members, tag, branches = {} }: ObjectShape) {
    if (tag === undefined) return undefined;
    const cases = members[tag]?.shape;
    assert(cases?.kind === 'enum', 'a union is tagged by an enum');
    const variants = cases.values.map((value) => {
      const branch = Object.hasOwn(branches, value) ? branches[value] : undefined;
      return { case: value, type: this.nameOf(branch ?? EMPTY) };
    });
    return { tag, variants };
  }
}
