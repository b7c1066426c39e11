/**
 * Requests as lines in time: which entries of a run are the beginning, the effect and the end of
 * one request. An entry says so in its words; of requests that look alike the oldest goes first.
 */

import type { Column, Row } from './timeline-rows.ts';

/** A request, from the row in which it was made to that in which it was answered. */
export interface Span {
  readonly column: Column;
  /** Which line of its column it is drawn on, from 0: requests at one time have different ones. */
  readonly slot: number;
  readonly first: number;
  /** The last row of all if it was never answered. */
  last: number;
  /** When it took effect, if it did before its answer. */
  effect: number | undefined;
  end: 'answered' | 'failed' | 'none';
}

/** @returns The requests of a run, the first one first. */
export function spansOf(rows: readonly Row[]): readonly Span[] {
  const spans: Span[] = [];
  const open = new Map<string, Span[]>();
  for (const [row, { entries }] of rows.entries()) {
    for (const { column, text } of entries) {
      const event = column === 'world' ? undefined : eventOf(column, text);
      if (!event) continue;
      const key = `${event.column} ${event.what}`;
      const alike = open.get(key) ?? [];
      open.set(key, alike);
      if (event.type === 'begin') {
        const span = begin(spans, { column: event.column, row, lastRow: rows.length - 1 });
        alike.push(span);
      } else if (event.type === 'effect') {
        const span = alike.find(({ effect }) => effect === undefined);
        if (span) span.effect = row;
      } else {
        const span = alike.shift();
        if (span) Object.assign(span, { last: row, end: event.type });
      }
    }
  }
  return spans;
}

function begin(
  spans: Span[],
  { column, row, lastRow }: { readonly column: Column; readonly row: number; lastRow: number },
): Span {
  const busy = spans
    .filter((span) => span.column === column && (span.end === 'none' || span.last >= row))
    .map(({ slot }) => slot);
  let slot = 0;
  while (busy.includes(slot)) slot += 1;
  const span: Span = { column, slot, first: row, last: lastRow, effect: undefined, end: 'none' };
  spans.push(span);
  return span;
}

interface SpanEvent {
  /** Where the request is drawn: one of the guest with the guest, although the device ends it. */
  readonly column: Column;
  readonly what: string;
  readonly type: 'begin' | 'effect' | 'answered' | 'failed';
}

const DISK_EVENTS: Readonly<Record<string, SpanEvent['type']>> = {
  asked: 'begin',
  'takes effect': 'effect',
  answered: 'answered',
};

function eventOf(column: Column, text: string): SpanEvent | undefined {
  if (column === 'guest') {
    const [what] = /^\d+/.exec(text) ?? [];
    return what === undefined ? undefined : { column, what, type: 'begin' };
  }
  if (column === 'device') {
    const [, what, how] = /^(\d+) (done|failed)/.exec(text) ?? [];
    if (what === undefined) return undefined;
    return { column: 'guest', what, type: how === 'done' ? 'answered' : 'failed' };
  }
  if (column === 'mirror') return undefined;
  const [, what, how = ''] = /^(.*) (asked|takes effect|answered|fails with \w+)$/.exec(text) ?? [];
  return what === undefined ? undefined : { column, what, type: DISK_EVENTS[how] ?? 'failed' };
}
