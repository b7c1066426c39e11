/**
 * Lines at the bottom of a terminal that are drawn over again and again.
 *
 * Each drawing goes out as one piece of text: up to where the last one began, each line with what
 * is beyond its end erased, and then everything below erased. Nothing is erased before it is
 * written over, so nothing flickers. The cursor rests at the beginning of the last line, where the
 * `^C` that a terminal shows by itself harms nothing.
 */

/** Up to the first row, erase to the end of the line, erase to the end of the screen. */
const up = (rows: number) => (rows > 0 ? `\r\x1b[${rows}A` : '\r');
const ERASE_LINE = '\x1b[K';
const ERASE_BELOW = '\x1b[J';

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): void;
}

export class LiveLines {
  readonly #terminal: Terminal;
  #shown: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  get shown(): readonly string[] {
    return this.#shown;
  }

  /** Draws lines in place of the last ones; none takes those away. */
  show(lines: readonly string[]): void {
    if (lines.join('\n') === this.#shown.join('\n')) return;
    const { columns, rows } = this.#terminal;
    // What does not fit on the screen could not be drawn over.
    const drawn = lines.slice(0, rows).map((line) => line.slice(0, columns - 1));
    const text = drawn.map((line) => line + ERASE_LINE).join('\n');
    this.#terminal.write(`${this.#toFirst()}${text}${ERASE_BELOW}\r`);
    this.#shown = drawn;
  }

  /** A line may take more than one row, if the terminal has become narrower since. */
  #toFirst(): string {
    const { columns } = this.#terminal;
    const above = this.#shown.slice(0, -1).map((line) => Math.ceil(line.length / columns));
    return up(above.reduce((sum, rows) => sum + Math.max(rows, 1), 0));
  }
}

/** Puts parts one behind the other, on as many lines as they need. */
export function flow(parts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const longer = `${last}  ${part}`;
    if (last !== undefined && longer.trimEnd().length < columns) lines.splice(-1, 1, longer);
    else lines.push(part);
  }
  return lines.map((line) => line.trimEnd());
}
