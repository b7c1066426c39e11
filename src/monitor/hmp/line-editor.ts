/**
 * Editing a line on a terminal at the other end of a stream, as QEMU's monitor does.
 *
 *     Ctrl-A, Home  to the beginning        Ctrl-D, Delete  deletes under the cursor
 *     Ctrl-E, End   to the end              Backspace       deletes before it
 *     Left, Right   by a character          Ctrl-W          deletes the word before it
 *     Up, Down      through what was typed  Ctrl-U, Ctrl-K  delete to the beginning, to the end
 *     Tab           completes               Ctrl-L          clears the screen
 *
 * A character is a byte here, as in QEMU: what takes several of them in UTF-8 is edited in several
 * steps. Ctrl-U, Ctrl-K, and Home and End as newer terminals send them, are additions to QEMU's.
 */

import type { Completion } from './completion.ts';
import { LineHistory } from './line-history.ts';

/** How long a line may be, in bytes. */
const LENGTH_MAX = 4095;
const SCREEN_WIDTH = 80;

const TO_LEFT = '\x1b[D';
const TO_RIGHT = '\x1b[C';
const CLEAR_TO_END = '\x1b[K';
const CLEAR_SCREEN = '\x1b[2J\x1b[1;1H';

/** An escape, and what may stand between it and the last byte of a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what terminals send.
const PART_OF_KEY = /^\x1b(?:O|\[\d*)?$/;

/** A line with a cursor in it. */
interface Line {
  readonly before: string;
  readonly after: string;
}

const EMPTY: Line = { before: '', after: '' };

const home = ({ before, after }: Line): Line => ({ before: '', after: before + after });
const end = ({ before, after }: Line): Line => ({ before: before + after, after: '' });
const deleteUnder = ({ before, after }: Line): Line => ({ before, after: after.slice(1) });
const deleteBefore = ({ before, after }: Line): Line => ({ before: before.slice(0, -1), after });

/** What keys do that change nothing but the line. */
const EDITS: Readonly<Record<string, (line: Line) => Line>> = {
  '\x01': home,
  '\x1b[1~': home,
  '\x1b[H': home,
  '\x1bOH': home,
  '\x05': end,
  '\x1b[4~': end,
  '\x1b[F': end,
  '\x1bOF': end,
  '\x1b[D': ({ before, after }) => ({
    before: before.slice(0, -1),
    after: before.slice(-1) + after,
  }),
  '\x1b[C': ({ before, after }) => ({
    before: before + after.slice(0, 1),
    after: after.slice(1),
  }),
  '\x04': deleteUnder,
  '\x1b[3~': deleteUnder,
  '\x7f': deleteBefore,
  '\b': deleteBefore,
  '\x17': ({ before, after }) => ({ before: before.replace(/\S*\s*$/, ''), after }),
  '\x15': ({ after }) => ({ before: '', after }),
  '\x0b': ({ before }) => ({ before, after: '' }),
};

/** The world of an editor; in all its texts each character is a byte. */
export interface LineEditorOptions {
  readonly prompt: string;
  readonly show: (text: string) => void;
  /** @param line Up to the cursor. */
  readonly complete: (line: string) => Completion;
}

export class LineEditor {
  readonly history = new LineHistory();
  readonly #options: LineEditorOptions;
  #line = EMPTY;
  /** What of it is on the screen. */
  #shown = EMPTY;
  /** The beginning of a sequence of bytes that is one key. */
  #sequence = '';

  constructor(options: LineEditorOptions) {
    this.#options = options;
  }

  /** Shows the prompt, and nothing behind it yet. */
  showPrompt(): void {
    this.#options.show(this.#options.prompt);
    this.#shown = EMPTY;
  }

  /**
   * Takes a byte that was typed; after the end of a line, once the prompt was shown again.
   *
   * @returns The line, when this was its end.
   */
  take(byte: number): string | undefined {
    const sequence = this.#sequence + String.fromCharCode(byte);
    const isPart = PART_OF_KEY.test(sequence);
    this.#sequence = isPart ? sequence : '';
    if (isPart) return undefined;
    if (sequence === '\r' || sequence === '\n') return this.#finish();
    this.#press(sequence);
    this.#update();
    return undefined;
  }

  #finish(): string {
    const { before: line } = end(this.#line);
    this.history.add(line);
    this.#options.show('\n');
    this.#line = EMPTY;
    return line;
  }

  #press(key: string): void {
    const edit = EDITS[key];
    if (edit) this.#line = edit(this.#line);
    else if (key === '\x1b[A') this.#recall(this.history.previous());
    else if (key === '\x1b[B') this.#recall(this.history.next());
    else if (key === '\t') this.#complete();
    else if (key === '\f') {
      this.#options.show(CLEAR_SCREEN);
      this.showPrompt();
    } else if (key.length === 1 && key >= ' ') this.#insert(key);
  }

  #recall(line: string | undefined): void {
    if (line !== undefined) this.#line = { before: line, after: '' };
  }

  #insert(text: string): void {
    const { before, after } = this.#line;
    if (before.length + text.length + after.length > LENGTH_MAX) return;
    this.#line = { before: before + text, after };
  }

  #complete(): void {
    const { choices, length } = this.#options.complete(this.#line.before);
    const [first = '', ...others] = choices;
    if (others.length === 0) {
      if (first !== '') this.#insert(`${first.slice(length)} `);
      return;
    }
    this.#options.show(`\n${inColumns(choices)}`);
    this.#insert(commonStart(choices).slice(length));
    this.showPrompt();
  }

  /** Brings the screen up to date. */
  #update(): void {
    const [line, shown] = [end(this.#line).before, end(this.#shown).before];
    let at = this.#shown.before.length;
    let text = '';
    if (line !== shown) {
      text = TO_LEFT.repeat(at) + line + CLEAR_TO_END;
      at = line.length;
    }
    const steps = this.#line.before.length - at;
    text += (steps > 0 ? TO_RIGHT : TO_LEFT).repeat(Math.abs(steps));
    this.#shown = this.#line;
    if (text !== '') this.#options.show(text);
  }
}

function commonStart(texts: readonly string[]): string {
  return texts.reduce((start, text) => {
    let length = 0;
    while (length < start.length && start[length] === text[length]) length += 1;
    return start.slice(0, length);
  });
}

/** Writes texts in as many columns as the screen has room for. */
function inColumns(texts: readonly string[]): string {
  const longest = Math.max(...texts.map(({ length }) => length)) + 2;
  const width = Math.min(Math.max(longest, 10), SCREEN_WIDTH);
  const columns = Math.floor(SCREEN_WIDTH / width);
  let table = '';
  for (const [index, text] of texts.entries()) {
    const isLast = (index + 1) % columns === 0 || index === texts.length - 1;
    table += text.padEnd(width) + (isLast ? '\n' : '');
  }
  return table;
}
