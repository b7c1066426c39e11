import { describe, expect, it } from 'vitest';
import { splitWords, takeWord } from '../../../src/monitor/hmp/words.ts';

function split(line: string) {
  let complaint = '';
  const words = splitWords(line, (text) => {
    complaint += text;
  });
  return words ?? complaint;
}

describe('splitWords()', () => {
  it.each([
    ['', []],
    ['  stop ', ['stop']],
    ['a\tb  c', ['a', 'b', 'c']],
    ['qemu-io d "read 0 512"', ['qemu-io', 'd', 'read 0 512']],
    ["'a b'", ["'a", "b'"]],
    [String.raw`"a\"b\\c\'d\n\r"`, [`a"b\\c'd\n\r`]],
    ['""', ['']],
    ['a"b', ['a"b']],
    ['"a"b', ['a', 'b']],
  ])('cuts %j', (line, words) => {
    expect(split(line)).toEqual(words);
  });

  it.each([
    ['a "b', 'unterminated string\n'],
    [String.raw`a "b\d"`, "unsupported escape code: '\\d'\n"],
    ['"a\\', "unsupported escape code: '\\'\n"],
  ])('complains of %j', (line, complaint) => {
    expect(split(line)).toBe(complaint);
  });
});

describe('takeWord()', () => {
  it('leaves what is behind the word as it is', () => {
    expect(takeWord('  a  b ', () => {})).toEqual({ word: 'a', rest: '  b ' });
    expect(takeWord('"a b" c', () => {})).toEqual({ word: 'a b', rest: ' c' });
  });
});
