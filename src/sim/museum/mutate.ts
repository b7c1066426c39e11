/**
 * Puts a bug into compiled files: texts in, texts out.
 *
 * What is looked for may be broken into lines in any way, as the compiler may choose to. It has to
 * stand there exactly once: a change of the program that an exhibit does not fit any more is told,
 * rather than shown as a bug that nobody finds.
 */

import type { Replacement } from './exhibit.ts';

/** An exhibit and the program do not fit together. */
export class MutationFailed extends Error {
  override readonly name = 'MutationFailed';
}

/**
 * Makes some replacements.
 *
 * @param read Gives the text of a compiled file.
 * @returns The files that are changed, with their new texts.
 * @throws {MutationFailed} When a text is not there, or more than once.
 */
export function mutate(
  replacements: readonly Replacement[],
  read: (file: string) => string,
): ReadonlyMap<string, string> {
  const changed = new Map<string, string>();
  for (const replacement of replacements) {
    const { file } = replacement;
    changed.set(file, replaceOnce(changed.get(file) ?? read(file), replacement));
  }
  return changed;
}

function replaceOnce(text: string, { file, find, replace }: Replacement): string {
  const words = find.trim().split(/\s+/);
  const pattern = new RegExp(words.map(escaped).join('\\s+'), 'g');
  const places = [...text.matchAll(pattern)];
  const [place] = places;
  if (place === undefined || places.length > 1) {
    const found = place === undefined ? 'it is not there' : `it is there ${places.length} times`;
    throw new MutationFailed(`Cannot change ${file}: ${found}: ${words.join(' ')}`);
  }
  return text.slice(0, place.index) + replace.trim() + text.slice(place.index + place[0].length);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
