import { expect, it } from 'vitest';
import { UsageError } from '../../src/cli/command.ts';
import { countOf, secondsOf, wordsOf } from '../../src/cli/sim-arguments.ts';

it('takes counts from 1 on, and what is meant when there is none', () => {
  expect(countOf('threads', undefined, { otherwise: 3 })).toBe(3);
  expect(countOf('threads', '2', { otherwise: 3, max: 2 })).toBe(2);
  for (const value of ['0', '3', '1.5', '-1', 'x', '']) {
    expect(() => countOf('threads', value, { otherwise: 1, max: 2 })).toThrow(UsageError);
  }
});

it('takes time spans above 0', () => {
  expect([secondsOf('seconds', undefined), secondsOf('seconds', '0.5')]).toEqual([undefined, 0.5]);
  for (const value of ['0', '-1', 'x', '2000001']) {
    expect(() => secondsOf('seconds', value)).toThrow(UsageError);
  }
});

it('takes lists of words, each once, and all of them', () => {
  const words = ['one', 'two', 'three'] as const;
  expect(wordsOf('verbs', 'two, one,two', words)).toEqual(['two', 'one']);
  expect(wordsOf('verbs', 'all', words)).toEqual(words);
  for (const value of ['', 'four', 'one,', 'one,all']) {
    expect(() => wordsOf('verbs', value, words)).toThrow(UsageError);
  }
});
