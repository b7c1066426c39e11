import { describe, expect, it } from 'vitest';
import { commands } from '../../src/monitor/commands/index.ts';
import { events } from '../../src/monitor/events.ts';
import { describeSchema } from '../../src/monitor/reference.ts';
import { EMPTY } from '../../src/wire/qapi/command.ts';
import {
  alternate,
  enumeration,
  list,
  optional,
  struct,
  union,
  withFeatures,
} from '../../src/wire/qapi/composites.ts';
import { int, str } from '../../src/wire/qapi/scalars.ts';

const kind = enumeration('Kind', ['box', 'dot']);
const box = struct('Box', { width: int, label: withFeatures(optional(str), 'unstable') });
const shape = union('Shape', { members: { kind }, tag: 'kind', branches: { box } });

describe('the reference', () => {
  it('describes commands, events, and the types that are named there', () => {
    const draw = {
      name: 'draw',
      summary: 'Draws a shape',
      arguments: shape,
      returns: list(box),
      features: ['unstable'],
    };
    const clear = {
      name: 'clear',
      summary: 'Removes shapes',
      arguments: struct('ClearArguments', { shapes: list(alternate('ShapeOrName', [shape, str])) }),
    };
    const event = { summary: 'It was drawn', data: struct('Drawn', { id: str }) };
    const told = describeSchema({ commands: { draw, clear }, events: { DRAWN: event } });
    expect(told.join('\n')).toBe(`COMMANDS

clear
  Removes shapes
  shapes: [ShapeOrName]

draw (unstable)
  Draws a shape
  Shape
  -> [Box]

EVENTS

DRAWN
  It was drawn
  id: str

TYPES

Box
  width: int
  label?: str (unstable)

Kind
  box | dot

Shape
  kind: Kind
  if kind is box
    width: int
    label?: str (unstable)

ShapeOrName
  Shape | str`);
  });

  it('has every command and event, and describes each type once', () => {
    const lines = describeSchema({ commands, events });
    for (const name of [...Object.keys(commands), ...Object.keys(events)]) {
      expect(lines.some((line) => line.split(' ')[0] === name)).toBe(true);
    }
    const types = lines.slice(lines.indexOf('TYPES')).filter((line) => /^\w/.test(line));
    expect(new Set(types).size).toBe(types.length);
    expect(types).toContain('BlockdevOptions');
  });

  it('says nothing of what takes nothing', () => {
    const quit = { name: 'quit', summary: 'Ends the program', arguments: EMPTY };
    expect(describeSchema({ commands: { quit }, events: {} }).slice(0, 4)).toEqual([
      'COMMANDS',
      '',
      'quit',
      '  Ends the program',
    ]);
  });
});
