import { describe, expect, it } from 'vitest';
import { type JsonItem, JsonReader, parseJson } from '../../../src/wire/qmp/json-reader.ts';
import type { JsonValue } from '../../../src/wire/qmp/json-value.ts';
import { cutEverywhere } from '../../support/hex.ts';

/** What a stream gives: values, and errors as QEMU's text in an {@link Error}. */
function plain(items: readonly JsonItem[]): readonly unknown[] {
  return items.map((item) =>
    item.kind === 'value' ? item.value : new Error(item.error.reason, { cause: item.error.code }),
  );
}

/** Reads bytes, a character for each, and then ends the stream. */
function read(pieces: readonly Uint8Array[]): readonly unknown[] {
  const reader = new JsonReader();
  return plain([...pieces.flatMap((piece) => reader.read(piece)), ...reader.end()]);
}

function expectAtEveryCut(bytes: string, expected: readonly unknown[]): void {
  for (const pieces of cutEverywhere(Buffer.from(bytes, 'latin1'))) {
    expect(read(pieces)).toEqual(expected);
  }
}

function wrong(reason: string): Error {
  return new Error(reason, { cause: 'EINVAL' });
}

function broken(what: string): Error {
  return wrong(`JSON parse error, ${what}`);
}

describe('a value', () => {
  it.each<[string, JsonValue]>([
    ['null', null],
    ['true', true],
    ['false', false],
    ['""', ''],
    ["'a\"b'", 'a"b'],
    ['"a\'b"', "a'b"],
    ['[]', []],
    ['{}', {}],
    [' [ 1 ,\t[ ] , { } ]\r\n', [1, [], {}]],
    ['{"a": {"b": [true, null]}, \'c\': "d"}', { a: { b: [true, null] }, c: 'd' }],
    ['{"__proto__": 1}', Object.fromEntries([['__proto__', 1]])],
  ])('is read however it is cut: %s', (text, value) => {
    expectAtEveryCut(text, [value]);
  });

  it('comes when its last byte has come, a number or a word with the next one', () => {
    const reader = new JsonReader();
    expect(reader.read(Buffer.from('{"a": 1'))).toEqual([]);
    expect(plain(reader.read(Buffer.from('}')))).toEqual([{ a: 1 }]);
    expect(reader.read(Buffer.from('12'))).toEqual([]);
    expect(plain(reader.read(Buffer.from('\n')))).toEqual([12]);
    expect(reader.read(Buffer.from('null'))).toEqual([]);
    expect(plain(reader.end())).toEqual([null]);
  });

  it('needs nothing between it and the next', () => {
    expectAtEveryCut('{}[]"a"\'b\'1"c"true{}', [{}, [], 'a', 'b', 1, 'c', true, {}]);
  });
});

describe('a number', () => {
  it.each<[string, number | bigint]>([
    ['0', 0],
    ['-0', 0],
    ['-0.0', -0],
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['-9223372036854775808', -9223372036854775808n],
    ['-9223372036854775809', -(2 ** 63)],
    ['18446744073709551615', 18446744073709551615n],
    ['18446744073709551616', 2 ** 64],
    [`1${'0'.repeat(400)}`, Number.POSITIVE_INFINITY],
    ['1.5', 1.5],
    ['-1.5e-3', -0.0015],
    ['1E+2', 100],
  ])('is exact up to 64 bits, and else a double: %s', (text, value) => {
    expect(parseJson(text)).toBe(value);
  });

  it.each([
    ['[01]', "stray '01'", 'expecting value'],
    ['[1.]', "stray '1.]'"],
    ['[-]', "stray '-]'"],
    ['[--1]', "stray '--'", 'expecting value'],
    ['[.5]', "stray '.'", 'expecting value'],
    ['[1e+]', "stray '1e+]'"],
    ['[0e1]', 'expected separator in list'],
  ])('has digits where they must be: %s', (text, ...errors) => {
    expectAtEveryCut(text, errors.map(broken));
  });
});

