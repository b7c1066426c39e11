/** Where we do not answer as QEMU does, on purpose. */

import type { Transcript } from './run.ts';

/** Something else that we say in some scenarios. */
export interface Replacement {
  /** The titles of the scenarios. */
  readonly where: readonly string[];
  readonly reason: string;
  /** What QEMU says: a part of its transcript, lines joined by line feeds. */
  readonly theirs: string;
  /** What we say instead. */
  readonly ours: string;
}

/** Something that we say on top, wherever it is the case. */
export interface Addition {
  readonly reason: string;
  readonly ours: RegExp;
}

export const REPLACEMENTS: readonly Replacement[] = [
  {
    where: [
      'the target of drive-mirror is there, or is made',
      'a job without an identifier has that of the drive',
      'a mirror is run by the commands of the human monitor',
    ],
    reason: 'what is done for a client of a monitor is not told on standard output',
    theirs: "Formatting 'new.img', fmt=raw size=262144\n",
    ours: '',
  },
];

export const ADDITIONS: readonly Addition[] = [
  {
    reason: 'a newer QEMU, from 8.2 on, tells of it, and managers of disks wait for it',
    ours: /, "actively-synced": (?:true|false)/,
  },
];

/**
 * @param transcript QEMU's.
 * @returns What ours must be, but for additions.
 * @throws {Error} When a replacement is listed for the scenario, and QEMU does not say that.
 */
export function replaced(
  title: string,
  transcript: Transcript,
  replacements = REPLACEMENTS,
): Transcript {
  const here = replacements.filter(({ where }) => where.includes(title));
  const said = Object.values(transcript).map((lines) => lines.join('\n'));
  for (const { theirs } of here) {
    if (said.some((text) => text.includes(theirs))) continue;
    throw new Error(`Cannot differ from QEMU: it does not say so: ${theirs}`);
  }
  return mapTexts(transcript, (text) =>
    here.reduce((changed, { theirs, ours }) => changed.replaceAll(theirs, ours), text),
  );
}

/** @returns Our transcript without what we say on top. */
export function withoutAdditions(transcript: Transcript, additions = ADDITIONS): Transcript {
  return mapTexts(transcript, (text) =>
    additions.reduce((changed, { ours }) => changed.replaceAll(new RegExp(ours, 'g'), ''), text),
  );
}

function mapTexts(transcript: Transcript, change: (text: string) => string): Transcript {
  const entries = Object.entries(transcript);
  return Object.fromEntries(
    entries.map(([who, lines]) => [who, change(lines.join('\n')).split('\n')]),
  );
}
