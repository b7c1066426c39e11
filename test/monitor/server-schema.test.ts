import { describe, expect, it } from 'vitest';
import { ServerSchema } from '../../src/monitor/server-schema.ts';
import { parseWords } from '../../src/wire/options/keyval.ts';

/** A command with an argument of each kind, as QEMU's schema tells of it. */
const SCHEMA = new ServerSchema([
  { name: 'add', 'meta-type': 'command', 'arg-type': '1', 'ret-type': '0' },
  { name: 'none', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0' },
  { name: 'HAPPENED', 'meta-type': 'event', 'arg-type': '0' },
  { name: '0', 'meta-type': 'object', members: [] },
  {
    name: '1',
    'meta-type': 'object',
    tag: 'driver',
    members: [
      { name: 'driver', type: '2' },
      { name: 'size', type: 'int', default: null },
      { name: 'on', type: 'bool', default: null },
      { name: 'ratio', type: 'number', default: null },
      { name: 'names', type: '[str]', default: null },
      { name: 'what', type: 'any', default: null },
      { name: 'gone', type: 'null', default: null },
    ],
    variants: [
      { case: 'file', type: '3' },
      { case: 'raw', type: '4' },
    ],
  },
  {
    name: '2',
    'meta-type': 'enum',
    members: [{ name: 'file' }, { name: 'raw' }],
    values: ['file', 'raw'],
  },
  { name: '3', 'meta-type': 'object', members: [{ name: 'filename', type: 'str' }] },
  { name: '4', 'meta-type': 'object', members: [{ name: 'file', type: '5' }] },
  { name: '5', 'meta-type': 'alternate', members: [{ type: '1' }, { type: 'str' }] },
  { name: '[str]', 'meta-type': 'array', 'element-type': 'str' },
  { name: 'str', 'meta-type': 'builtin', 'json-type': 'string' },
  { name: 'int', 'meta-type': 'builtin', 'json-type': 'int' },
  { name: 'bool', 'meta-type': 'builtin', 'json-type': 'boolean' },
  { name: 'number', 'meta-type': 'builtin', 'json-type': 'number' },
  { name: 'null', 'meta-type': 'builtin', 'json-type': 'null' },
  { name: 'any', 'meta-type': 'builtin', 'json-type': 'value' },
]);

function typed(...words: readonly string[]) {
  return SCHEMA.argumentsOf('add', parseWords(words));
}

describe('the arguments of a command', () => {
  it('have the types that the server names', () => {
    const words = ['driver=file', 'filename=7', 'size=0x10', 'on=yes', 'ratio=0.5', 'gone='];
    const plain = { driver: 'file', filename: '7', size: 16, on: true, ratio: 0.5, gone: null };
    expect(typed(...words)).toEqual(plain);
  });

  it('are sizes with their suffix where a number is wanted', () => {
    expect(typed('size=64K')).toEqual({ size: 65536 });
    expect(typed('size=-1')).toEqual({ size: -1 });
  });

  it('are nested by dots, a union by what its tag says, an alternate by what is given', () => {
    expect(typed('driver=raw', 'file.driver=file', 'file.filename=1,2')).toEqual({
      driver: 'raw',
      file: { driver: 'file', filename: '1,2' },
    });
    expect(typed('driver=raw', 'file=5')).toEqual({ driver: 'raw', file: '5' });
  });

  it('are lists by index, as JSON, or of one', () => {
    expect(typed('names.0=a', 'names.1=b')).toEqual({ names: ['a', 'b'] });
    expect(typed('names=["a", "b"]')).toEqual({ names: ['a', 'b'] });
    expect(typed('names=a')).toEqual({ names: ['a'] });
  });

  it('are JSON where anything may be given, if they look like it', () => {
    expect(typed('what={"a": [1]}')).toEqual({ what: { a: [1] } });
    expect(typed('what=12')).toEqual({ what: 12 });
    expect(typed('what=true')).toEqual({ what: true });
    expect(typed('what=a b')).toEqual({ what: 'a b' });
  });

  it('are texts where the server knows nothing of them, so that it refuses them', () => {
    expect(typed('nosuch=1', 'deep.er=2')).toEqual({ nosuch: '1', deep: { er: '2' } });
    expect(SCHEMA.argumentsOf('other', { a: '1' })).toEqual({ a: '1' });
  });

  it.each([
    ['size=x', "'size' must be a number, such as 64K: x"],
    ['on=maybe', "'on' must be on or off: maybe"],
    ['ratio=', "'ratio' must be a number: "],
  ])('are refused where they are none of their type: %s', (word, reason) => {
    expect(() => typed(word)).toThrow(reason);
  });
});

describe('completion', () => {
  it('knows the commands, and no events', () => {
    expect(SCHEMA.commands).toEqual(['add', 'none']);
  });

  it('knows the arguments, those too that a tag brings', () => {
    const common = ['driver', 'size', 'on', 'ratio', 'names', 'what', 'gone'];
    expect(SCHEMA.memberNames('add', {})).toEqual(common);
    expect(SCHEMA.memberNames('add', { driver: 'file' })).toEqual([...common, 'filename']);
  });

  it('goes into what is nested once it has begun', () => {
    const names = (...words: readonly string[]) => SCHEMA.memberNames('add', parseWords(words));
    expect(names('driver=raw')).toContain('file.driver');
    expect(names('driver=raw', 'file.driver=file')).toContain('file.filename');
  });

  it('knows the words of an enum and of a boolean', () => {
    expect(SCHEMA.valuesOf('add', 'driver', {})).toEqual(['file', 'raw']);
    expect(SCHEMA.valuesOf('add', 'on', {})).toEqual(['on', 'off']);
    expect(SCHEMA.valuesOf('add', 'size', {})).toEqual([]);
    const nested = parseWords(['driver=raw']);
    expect(SCHEMA.valuesOf('add', 'file.driver', nested)).toEqual(['file', 'raw']);
  });
});
