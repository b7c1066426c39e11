/** What a line of QMP may go on with, by the schema of the server. */

import { BlockError } from '../base/errors.ts';
import type { ServerSchema } from '../monitor/server-schema.ts';
import { type KeyvalObject, parseWords } from '../wire/options/keyval.ts';

/** Choices, and the part of the line that each of them would replace. */
export interface Completion {
  readonly choices: readonly string[];
  readonly part: string;
}

/** @param line What has been typed, up to the cursor. */
export function completeLine(line: string, schema: ServerSchema): Completion {
  const words = line.trimStart().split(/\s+/);
  const part = words.at(-1) ?? '';
  const begins = (choice: string) => choice.startsWith(part);
  const [command = '', ...given] = words.slice(0, -1);
  if (words.length === 1) return { choices: schema.commands.filter(begins), part };
  const known = knownOf(given);
  const [path = '', value] = part.split('=', 2);
  if (value === undefined) {
    const free = schema.memberNames(command, known).filter((name) => !isGiven(name, given));
    return { choices: free.map((name) => `${name}=`).filter(begins), part };
  }
  const values = schema.valuesOf(command, path, known);
  return { choices: values.map((word) => `${path}=${word}`).filter(begins), part };
}

function isGiven(name: string, given: readonly string[]): boolean {
  return given.some((word) => word.startsWith(`${name}=`));
}

/** @returns The arguments that are whole; none while they contradict each other. */
function knownOf(words: readonly string[]): KeyvalObject {
  try {
    return parseWords(words.filter((word) => word.includes('=')));
  } catch (error) {
    if (error instanceof BlockError) return {};
    throw error;
  }
}
