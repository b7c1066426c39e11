/**
 * As much of a terminal as tests need: what is on its screen after some output.
 *
 * It knows line feeds, carriage returns, up, and the two kinds of erasing, wraps lines as a
 * terminal does, and throws at anything else. It does not scroll: it is as high as it must be.
 */

/** The only control character that is followed by a bracket is the one that begins a sequence. */
const SEQUENCE_OR_CHARACTER = /\p{Cc}\[(\d*)([A-Z])|(.|\s)/gu;

export class Screen {
  #columns: number;
  #rows: string[] = [''];
  #row = 0;
  #column = 0;
  /** Where lines go on in the next row because they were too long. */
  #wraps = new Set<number>();

  constructor(columns: number) {
    this.#columns = columns;
  }

  get columns(): number {
    return this.#columns;
  }

  /** What is to be seen, without blanks at the ends. */
  get lines(): readonly string[] {
    const lines = this.#rows.map((line) => line.trimEnd());
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  write(text: string): void {
    for (const [, count, code, character = ''] of text.matchAll(SEQUENCE_OR_CHARACTER)) {
      if (character === '\x1b') throw new Error(`Cannot show ${JSON.stringify(text)}`);
      if (code === undefined) this.#put(character);
      else this.#control(code, Number(count || 1));
    }
  }

  /** Makes it wider or narrower; lines are broken anew, as most terminals do. */
  resize(columns: number): void {
    const lines: string[] = [];
    this.#rows.forEach((row, index) => {
      if (this.#wraps.has(index)) lines.push((lines.pop() ?? '') + row);
      else lines.push(row);
    });
    const above = this.#rows.slice(0, this.#row + 1).filter((_, index) => !this.#wraps.has(index));
    const cursorLine = above.length - 1;
    const column = this.#column;
    this.#columns = columns;
    this.#rows = [''];
    this.#wraps.clear();
    [this.#row, this.#column] = [0, 0];
    let cursorRow = 0;
    lines.forEach((line, index) => {
      if (index > 0) this.#put('\n');
      if (index === cursorLine) cursorRow = this.#row;
      for (const character of line.trimEnd()) this.#put(character);
    });
    [this.#row, this.#column] = [cursorRow, Math.min(column, columns - 1)];
  }

  #control(code: string, count: number): void {
    const row = this.#rows[this.#row] ?? '';
    if (code === 'A') this.#row = Math.max(this.#row - count, 0);
    else if (code === 'K') this.#rows[this.#row] = row.slice(0, this.#column);
    else if (code === 'J') {
      this.#rows[this.#row] = row.slice(0, this.#column);
      this.#rows.length = this.#row + 1;
      this.#wraps = new Set([...this.#wraps].filter((index) => index <= this.#row));
    } else throw new Error(`Cannot show the sequence ${code}`);
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#feed();
    else {
      if (this.#column === this.#columns) {
        this.#feed();
        this.#wraps.add(this.#row);
      }
      const row = (this.#rows[this.#row] ?? '').padEnd(this.#column);
      this.#rows[this.#row] = row.slice(0, this.#column) + character + row.slice(this.#column + 1);
      this.#column += 1;
    }
  }

  #feed(): void {
    this.#row += 1;
    this.#column = 0;
    this.#rows[this.#row] ??= '';
    this.#wraps.delete(this.#row);
  }
}
