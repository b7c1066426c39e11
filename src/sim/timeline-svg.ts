/**
 * A run as a picture: a line down for each column, a bar for each request, a dot where it takes
 * effect.
 *
 *     guest        device     mirror       source               target
 *       ┃ 0: write 1 │          │            ┃ guest: write 1     │
 *       ┃            │          │            ●  takes effect      │
 *       ┃            │          │            ┃ answered           │
 *       ┃            │ 0 done   │            │                    │
 *
 * It stands by itself: its colours are in it, for light and dark and for print, and no script is.
 */

import type { Violation } from './oracle/violation.ts';
import { wrap } from './timeline.ts';
import { COLUMNS, type Column, type Row, type RowMark, rowsOf } from './timeline-rows.ts';
import { type Span, spansOf } from './timeline-spans.ts';
import type { Trace } from './trace.ts';

/** Of a text: how wide a letter is, how high a line, in pixels. */
const LETTER = 6.7;
const LINE = 15;
const ROW_GAP = 4;
const MARGIN = 12;
const STEPS = 34;
const HEAD = 34;
/** Between two bars of a column. */
const SLOT = 7;
/** How many letters a text may have in one line. */
const LETTERS_MAX = 32;
const LABELS: Readonly<Record<RowMark, string>> = { lost: 'lost', about: '', none: '' };
const LABEL = 44;

/** The colours, by what they are for. */
export const COLOURS = `
  :root, svg { --back: #ffffff; --text: #1f2328; --soft: #6e7781; --line: #d0d7de;
    --bar: #0969da; --bad: #cf222e; --about: #fff8c5; --lost: #ffd8d3; }
  @media screen and (prefers-color-scheme: dark) {
    :root, svg { --back: #0d1117; --text: #e6edf3; --soft: #8d96a0; --line: #30363d;
      --bar: #4493f8; --bad: #ff7b72; --about: #3a3000; --lost: #5c1a16; }
  }`;

const STYLE = `${COLOURS}
  .timeline { background: var(--back); }
  .timeline text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: var(--text); }
  .timeline .title { font-weight: bold; font-size: 12px; }
  .timeline .step, .timeline .note { fill: var(--soft); }
  .timeline .label, .timeline .bad-text { fill: var(--bad); font-weight: bold; }
  .timeline line { stroke: var(--line); }
  .timeline .cut { stroke: var(--soft); stroke-dasharray: 4 3; }
  .timeline .bar { stroke: var(--bar); stroke-width: 3; stroke-linecap: round; }
  .timeline .failed { stroke: var(--bad); }
  .timeline .none { stroke-dasharray: 2 5; }
  .timeline circle { fill: var(--bar); }
  .timeline .point { fill: var(--soft); }
  .timeline .about { fill: var(--about); }
  .timeline .lost { fill: var(--lost); }`;

/** Where everything is. */
interface Layout {
  readonly rows: readonly Row[];
  readonly spans: readonly Span[];
  /** Where the line of each column is. */
  readonly lanes: Readonly<Record<Column, number>>;
  /** Where the texts of each column begin. */
  readonly texts: Readonly<Record<Column, number>>;
  /** Where the first line of each row stands, and behind them the end. */
  readonly tops: readonly number[];
  readonly width: number;
}

