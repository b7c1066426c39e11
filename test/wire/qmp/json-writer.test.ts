import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../src/wire/qmp/json-value.ts';
import { formatJson } from '../../../src/wire/qmp/json-writer.ts';

describe('formatJson()', () => {
  it.each<[string, JsonValue]>([
    ['null', null],
    ['true', true],
    ['-7', -7],
    ['0.10000000000000001', 0.1],
    ['18446744073709551615', 18446744073709551615n],
    ['[]', []],
    ['{}', {}],
    ['[1, [2], {}]', [1, [2], {}]],
    ['{"a": {"b": null}, "c": []}', { a: { b: null }, c: [] }],
    ['{"return": {}, "id": 1}', { id: 1, return: {} }],
    ['{"id": 1, "error": {}}', { error: {}, id: 1 }],
  ])('writes a space after commas and colons: %s', (text, value) => {
    expect(formatJson(value)).toBe(text);
  });

  it('leaves out members that are undefined', () => {
    const value = { a: undefined, b: [{ c: undefined }] };
    // What a command answers has such members; they are no JSON.
    expect(formatJson(value as unknown as JsonValue)).toBe('{"b": [{}]}');
  });

  it('writes a line for each element where it is to be pretty', () => {
    const value = { id: { a: [], b: {}, c: [1, { x: 'y' }] } };
    const text = `{
    "id": {
        "a": [
        ],
        "b": {
        },
        "c": [
            1,
            {
                "x": "y"
            }
        ]
    }
}`;
    expect(formatJson(value, { pretty: true })).toBe(text);
  });

  it.each([
    ["~ !#[]/'", "~ !#[]/'"],
    ['"\\\b\f\n\r\t', String.raw`\"\\\b\f\n\r\t`],
    ['\0\x1f\x7f', String.raw`\u0000\u001F\u007F`],
    ['é€😀', String.raw`\u00E9\u20AC\uD83D\uDE00`],
    ['\ud83d-\ude00-\ufdd0-\uffff-\u{1fffe}', String.raw`\uFFFD-\uFFFD-\uFFFD-\uFFFD-\uFFFD`],
  ])('writes texts in ASCII: %j', (value, text) => {
    expect(formatJson(value)).toBe(`"${text}"`);
    expect(formatJson({ [value]: 0 })).toBe(`{"${text}": 0}`);
  });
});
