import { describe, expect, it } from 'vitest';
import { MutationFailed, mutate } from '../../../src/sim/museum/mutate.ts';

const TEXT = 'function add(a, b) {\n    // adds\n    return a + b;\n}\n';

function mutated(find: string, replace: string, text = TEXT): string | undefined {
  return mutate([{ file: 'a.js', find, replace }], () => text).get('a.js');
}

describe('mutate()', () => {
  it('puts one text in the place of another, and leaves the rest', () => {
    expect(mutated('a + b', 'a - b')).toBe(TEXT.replace('a + b', 'a - b'));
  });

  it('finds a text that is broken into lines in another way', () => {
    expect(mutated('b) { // adds return\n a', 'b) { return a')).toBe(
      'function add(a, b) { return a + b;\n}\n',
    );
  });

  it('takes signs for themselves, and not for a pattern', () => {
    expect(mutated('a.b?.(c)', '$& $1', 'x = a.b?.(c);')).toBe('x = $& $1;');
    expect(() => mutated('a.b', 'c', 'x = aXb;')).toThrow(MutationFailed);
  });

  it('refuses a text that is not there', () => {
    expect(() => mutated('a * b', 'a')).toThrow('Cannot change a.js: it is not there: a * b');
  });

  it('refuses a text that is there more than once', () => {
    expect(() => mutated('a', 'b')).toThrow(/^Cannot change a\.js: it is there \d times: a$/);
  });

  it('makes several changes of one file one after the other, and of several files', () => {
    const changed = mutate(
      [
        { file: 'a.js', find: 'one', replace: 'two' },
        { file: 'b.js', find: 'one', replace: '' },
        { file: 'a.js', find: 'two', replace: 'three' },
      ],
      (file) => `one in ${file}`,
    );
    expect(changed).toEqual(
      new Map([
        ['a.js', 'three in a.js'],
        ['b.js', ' in b.js'],
      ]),
    );
  });
});
