import { describe, expect, it } from 'vitest';
import { lostRequest, rowsOf } from '../../src/sim/timeline-rows.ts';
import { ENTRIES, traceOf } from './entries.ts';

const at = (expected: string, sector?: number) =>
  ({
    invariant: 'I1 clean ranges are equal',
    expected,
    found: '',
    step: 3,
    ...(sector !== undefined && { sector }),
  }) as const;

describe('the rows of a run', () => {
  it('hold what happened at one step, as long as it goes to the right', () => {
    const rows = rowsOf(traceOf(ENTRIES));
    expect(rows.map(({ step, cells, note }) => [step, Object.keys(cells), note])).toEqual([
      [0, ['mirror', 'source'], undefined],
      [1, ['guest', 'source'], undefined],
      [2, [], 'time goes on'],
      [3, ['source'], undefined],
      [3, ['device'], undefined],
    ]);
    expect(rows.flatMap(({ entries }) => entries).map(({ text }) => text)).toEqual(
      ENTRIES.map(({ text }) => text),
    );
  });

  it('are about a sector, or the write that is missing, where a violation says so', () => {
    const marks = (violation: ReturnType<typeof at>) =>
      rowsOf(traceOf(ENTRIES), violation).map(({ mark }) => mark);
    expect(marks(at("request 0's sector 1", 1))).toEqual(['none', 'lost', 'none', 'about', 'lost']);
    expect(marks(at("request 5's sector 1", 1))).toEqual([
      'none',
      'about',
      'none',
      'about',
      'about',
    ]);
    expect(marks(at('something', 0))).toEqual(['about', 'none', 'none', 'none', 'none']);
    expect(new Set(marks(at("request 0's sector 1")))).toEqual(new Set(['none']));
  });
});

describe('lostRequest()', () => {
  it.each([
    ["request 3's sector 0 in sector 0", 3],
    ["request 3's sector 0 or request 4's sector 0", undefined],
    ['zeroes', undefined],
  ])('finds in %j %s', (expected, request) => {
    expect(lostRequest(at(expected, 0))).toBe(request);
  });
});
