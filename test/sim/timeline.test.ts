import { expect, it } from 'vitest';
import { drawTimeline } from '../../src/sim/timeline.ts';
import { Trace, type TraceEntry } from '../../src/sim/trace.ts';

const ENTRIES: readonly Omit<TraceEntry, 'nowMs'>[] = [
  { step: 0, column: 'mirror', text: 'is running' },
  { step: 0, column: 'source', text: 'job: read 0 asked', sectors: { first: 0, count: 1 } },
  { step: 1, column: 'guest', text: '0: write 1', sectors: { first: 1, count: 1 } },
  { step: 1, column: 'source', text: 'guest: write 1 asked', sectors: { first: 1, count: 1 } },
  { step: 2, column: 'world', text: 'time goes on' },
  { step: 3, column: 'source', text: 'guest: write 1 answered', sectors: { first: 1, count: 1 } },
  { step: 3, column: 'device', text: '0 done', sectors: { first: 1, count: 1 } },
];

function traceOf(entries: readonly Omit<TraceEntry, 'nowMs'>[]): Trace {
  const trace = new Trace();
  for (const entry of entries) trace.add({ nowMs: 0, ...entry });
  return trace;
}

it('draws a run as a table, time going down and to the right', () => {
  expect(drawTimeline(traceOf(ENTRIES.slice(0, 5))).split('\n')).toEqual([
    'step  guest       device  mirror      source                target',
    '   0                      is running  job: read 0 asked',
    '   1  0: write 1                      guest: write 1 asked',
    '   2  -- time goes on --',
  ]);
});

it('marks what is about the sector that is wrong, and says what is', () => {
  const violation = {
    invariant: 'I9 completed is equal',
    expected: 'a',
    found: 'b',
    step: 3,
    sector: 1,
  } as const;
  const lines = drawTimeline(traceOf(ENTRIES), violation).split('\n');
  const marked = lines.slice(0, -3).filter((line) => line.endsWith('<'));
  expect(marked).toHaveLength(3);
  expect(lines.slice(-3)).toEqual([
    '',
    'step 3 breaks "I9 completed is equal": expected a, found b',
    'rows about sector 1 are marked with  <',
  ]);
});