describe('a string', () => {
  it.each([
    [String.raw`"\"\'\\\/\b\f\n\r\t"`, '"\'\\/\b\f\n\r\t'],
    [String.raw`"\u0000\u00e9\u20AC"`, '\0é€'],
    [String.raw`"\ud83d\ude00"`, '😀'],
    ['"\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"', '\x7fé€😀'],
    ['"\xc0\x80"', '\0'],
  ])('may have escapes and modified UTF-8: %j', (text, value) => {
    expectAtEveryCut(text, [value]);
  });

  it.each([
    [String.raw`"\ud83d"`, String.raw`\ud83d`],
    [String.raw`"\ud83d\u0041"`, String.raw`\ud83d`],
    [String.raw`"\ud83dx"`, String.raw`\ud83d`],
    [String.raw`"\ude00"`, String.raw`\ude00`],
    [String.raw`"\uffff"`, String.raw`\uffff`],
    [String.raw`"\ufdd0"`, String.raw`\ufdd0`],
    [String.raw`"\ud83f\udffe"`, String.raw`\ud83f\udffe`],
    [String.raw`"\u12"`, String.raw`\u12"`],
    [String.raw`"\u00g0"`, String.raw`\u00g0`],
    ['"\\u123\xc3\xa9"', '\\u123\ufffd'],
  ])('has no escape for what is no character: %j', (text, shown) => {
    expectAtEveryCut(text, [broken(`${shown} is not a valid Unicode character`)]);
  });

  it.each(['"\\q"', '"\\x41"', '"\\0"'])('has no other escapes: %s', (text) => {
    expectAtEveryCut(text, [broken('invalid escape sequence in string')]);
  });

  it.each([
    '"\x80"',
    '"\xc3("',
    '"\xe2\x82"',
    '"\xc1\xbf"',
    '"\xe0\x9f\xbf"',
    '"\xed\xa0\x80"',
    '"\xef\xbf\xbf"',
    '"\xf4\x90\x80\x80"',
    '"\xf8\x88\x80\x80\x80"',
  ])('has no bytes that are no character: %j', (text) => {
    expectAtEveryCut(text, [broken('invalid UTF-8 sequence in string')]);
  });

  it.each([
    ['"\n', "stray '\"\n'"],
    ['"\t"', "stray '\"\t'"],
    ['"\\\n', "stray '\"\\\n'"],
    ["'\x1f", "stray ''\x1f'"],
    ['"\xfe', "stray '\"\ufffd'"],
    ['"ab', "stray '\"ab'"],
    ["'a\\", "stray ''a\\'"],
  ])('ends before its quote at a control character: %j', (text, error) => {
    expectAtEveryCut(text, [broken(error)]);
  });
});

describe('what is no JSON', () => {
  it.each([
    ['nul ', "invalid keyword 'nul'"],
    ['{1: 2}', 'key is not a string in object'],
    ['{null: 2}', 'key is not a string in object'],
    ['{"a" 1}', 'missing : in object pair'],
    ['{"a": }', 'expecting value'],
    ['{"a": 1,}', 'expecting value'],
    ['{"a": 1 "b": 2}', 'expected separator in dict'],
    ['{"a": 1, "a": 2}', 'duplicate key'],
    ['[1,]', 'expecting value'],
    ['[1 2]', 'expected separator in list'],
    ['[1}', 'expected separator in list'],
    ['{[}]', 'expecting value'],
    ['}', 'expecting value'],
    [':', 'expecting value'],
    ['{"a"', 'premature EOI'],
    ['[1,', 'premature EOI'],
  ])('is said as QEMU says it: %s', (text, error) => {
    expectAtEveryCut(text, [broken(error)]);
  });

  it('ends where a bracket is closed that was not opened', () => {
    expectAtEveryCut('[1}{}', [broken('expected separator in list'), {}]);
    expectAtEveryCut('{"a": 1]2', [broken('expected separator in dict'), 2]);
  });

  it('is quoted up to the length of a line of QEMU', () => {
    const [error] = read([Buffer.from(`${'a'.repeat(2000)} `)]);
    expect(error).toEqual(broken(`invalid keyword '${'a'.repeat(1006)}`));
  });
});

