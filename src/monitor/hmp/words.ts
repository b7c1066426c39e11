/** A line of the human monitor, cut into words: `qemu-io disk "read 0 512"`. */

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** The beginning of a line, and what is left of it. */
export interface TakenWord {
  readonly word: string;
  readonly rest: string;
}

/**
 * Takes the first word of a line, which may stand in double quotes.
 *
 * @param complain Told, with its line, what is wrong with the quotes.
 * @returns `undefined` when there is none, or it is none.
 */
export function takeWord(line: string, complain: (text: string) => void): TakenWord | undefined {
  const text = line.trimStart();
  if (text === '') return undefined;
  if (text.startsWith('"')) return takeQuoted(text, complain);
  const [word = ''] = /^\S+/.exec(text) ?? [];
  return { word, rest: text.slice(word.length) };
}

function takeQuoted(text: string, complain: (text: string) => void): TakenWord | undefined {
  let word = '';
  for (let at = 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') return { word, rest: text.slice(at + 1) };
    if (character !== '\\') {
      word += character;
      continue;
    }
    at += 1;
    const escaped = ESCAPES[text.charAt(at)];
    if (escaped === undefined) {
      complain(`unsupported escape code: '\\${text.charAt(at)}'\n`);
      return undefined;
    }
    word += escaped;
  }
  complain('unterminated string\n');
  return undefined;
}

/** @returns All words of a line; `undefined` when one of them is none. */
export function splitWords(
  line: string,
  complain: (text: string) => void,
): readonly string[] | undefined {
  const words: string[] = [];
  for (let rest = line; rest.trim() !== ''; ) {
    const taken = takeWord(rest, complain);
    if (!taken) return undefined;
    words.push(taken.word);
    rest = taken.rest;
  }
  return words;
}
