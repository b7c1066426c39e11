import { describe, expect, it } from 'vitest';
import { introspect } from '../../src/monitor/introspection.ts';
import { EMPTY } from '../../src/wire/qapi/command.ts';
import {
  alternate,
  enumeration,
  later,
  list,
  optional,
  struct,
  union,
  withFeatures,
} from '../../src/wire/qapi/composites.ts';
import { bool, int, str, uint32 } from '../../src/wire/qapi/scalars.ts';
import type { ObjectType, Type } from '../../src/wire/qapi/type.ts';

/** What is told of the types of a command, beside the command itself and that without members. */
function typesOf(argumentType: ObjectType<unknown>) {
  const command = { name: 'c', summary: 'For the test', arguments: argumentType };
  const told = introspect({ commands: { c: command }, events: {} });
  return JSON.parse(JSON.stringify(told.slice(1)));
}

const empty = { name: '1', 'meta-type': 'object', members: [] };

describe('introspect()', () => {
  it('tells of commands and events by name, then of what they use by number', () => {
    const summary = 'For the test';
    const a = {
      name: 'a',
      summary,
      arguments: EMPTY,
      returns: list(int),
      allowsOutOfBand: true,
      features: ['unstable'],
    };
    const b = { name: 'b', summary, arguments: struct('B', { x: str }) };
    const told = introspect({ commands: { a, b }, events: { E: { summary, data: EMPTY } } });
    expect(JSON.parse(JSON.stringify(told))).toEqual([
      {
        name: 'a',
        'meta-type': 'command',
        'arg-type': '0',
        'ret-type': '[int]',
        'allow-oob': true,
        features: ['unstable'],
      },
      { name: 'b', 'meta-type': 'command', 'arg-type': '1', 'ret-type': '0' },
      { name: 'E', 'meta-type': 'event', 'arg-type': '0' },
      { name: '0', 'meta-type': 'object', members: [] },
      { name: 'int', 'meta-type': 'builtin', 'json-type': 'int' },
      { name: '[int]', 'meta-type': 'array', 'element-type': 'int' },
      { name: '1', 'meta-type': 'object', members: [{ name: 'x', type: 'str' }] },
      { name: 'str', 'meta-type': 'builtin', 'json-type': 'string' },
    ]);
  });

  it('tells of members that may be left out, and of their features', () => {
    const members = { x: optional(bool), y: withFeatures(optional(int), 'deprecated'), z: uint32 };
    expect(typesOf(struct('A', members))[0].members).toEqual([
      { name: 'x', type: 'bool', default: null },
      { name: 'y', type: 'int', default: null, features: ['deprecated'] },
      { name: 'z', type: 'int' },
    ]);
  });

  it('tells of every case of a union, that without members too', () => {
    const kind = enumeration('Kind', ['a', 'b']);
    const branches = { b: struct('B', { x: int }) };
    expect(typesOf(union('U', { members: { kind }, tag: 'kind', branches }))).toEqual([
      {
        name: '0',
        'meta-type': 'object',
        members: [{ name: 'kind', type: '2' }],
        tag: 'kind',
        variants: [
          { case: 'a', type: '1' },
          { case: 'b', type: '3' },
        ],
      },
      empty,
      {
        name: '2',
        'meta-type': 'enum',
        members: [{ name: 'a' }, { name: 'b' }],
        values: ['a', 'b'],
      },
      { name: '3', 'meta-type': 'object', members: [{ name: 'x', type: 'int' }] },
      { name: 'int', 'meta-type': 'builtin', 'json-type': 'int' },
    ]);
  });

  it('tells once of a type that is used several times, or by itself', () => {
    interface Tree {
      readonly below?: readonly (Tree | string)[] | undefined;
    }
    const treeOrName: Type<Tree | string> = alternate('TreeOrName', [later(() => tree), str]);
    const tree: ObjectType<Tree> = struct('Tree', { below: optional(list(treeOrName)) });
    expect(typesOf(tree)).toEqual([
      {
        name: '0',
        'meta-type': 'object',
        members: [{ name: 'below', type: '[2]', default: null }],
      },
      empty,
      { name: '2', 'meta-type': 'alternate', members: [{ type: '0' }, { type: 'str' }] },
      { name: '[2]', 'meta-type': 'array', 'element-type': '2' },
      { name: 'str', 'meta-type': 'builtin', 'json-type': 'string' },
    ]);
  });
});
