/** What a line of the human monitor may go on with. */

import { type HmpCommand, isNamed } from './command.ts';
import { parametersOf } from './parameters.ts';
import { splitWords } from './words.ts';

/** Choices for the last word of a line. */
export interface Completion {
  /** In order. */
  readonly choices: readonly string[];
  /** How much of each of them is there already. */
  readonly length: number;
}

/** What can be named in a line. */
export interface Vocabulary {
  readonly commands: readonly HmpCommand[];
  /** The names of drives. */
  readonly drives: readonly string[];
}

/** @param line What has been typed, up to the cursor. */
export function completeLine(line: string, vocabulary: Vocabulary): Completion {
  const words = splitWords(line, () => {});
  if (!words) return { choices: [], length: 0 };
  const whole = words.length === 0 || /\s$/.test(line) ? [...words, ''] : words;
  const part = whole.at(-1) ?? '';
  const choices = choicesFor(whole, vocabulary).filter((choice) => choice.startsWith(part));
  return { choices: choices.sort(), length: part.length };
}

/** @param words The last of them is to be completed. */
function choicesFor(words: readonly string[], vocabulary: Vocabulary): string[] {
  const { commands, drives } = vocabulary;
  const [first = '', ...rest] = words;
  if (rest.length === 0) return commands.flatMap(({ name }) => name.split('|'));
  const command = commands.find((each) => isNamed(each, first));
  if (!command) return [];
  if ('commands' in command) return choicesFor(rest, { commands: command.commands, drives });
  if (isNamed(command, 'help')) return choicesFor(rest, vocabulary);
  const options = rest.filter((word) => word.startsWith('-')).length;
  const operands = parametersOf(command.parameters).filter(({ kind }) => !kind.startsWith('-'));
  const kind = operands[rest.length - 1 - options]?.kind ?? '';
  return kind.startsWith('B') ? [...drives] : [];
}
