import { expect, it } from 'vitest';
import { rowsOf } from '../../src/sim/timeline-rows.ts';
import { spansOf } from '../../src/sim/timeline-spans.ts';
import { ENTRIES, type Entry, traceOf } from './entries.ts';

const spans = (entries: readonly Entry[]) => spansOf(rowsOf(traceOf(entries)));

/** One entry at a step of its own. */
const disk = (...texts: readonly string[]): readonly Entry[] =>
  texts.map((text, step) => ({ step, column: 'target', text: `job: ${text}` }));

it('follows requests from when they were made to when they were answered', () => {
  expect(spans(ENTRIES)).toEqual([
    { column: 'source', slot: 0, first: 0, last: 4, effect: undefined, end: 'none' },
    { column: 'guest', slot: 0, first: 1, last: 4, effect: undefined, end: 'answered' },
    { column: 'source', slot: 1, first: 1, last: 3, effect: undefined, end: 'answered' },
  ]);
});

it('tells requests apart that look alike, the oldest first', () => {
  const found = spans(
    disk(
      'flush asked',
      'flush asked',
      'flush takes effect',
      'flush answered',
      'flush fails with EIO',
    ),
  );
  expect(found).toMatchObject([
    { slot: 0, first: 0, effect: 2, last: 3, end: 'answered' },
    { slot: 1, first: 1, effect: undefined, last: 4, end: 'failed' },
  ]);
});

it('gives a request the place of one that is over', () => {
  const found = spans(disk('read 0 asked', 'read 0 answered', 'read 0 asked', 'read 1 asked'));
  expect(found.map(({ slot }) => slot)).toEqual([0, 0, 1]);
});
