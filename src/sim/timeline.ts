/**
 * A run as a table that a person can follow, time going down:
 *
 *     step  guest        device   mirror       source                   target
 *        1  0: write 1                         guest: write 1 asked
 *        2                                     guest: write 1 takes …
 *        3               0 done             <
 *
 * Rows that are about the sector that a violation names are marked, and at the end stands what was
 * expected and what was found.
 */

import { describeViolation, type Violation } from './oracle/violation.ts';
import type { Trace, TraceColumn, TraceEntry } from './trace.ts';

const COLUMNS: readonly TraceColumn[] = ['guest', 'device', 'mirror', 'source', 'target'];
/** Behind a row that is about the sector in question. */
const MARK = '  <';

/** One row: what happened in each column, at one step. */
interface Row {
  readonly step: number;
  readonly cells: Partial<Record<TraceColumn, string>>;
  readonly note: string | undefined;
  readonly isMarked: boolean;
}

/** @returns The table, without a last line break. */
export function drawTimeline(trace: Trace, violation?: Violation): string {
  const sector = violation?.sector;
  const rows = trace.entries.reduce<Row[]>((before, entry) => place(before, entry, sector), []);
  const widths = COLUMNS.map((column) =>
    Math.max(column.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  );
  const draw = (cells: Partial<Record<TraceColumn, string>>) =>
    COLUMNS.map((column, at) => (cells[column] ?? '').padEnd(widths[at] ?? 0)).join('  ');
  const titles = Object.fromEntries(COLUMNS.map((column) => [column, column]));
  const lines = [`step  ${draw(titles)}`.trimEnd()];
  for (const { step, cells, note, isMarked } of rows) {
    const number = String(step).padStart(4);
    const text = note === undefined ? draw(cells) : `-- ${note} --`;
    lines.push(isMarked ? `${number}  ${text}${MARK}` : `${number}  ${text}`.trimEnd());
  }
  if (trace.dropped > 0) lines.push(`      … and ${trace.dropped} more`);
  if (violation) lines.push('', describeViolation(violation));
  if (sector !== undefined) lines.push(`rows about sector ${sector} are marked with${MARK}`);
  return lines.join('\n');
}

/** Adds an entry to the last row if it is of the same step and stands to the right of it. */
function place(rows: Row[], entry: TraceEntry, sector: number | undefined): Row[] {
  const isMarked = sector !== undefined && isAbout(entry, sector);
  const { step, column, text } = entry;
  if (column === 'world') {
    rows.push({ step, cells: {}, note: text, isMarked });
    return rows;
  }
  const last = rows.at(-1);
  const isFree =
    last?.step === step && last.note === undefined && isRightOf(column, Object.keys(last.cells));
  if (last && isFree) {
    rows[rows.length - 1] = {
      ...last,
      cells: { ...last.cells, [column]: text },
      isMarked: last.isMarked || isMarked,
    };
  } else {
    rows.push({ step, cells: { [column]: text }, note: undefined, isMarked });
  }
  return rows;
}

/** Within a row time goes from left to right. */
function isRightOf(column: TraceColumn, taken: readonly string[]): boolean {
  const place = COLUMNS.indexOf(column);
  return COLUMNS.slice(place).every((other) => !taken.includes(other));
}

function isAbout({ sectors }: TraceEntry, sector: number): boolean {
  return sectors !== undefined && sector >= sectors.first && sector < sectors.first + sectors.count;
}
