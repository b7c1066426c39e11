/**
 * TypeScript text with everything blanked out that is not code.
 *
 * Comments, the insides of strings and of regular expressions become spaces of the same length, so
 * that every place in the result is a place in the text. What stands in `${}` is code.
 */

/** A slash after one of these begins a regular expression; after anything else it divides. */
const BEFORE_REGEXP =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>\n]|\b(?:return|typeof|case|in|of|throw|await))\s*$/;

/** @returns A text as long as `text`, line by line. */
export function codeOf(text: string): string {
  const scanner = new Scanner(text);
  scanner.code('');
  return scanner.result;
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #code = '';

  constructor(text: string) {
    this.#text = text;
  }

  get result(): string {
    return this.#code;
  }

  /** Reads code up to `end`, which stands outside of all brackets; '' is the end of the text. */
  code(end: '' | '}'): void {
    for (let depth = 0; this.#at < this.#text.length; ) {
      const next = this.#text[this.#at] ?? '';
      if (next === end && depth === 0) return;
      if (next === '{') depth += 1;
      if (next === '}') depth -= 1;
      this.#token(next);
    }
  }

  #token(next: string): void {
    const two = this.#text.slice(this.#at, this.#at + 2);
    if (two === '//') this.#blank(this.#lineEnd());
    else if (two === '/*') this.#blank(this.#after('*/'));
    else if (next === '`') this.#template();
    else if (next === "'" || next === '"') this.#quoted(next, '');
    else if (next === '/' && BEFORE_REGEXP.test(this.#code)) this.#quoted('/', '[]');
    else this.#keep(1);
  }

  #keep(length: number): void {
    this.#code += this.#text.slice(this.#at, this.#at + length);
    this.#at += length;
  }

  /** Blanks out up to `end`, lines staying lines. */
  #blank(end: number): void {
    this.#code += this.#text.slice(this.#at, end).replace(/[^\n]/g, ' ');
    this.#at = end;
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #after(mark: string): number {
    const start = this.#text.indexOf(mark, this.#at);
    return start < 0 ? this.#text.length : start + mark.length;
  }

  /** A string or a regular expression; between the `brackets` the mark does not end it. */
  #quoted(mark: string, brackets: '' | '[]'): void {
    this.#keep(1);
    let isInside = false;
    let end = this.#at;
    for (; end < this.#text.length && this.#text[end] !== '\n'; end += 1) {
      const next = this.#text[end] ?? '';
      if (next === mark && !isInside) break;
      if (next === '\\') end += 1;
      else if (brackets !== '' && brackets.includes(next)) isInside = next === '[';
    }
    this.#blank(end);
    this.#keep(1);
  }

  #template(): void {
    this.#keep(1);
    for (let end = this.#at; this.#at < this.#text.length; ) {
      if (this.#text.startsWith('${', end)) {
        this.#blank(end);
        this.#keep(2);
        this.code('}');
        this.#keep(1);
        end = this.#at;
      } else if (this.#text[end] === '`' || end >= this.#text.length) {
        this.#blank(end);
        this.#keep(1);
        return;
      } else {
        end += this.#text[end] === '\\' ? 2 : 1;
      }
    }
  }
}