describe('after a stray byte', () => {
  it.each([
    ['@ x "y" 1 {}', ['@'], [{}]],
    ['[1, @ 2, 3]', ['@'], [broken('expecting value'), 3, broken('expecting value')]],
    ['@ x\ty\n7 ', ['@'], [7]],
    ['%d\n', ['%'], []],
    ['/* c */ {}', ['/'], [{}]],
    ['{"execute": "qu\xff{"a": 1}', ['"qu\ufffd'], [{ a: 1 }]],
    ['\xff\xfe{}', ['\ufffd', '\ufffd'], [{}]],
    ['\x00\x01{}', ['', '\x01'], [{}]],
    ['\xe2\x82\xac{}', ['\ufffd'], [{}]],
  ])('reading begins again where something new can begin: %j', (text, strays, then) => {
    const errors = strays.map((stray) => broken(`stray '${stray}'`));
    expectAtEveryCut(text, [...errors, ...then]);
  });
});

describe('a value that is too large', () => {
  it('is refused where it has more than 1024 brackets open', () => {
    const deepest = `${'['.repeat(512)}${'{"a":'.repeat(512)}1${'}'.repeat(512)}${']'.repeat(512)}`;
    expect(read([Buffer.from(deepest)])).toEqual([parseJson(deepest)]);
    const [error, ...more] = read([Buffer.from(`${'['.repeat(1025)}{}`)]);
    expect(error).toEqual(wrong('JSON nesting depth limit exceeded'));
    expect(more).toEqual([{}]);
  });

  it('is refused where it has more than 2 Mi tokens', () => {
    const most = `[${'1,'.repeat(2 ** 20 - 2)}12]`;
    expect(plain(new JsonReader().read(Buffer.from(most)))).toEqual([expect.any(Array)]);
    const [error, ...more] = read([Buffer.from(`[${'1,'.repeat(2 ** 20 - 1)}1,\n{}`)]);
    expect(error).toEqual(wrong('JSON token count limit exceeded'));
    expect(more).toEqual([{}]);
  });

  it('is refused where it has 64 MiB of tokens or more', () => {
    const reader = new JsonReader();
    const part = Buffer.alloc(2 ** 24, 'x');
    expect(reader.read(Buffer.from('["'))).toEqual([]);
    for (let index = 0; index < 3; index += 1) expect(reader.read(part)).toEqual([]);
    const error = wrong('JSON token size limit exceeded');
    expect(reader.read(Buffer.from('", "'))).toEqual([]);
    expect(reader.read(part)).toEqual([]);
    expect(plain(reader.read(Buffer.from('"{}')))).toEqual([error, {}]);
  });

  it('is refused where one token alone is, without waiting for its end', () => {
    const reader = new JsonReader();
    const part = Buffer.alloc(2 ** 24, 'x');
    expect(reader.read(Buffer.from('"'))).toEqual([]);
    for (let index = 0; index < 3; index += 1) expect(reader.read(part)).toEqual([]);
    expect(reader.read(part.subarray(1))).toEqual([]);
    const error = wrong('JSON token size limit exceeded');
    expect(plain(reader.read(Buffer.from('x\n{}')))).toEqual([error, {}]);
  });
});

describe('parseJson()', () => {
  it.each([
    ['', 'Expecting a JSON value'],
    [' \n', 'Expecting a JSON value'],
    ['{} {}', 'Expecting at most one JSON value'],
    ['{"a": 1}x', 'Expecting at most one JSON value'],
    ['{', 'JSON parse error, premature EOI'],
    ['{"a', `JSON parse error, stray '"a'`],
    ['@', "JSON parse error, stray '@'"],
  ])('wants one value and nothing else: %j', (text, reason) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: 'EINVAL', reason }));
  });
});