/** @returns An SVG document, which can stand in a page of HTML as it is. */
export function drawTimelineSvg(trace: Trace, violation?: Violation): string {
  const rows = rowsOf(trace, violation);
  const layout = layOut(rows, spansOf(rows));
  const { width, tops } = layout;
  const height = Math.ceil((tops.at(-1) ?? HEAD) + MARGIN);
  const parts = [
    ...rows.map((row, at) => drawMark(row, at, layout)),
    ...COLUMNS.map((column) => drawLane(column, layout)),
    ...layout.spans.map((span) => drawSpan(span, layout)),
    ...rows.map((row, at) => drawRow(row, at, layout)),
  ];
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="timeline" role="img" ${size}>`,
    '<title>What happened, time going down</title>',
    `<style>${STYLE}\n</style>`,
    `<rect width="${width}" height="${height}" fill="var(--back)"/>`,
    ...parts.filter((part) => part !== ''),
    '</svg>',
  ].join('\n');
}

/** Writes a text so that it stands for itself in SVG and HTML. */
export function escapeMarkup(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, (character) => names[character] ?? character);
}

function layOut(rows: readonly Row[], spans: readonly Span[]): Layout {
  const lanes: Record<Column, number> = { guest: 0, device: 0, mirror: 0, source: 0, target: 0 };
  const texts = { ...lanes };
  let left = MARGIN + STEPS;
  for (const column of COLUMNS) {
    const slots = spans.filter((span) => span.column === column).map(({ slot }) => slot);
    lanes[column] = left + SLOT;
    texts[column] = left + SLOT * (2 + Math.max(0, ...slots)) + 3;
    const lengths = rows.flatMap(({ cells }) => linesOf(cells[column]).map((line) => line.length));
    left = texts[column] + Math.max(column.length, ...lengths) * LETTER + MARGIN;
  }
  const tops = [HEAD];
  for (const { cells, note } of rows) {
    const lines = COLUMNS.map((column) => linesOf(cells[column]).length);
    const height = note === undefined ? Math.max(...lines) * LINE : LINE;
    tops.push((tops.at(-1) ?? 0) + height + ROW_GAP);
  }
  return { rows, spans, lanes, texts, tops, width: Math.ceil(left + LABEL) };
}

function linesOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : wrap(text, LETTERS_MAX);
}

function drawMark({ mark }: Row, at: number, { tops, width }: Layout): string {
  if (mark === 'none') return '';
  const [top = 0, next = 0] = [tops[at], tops[at + 1]];
  const place = `x="${MARGIN / 2}" y="${top}" width="${width - MARGIN}" height="${next - top - 1}"`;
  const label = LABELS[mark];
  const text = label && drawText('label', { x: width - LABEL + 2, y: top + LINE - 3 }, label);
  return `<rect class="${mark}" rx="3" ${place}/>${text}`;
}

function drawLane(column: Column, { lanes, texts, tops }: Layout): string {
  const x = lanes[column];
  const title = drawText('title', { x: texts[column], y: HEAD - 14 }, column);
  return `${title}<line x1="${x}" x2="${x}" y1="${HEAD - 24}" y2="${tops.at(-1) ?? HEAD}"/>`;
}

function drawSpan({ column, slot, first, last, effect, end }: Span, layout: Layout): string {
  const x = layout.lanes[column] + slot * SLOT;
  const middle = (row: number) => (layout.tops[row] ?? 0) + LINE / 2 + 1;
  const ends = `y1="${middle(first)}" y2="${middle(last)}"`;
  const bar = `<line class="bar ${end}" x1="${x}" x2="${x}" ${ends}/>`;
  if (effect === undefined) return bar;
  return `${bar}<circle cx="${x}" cy="${middle(effect)}" r="4"/>`;
}

function drawRow({ step, cells, note }: Row, at: number, layout: Layout): string {
  const { tops, texts, lanes, width } = layout;
  const y = (tops[at] ?? 0) + LINE - 3;
  const parts = [drawText('step', { x: MARGIN, y }, String(step).padStart(4))];
  if (note !== undefined) {
    const [middle, end] = [y - LINE / 2 + 3, width - MARGIN];
    const x = MARGIN + STEPS + SLOT + 4;
    const start = x + (note.length + 1) * LETTER;
    parts.push(drawText('note', { x, y }, note));
    if (start < end) {
      parts.push(`<line class="cut" x1="${start}" x2="${end}" y1="${middle}" y2="${middle}"/>`);
    }
  }
  for (const column of COLUMNS) {
    const text = cells[column];
    if (text === undefined) continue;
    if (column === 'mirror' || column === 'device') {
      parts.push(`<circle class="point" cx="${lanes[column]}" cy="${y - 4}" r="3"/>`);
    }
    const kind = /fail|refused|ERROR/.test(text) ? 'bad-text' : 'text';
    for (const [line, words] of linesOf(text).entries()) {
      parts.push(drawText(kind, { x: texts[column], y: y + line * LINE }, words));
    }
  }
  return parts.join('');
}

function drawText(kind: string, { x, y }: { x: number; y: number }, text: string): string {
  const place = `x="${round(x)}" y="${round(y)}" xml:space="preserve"`;
  return `<text class="${kind}" ${place}>${escapeMarkup(text)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
