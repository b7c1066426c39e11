import { describe, expect, it } from 'vitest';
import { readReplay, writeReplay } from '../../src/sim/simulate-failure.ts';

describe('writeReplay()', () => {
  it.each([
    [[], '7//abc'],
    [[0], '7/0/abc'],
    [[0, 0, 0, 2, 0, 0, 1], '7/0*3.2.0*2.1/abc'],
    [[3, 3, 3], '7/3.3.3/abc'],
  ])('writes %j in one word, which readReplay() reads', (schedule, word) => {
    const replay = { seed: 7, schedule, digest: 'abc' };
    expect(writeReplay(replay)).toBe(word);
    expect(readReplay(word)).toEqual(replay);
  });
});

describe('readReplay()', () => {
  it.each([
    '',
    '7',
    '7/0',
    '-1/0/a',
    '7/0./a',
    '7/.0/a',
    '7/0*/a',
    '7/0*999999999/a',
    'x/0/a',
    '7/0/a/b',
  ])('refuses "%s"', (text) => {
    expect(() => readReplay(text)).toThrow(RangeError);
  });
});
