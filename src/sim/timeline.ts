/**
 * A run as a table that a person can follow, time going down:
 *
 *     step  guest       device  mirror      source                target
 *        1  0: write 1                      guest: write 1 asked           <<
 *        2                                  guest: write 1 takes           <
 *                                           effect
 *        3              0 done                                             <<
 *
 * It is as wide as it must be, and no wider than it may: then texts go on in the next line. Rows
 * about the sector that a violation names are marked, those of the write that is missing twice,
 * and at the end stands what was expected and what was found.
 */

import { describeViolation, type Violation } from './oracle/violation.ts';
import {
  COLUMNS,
  type Column,
  lostRequest,
  type Row,
  type RowMark,
  rowsOf,
} from './timeline-rows.ts';
import type { Trace } from './trace.ts';

/** Behind a row that matters to the violation. */
const MARKS: Readonly<Record<RowMark, string>> = { lost: '  <<', about: '  <', none: '' };
const MARK_LENGTH = 4;
const STEP_LENGTH = 4;
const GAP = '  ';
/** No column is made narrower than that. */
const COLUMN_MIN = 8;
/** What files of this project keep to. */
const WIDTH_DEFAULT = 100;

export interface TimelineOptions {
  /** How wide lines may be; below about 60 there is no table. @default 100 */
  readonly width?: number;
}

/** @returns The table, without a last line break. */
export function drawTimeline(
  trace: Trace,
  violation?: Violation,
  { width = WIDTH_DEFAULT }: TimelineOptions = {},
): string {
  const rows = rowsOf(trace, violation);
  const widths = widthsOf(rows, width);
  const titles = Object.fromEntries(COLUMNS.map((column) => [column, column]));
  const lines = drawCells('step', titles, widths).map((line) => line.trimEnd());
  for (const row of rows) lines.push(...drawRow(row, widths, width));
  if (trace.dropped > 0) lines.push(`      … and ${trace.dropped} more`);
  if (violation) lines.push('', ...wrap(describeViolation(violation), width));
  const { sector } = violation ?? {};
  if (sector !== undefined) lines.push(`rows about sector ${sector} are marked with${MARKS.about}`);
  const lost = lostRequest(violation);
  if (sector !== undefined && lost !== undefined) {
    lines.push(`the write that is missing, request ${lost}, is marked with${MARKS.lost}`);
  }
  return lines.join('\n');
}

/** Puts words on as many lines as they need; a word that is too long is cut. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((long) => cut(long, width))) {
    if (line === '') line = word;
    else if (line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function cut(word: string, width: number): readonly string[] {
  if (word.length <= width) return [word];
  const count = Math.ceil(word.length / width);
  return Array.from({ length: count }, (_, at) => word.slice(at * width, (at + 1) * width));
}

/** As wide as their texts, and where that is too much the widest ones give way. */
function widthsOf(rows: readonly Row[], width: number): readonly number[] {
  const widths = COLUMNS.map((column) =>
    Math.max(column.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  );
  const beside = STEP_LENGTH + COLUMNS.length * GAP.length + MARK_LENGTH;
  for (;;) {
    const widest = Math.max(...widths);
    const total = widths.reduce((sum, one) => sum + one, beside);
    if (total <= width || widest <= COLUMN_MIN) return widths;
    widths[widths.indexOf(widest)] = widest - 1;
  }
}

function drawRow(
  { step, cells, note, mark }: Row,
  widths: readonly number[],
  width: number,
): readonly string[] {
  const number = String(step).padStart(STEP_LENGTH);
  const lines =
    note === undefined
      ? drawCells(number, cells, widths)
      : wrap(
          `-- ${note} --`,
          Math.max(width - STEP_LENGTH - GAP.length - MARK_LENGTH, COLUMN_MIN),
        ).map((line, at) => `${at === 0 ? number : ' '.repeat(STEP_LENGTH)}${GAP}${line}`);
  return lines.map((line, at) =>
    at === 0 && mark !== 'none' ? line + MARKS[mark] : line.trimEnd(),
  );
}

/** One row of the table, in as many lines as its longest cell needs. */
function drawCells(
  first: string,
  cells: Readonly<Partial<Record<Column, string>>>,
  widths: readonly number[],
): readonly string[] {
  const wrapped = COLUMNS.map((column, at) => wrap(cells[column] ?? '', widths[at] ?? 0));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => {
    const texts = wrapped.map((lines, at) => (lines[line] ?? '').padEnd(widths[at] ?? 0));
    return [line === 0 ? first : ' '.repeat(first.length), ...texts].join(GAP);
  });
}
