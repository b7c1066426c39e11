/** Blanks out of a transcript what depends on the host, on the time, or on chance. */

import type { Transcript } from './run.ts';

const RULES: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/"timestamp": \{[^}]*\}/g, '"timestamp": TIME'],
  [/("(?:micro|minor|major)"): \d+/g, '$1: NUMBER'],
  [/"package": "[^"]*"/g, '"package": TEXT'],
  // What a file takes on its file system.
  [/("actual-size"): \d+/g, '$1: NUMBER'],
  [/disk size: [\d.]+ \w+/g, 'disk size: NUMBER'],
  // A time that has been measured; none is 0.
  [/("\w*time_ns"): [1-9]\d*/g, '$1: TIME'],
  [/(\w*time_ns)=[1-9]\d*/g, '$1=TIME'],
  // What a program calls itself.
  [/^(?:\S*qemu-storage-daemon|\S*qemu-system-x86_64|mirrordisk daemon): /g, 'PROGRAM: '],
];

/** What qemu-io says of its speed. */
const SPEED = / ops; .* sec \(.*\)$/;

/** @returns The transcript that two runs have in common, if they do the same. */
export function normalised(transcript: Transcript): Transcript {
  const named = new Map<string, string>();
  const normalise = (line: string) =>
    RULES.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line)
      // Names that QEMU makes up have random digits in them.
      .replace(/#block\d+/g, (name) => {
        if (!named.has(name)) named.set(name, `#block-${named.size + 1}`);
        return named.get(name) ?? name;
      });
  const entries = Object.entries(transcript).map(([who, lines]) => [
    who,
    lines.filter((line) => !SPEED.test(line)).map(normalise),
  ]);
  return Object.fromEntries(entries);
}
