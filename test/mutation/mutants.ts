/**
 * Mutants: a file with one small change, and the words for it.
 *
 * The same text gives the same mutants in the same order, so a sample is a seed and a number.
 */

import { editsOf } from './operators.ts';
import { parse } from './syntax.ts';

/** One change of one file. */
export interface Mutant {
  /** The path of the file, from the top of the project. */
  readonly file: string;
  readonly line: number;
  /** What was done to what, in its line, such as `negate: if («at < end») return;`. */
  readonly change: string;
  /** The whole file as it is now. */
  readonly text: string;
}

/** How much of a piece of text is told, in columns. */
const COLUMNS_MAX = 70;

/** @returns Every mutant of a file, whether it has sound types or not. */
export function mutantsOf(file: string, text: string): readonly Mutant[] {
  return editsOf(parse(text), text).map(({ kind, start, end, replacement }) => ({
    file,
    line: text.slice(0, start).split('\n').length,
    change: `${kind}: ${piece(text, start, end)}`,
    text: text.slice(0, start) + replacement + text.slice(end),
  }));
}

/** What is changed, in its line: `if («at < end») break;`. */
function piece(text: string, start: number, end: number): string {
  const before = text.slice(text.lastIndexOf('\n', start - 1) + 1, start).trimStart();
  const after = text.slice(end).split('\n', 1)[0] ?? '';
  return `${before}«${shortened(text.slice(start, end))}»${after}`;
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > COLUMNS_MAX ? `${line.slice(0, COLUMNS_MAX - 1)}…` : line;
}
