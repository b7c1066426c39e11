/**
 * A run as rows of cells, for whatever draws it: time goes down, and within a row to the right.
 */

import type { Violation } from './oracle/violation.ts';
import type { Trace, TraceColumn, TraceEntry } from './trace.ts';

export const COLUMNS = ['guest', 'device', 'mirror', 'source', 'target'] as const;

export type Column = (typeof COLUMNS)[number];

/**
 * What a row is to a violation: the write that is missing, about the sector that is wrong, or
 * nothing in particular.
 */
export type RowMark = 'lost' | 'about' | 'none';

/** One row: what happened in each column, at one step. */
export interface Row {
  readonly step: number;
  readonly cells: Readonly<Partial<Record<Column, string>>>;
  /** What was nobody's doing, instead of cells. */
  readonly note: string | undefined;
  readonly mark: RowMark;
  /** What it was made of, in order. */
  readonly entries: readonly TraceEntry[];
}

/** @returns The rows of a run, the first one first. */
export function rowsOf(trace: Trace, violation?: Violation): readonly Row[] {
  const markOf = markerOf(violation);
  const rows: Row[] = [];
  for (const entry of trace.entries) place(rows, entry, markOf(entry));
  return rows;
}

/** Says which entries matter to a violation. */
export function markerOf(violation: Violation | undefined): (entry: TraceEntry) => RowMark {
  const { sector } = violation ?? {};
  if (sector === undefined) return () => 'none';
  const lost = lostRequest(violation);
  const words = lost === undefined ? [] : [`${lost}: `, `${lost} done`];
  return ({ sectors, column, text }) => {
    const isAbout = sectors && sector >= sectors.first && sector < sectors.first + sectors.count;
    if (!isAbout) return 'none';
    const isGuests = column === 'guest' || column === 'device';
    return isGuests && words.some((word) => text.startsWith(word)) ? 'lost' : 'about';
  };
}

/** @returns Which request of the guest is missing, if what was expected is its content alone. */
export function lostRequest(violation: Violation | undefined): number | undefined {
  const named = [...(violation?.expected ?? '').matchAll(/request (\d+)'s sector/g)];
  const [first] = named;
  return named.length === 1 && first ? Number(first[1]) : undefined;
}

/** Adds an entry to the last row if it is of the same step and stands to the right of it. */
function place(rows: Row[], entry: TraceEntry, mark: RowMark): void {
  const { step, column, text } = entry;
  if (column === 'world') {
    rows.push({ step, cells: {}, note: text, mark, entries: [entry] });
    return;
  }
  const last = rows.at(-1);
  const isFree =
    last?.step === step && last.note === undefined && isRightOf(column, Object.keys(last.cells));
  if (last && isFree) {
    const cells = { ...last.cells, [column]: text };
    const entries = [...last.entries, entry];
    rows[rows.length - 1] = { ...last, cells, mark: stronger(last.mark, mark), entries };
  } else {
    rows.push({ step, cells: { [column]: text }, note: undefined, mark, entries: [entry] });
  }
}

function stronger(left: RowMark, right: RowMark): RowMark {
  if (left === 'lost' || right === 'lost') return 'lost';
  return left === 'about' ? left : right;
}

/** Within a row time goes from left to right. */
function isRightOf(column: Exclude<TraceColumn, 'world'>, taken: readonly string[]): boolean {
  return COLUMNS.slice(COLUMNS.indexOf(column)).every((other) => !taken.includes(other));
}
