/**
 * A line as a shell splits it: words between spaces, `'as they are'`, `"with \" and \\"`, `\ `.
 *
 * Nothing else of a shell is known here: no variables, no patterns.
 */

/** Single-quoted; double-quoted; a backslash and what it stands for; anything else. */
const PART = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/y;

/** @returns The words; `undefined` where a quote does not end. */
export function splitWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  const text = line.trim();
  for (let at = 0; at < text.length; ) {
    let word = '';
    while (at < text.length && !/\s/.test(text[at] ?? '')) {
      PART.lastIndex = at;
      const found = PART.exec(text);
      if (!found) return undefined;
      const [whole, single, double, escaped, plain] = found;
      word += single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? plain ?? '';
      at += whole.length;
    }
    words.push(word);
    while (/\s/.test(text[at] ?? '')) at += 1;
  }
  return words;
}
