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

/** Scenarios that are not the same yet, as something is missing that they are about. */
export interface Gap {
  readonly where: readonly string[];
  readonly reason: string;
}

/** Something that we say on top, wherever it is the case. */
export interface Addition {
  readonly reason: string;
  readonly ours: RegExp;
}

const STOP = '<- {"timestamp": TIME, "event": "STOP"}\n';

/** A line that tells of the job named `job`. */
function statusChange(status: string): string {
  const event = '"event": "JOB_STATUS_CHANGE"';
  return `<- {"timestamp": TIME, ${event}, "data": {"status": "${status}", "id": "job"}}\n`;
}

const LOCKED = '<- {"error": {"class": "GenericError", "desc": "Failed to get \\"write\\" lock"}}';

const SIZE_KEPT =
  "Permission conflict on node 'file': permissions 'resize' are both required by " +
  "node 'raw' (uses node 'file' as 'file' child) and unshared by " +
  "node 'part' (uses node 'file' as 'file' child).";

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
  {
    where: ['a file is opened by several nodes that nobody uses'],
    reason: 'a file is locked when it is opened, and not only when somebody uses the node',
    theirs: `"node-name":"second","filename":"disk.img"}}\n<- {"return": {}}`,
    ours: `"node-name":"second","filename":"disk.img"}}\n${LOCKED}`,
  },
  {
    where: ['a file is opened by several nodes that nobody uses'],
    reason: 'a file is locked when it is opened, and not only when somebody uses the node',
    theirs: `"filename":"disk.img","read-only":true}}\n<- {"return": {}}`,
    ours: `"filename":"disk.img","read-only":true}}\n${LOCKED}`,
  },
  {
    where: ['a copy-on-read filter writes to the node below it'],
    reason: 'through a read-only node one only reads; that is no reason to have no filter there',
    theirs: '<- {"error": {"class": "GenericError", "desc": "Block node is read-only"}}',
    ours: '<- {"return": {}}',
  },
  {
    where: ['a disk is resized by the name of its node, to whole sectors and where it can be'],
    reason: 'Not yet: a part of a disk that has a size of its own keeps others from resizing it',
    theirs: `<- {"error": {"class": "GenericError", "desc": "${SIZE_KEPT}"}}`,
    ours: '<- {"return": {}}',
  },
  {
    where: ['a mirror goes on while its guest is stopped and continued'],
    reason: 'to stop the guest is to wait for what is in flight of it alone: jobs are not paused',
    theirs: `${STOP}${statusChange('standby')}${statusChange('ready')}`,
    ours: STOP,
  },
  {
    where: ['an export that comes or goes interrupts a mirror for a moment'],
    reason: 'to close an export is to wait for its own requests: jobs on its disk are not paused',
    theirs: `${statusChange('standby')}${statusChange('ready')}`,
    ours: '',
  },
];

export const GAPS: readonly Gap[] = [
  {
    where: [
      'a chain is writable again when it is reopened from below',
      'a node is reopened with all its options, and is as it was when that fails',
      'a disk that is reopened may join another throttle group',
    ],
    reason: 'Not yet: blockdev-reopen',
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
