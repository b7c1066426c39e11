/** What happened in a small run, for tests of what draws it. */

import { Trace, type TraceEntry } from '../../src/sim/trace.ts';

export type Entry = Omit<TraceEntry, 'nowMs'>;

const FIRST = { first: 0, count: 1 };
const SECOND = { first: 1, count: 1 };

export const ENTRIES: readonly Entry[] = [
  { step: 0, column: 'mirror', text: 'is running' },
  { step: 0, column: 'source', text: 'job: read 0 asked', sectors: FIRST },
  { step: 1, column: 'guest', text: '0: write 1', sectors: SECOND },
  { step: 1, column: 'source', text: 'guest: write 1 asked', sectors: SECOND },
  { step: 2, column: 'world', text: 'time goes on' },
  { step: 3, column: 'source', text: 'guest: write 1 answered', sectors: SECOND },
  { step: 3, column: 'device', text: '0 done', sectors: SECOND },
];

export function traceOf(entries: readonly Entry[]): Trace {
  const trace = new Trace();
  for (const entry of entries) trace.add({ nowMs: 0, ...entry });
  return trace;
}
