/** Lines that were typed, to be called back. */

/** How many are kept: QEMU's number. */
const LINES_MAX = 64;

export class LineHistory {
  #lines: readonly string[] = [];
  /** Which line was called back last; the number of lines when none was. */
  #at = 0;

  /** The oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Adds a line at the end; one that is there already moves. Empty ones are not kept. */
  add(line: string): void {
    if (line !== '') {
      const others = this.#lines.filter((each) => each !== line);
      this.#lines = [...others, line].slice(-LINES_MAX);
    }
    this.#at = this.#lines.length;
  }

  /** @returns The line before the one that was called back last, if there is one. */
  previous(): string | undefined {
    if (this.#at === 0) return undefined;
    this.#at -= 1;
    return this.#lines[this.#at];
  }

  /** @returns The one after it: behind the last one, an empty line. */
  next(): string | undefined {
    if (this.#at === this.#lines.length) return undefined;
    this.#at += 1;
    return this.#lines[this.#at] ?? '';
  }
}
