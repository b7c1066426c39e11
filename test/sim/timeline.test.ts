import { describe, expect, it } from 'vitest';
import type { Violation } from '../../src/sim/oracle/violation.ts';
import { drawTimeline, wrap } from '../../src/sim/timeline.ts';
import { ENTRIES_MAX } from '../../src/sim/trace.ts';
import { ENTRIES, traceOf } from './entries.ts';

const VIOLATION: Violation = {
  invariant: 'I9 completed is equal',
  expected: "request 0's sector 1 there",
  found: 'zeroes',
  step: 3,
  sector: 1,
};

describe('a timeline', () => {
  it('is a table, time going down and to the right', () => {
    expect(drawTimeline(traceOf(ENTRIES.slice(0, 5))).split('\n')).toEqual([
      'step  guest       device  mirror      source                target',
      '   0                      is running  job: read 0 asked',
      '   1  0: write 1                      guest: write 1 asked',
      '   2  -- time goes on --',
    ]);
  });

  it('marks what is about the sector that is wrong, and twice the write that is missing', () => {
    const lines = drawTimeline(traceOf(ENTRIES), VIOLATION).split('\n');
    expect(
      lines.filter((line) => line.endsWith(' <<')).map((line) => line.slice(0, 20).trim()),
    ).toEqual(['1  0: write 1', '3              0', 'the write that is mi']);
    expect(lines.slice(0, -4).filter((line) => line.endsWith(' <'))).toHaveLength(1);
    expect(lines.slice(-4)).toEqual([
      '',
      'step 3 breaks "I9 completed is equal": expected request 0\'s sector 1 there, found zeroes',
      'rows about sector 1 are marked with  <',
      'the write that is missing, request 0, is marked with  <<',
    ]);
  });

  it('marks no write as missing when there are several that may be there', () => {
    const expected = "request 0's sector 1 or request 2's sector 1";
    const text = drawTimeline(traceOf(ENTRIES), { ...VIOLATION, expected });
    expect(text).not.toContain('<<');
    expect(text.split('\n').filter((line) => line.endsWith(' <'))).toHaveLength(4);
  });

  it.each([60, 75, 90, 120])('is not wider than %d columns, and says the same', (width) => {
    const long = ENTRIES.map((entry) => ({ ...entry, text: `${entry.text} for some time` }));
    const text = drawTimeline(traceOf(long), VIOLATION, { width });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(width);
    const words = text.split(/\s+/);
    for (const { text: own } of long) {
      for (const word of own.split(' ')) expect(words).toContain(word);
    }
  });

  it('says how much of a long run is not shown', () => {
    const trace = traceOf(
      Array.from({ length: ENTRIES_MAX + 2 }, () => ({
        step: 0,
        column: 'world' as const,
        text: 'time goes on',
      })),
    );
    expect(drawTimeline(trace)).toMatch(/\n {6}… and 2 more$/);
  });
});

describe('wrap()', () => {
  it.each([
    ['one two', 7, ['one two']],
    ['one two', 6, ['one', 'two']],
    ['abcdefgh ij', 3, ['abc', 'def', 'gh', 'ij']],
    ['', 5, ['']],
  ])('puts %j on lines of %d', (text, width, lines) => {
    expect(wrap(text, width)).toEqual(lines);
  });
});
