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

const RESIZE = '-> {"execute":"block_resize","arguments":{"node-name":"file","size":131072}}';

function errorOf(reason: string): string {
  return `{"error": {"class": "GenericError", "desc": "${reason}"}}`;
}

/** What is said of somebody who wants to resize a node, and of those who do not allow it. */
function resizeOf(name: string): string {
  const user = `an unnamed block device (uses node '${name}' as 'root' child)`;
  const both = `permissions 'resize' are both required by ${user} and unshared by`;
  return `Permission conflict on node '${name}': ${both}`;
}

export const REPLACEMENTS: readonly Replacement[] = [
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
    where: ['an option that stays as it is may be one that cannot change'],
    reason: 'nothing changes; and what is opened so could never be reopened',
    theirs: `<- ${errorOf("Cannot change the option 'force-share'")}`,
    ours: '<- {"return": {}}',
  },
  {
    where: ['a part of a disk lies within the child that it will have'],
    reason: 'it is compared with the size of that child, and not of the one that it leaves',
    theirs: '"offset":66560}]}}\n<- {"return": {}}',
    ours: `"offset":66560}]}}\n<- ${errorOf(
      'Offset (66560) cannot be greater than size of the containing file (65536)',
    )}`,
  },
  {
    where: ['a part of a disk keeps others from resizing it as long as it is one'],
    reason: 'a node that is no part any more has no reason to keep others from it',
    theirs: `"file":"file"}]}}\n<- {"return": {}}\n${RESIZE}\n<- ${errorOf(
      `${resizeOf('file')} node 'raw' (uses node 'file' as 'file' child).`,
    )}`,
    ours: `"file":"file"}]}}\n<- {"return": {}}\n${RESIZE}\n<- {"return": {}}`,
  },
  {
    where: ['the size of a disk stays what it is while somebody relies on it'],
    reason: 'as when it is resized: to those that rely on it nobody says that it has changed',
    theirs: '"size":4096}]}}\n<- {"return": {}}',
    ours: `"size":4096}]}}\n<- ${errorOf(
      `${resizeOf('raw')} an unnamed block device (uses node 'raw' as 'root' child).`,
    )}`,
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

export const GAPS: readonly Gap[] = [];

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
