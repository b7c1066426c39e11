import { describe, expect, it } from 'vitest';
import { splitWords } from '../../src/cli/shell-words.ts';

describe('splitWords()', () => {
  it.each([
    ['', []],
    ['  a  b\tc ', ['a', 'b', 'c']],
    [`a='b c'd`, ['a=b cd']],
    [`"a \\"b\\" \\\\ \\n"`, ['a "b" \\ \\n']],
    [`a\\ b`, ['a b']],
    [`''`, ['']],
    [`'a"b' "c'd"`, ['a"b', "c'd"]],
  ])('splits %j as a shell does', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  it.each([`'a`, `"a`, `a\\`, `"a\\"`])('knows that %j does not end', (line) => {
    expect(splitWords(line)).toBeUndefined();
  });
});
