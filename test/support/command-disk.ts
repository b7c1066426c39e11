/** A disk in a file, for commands that make or copy files. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandRig } from './command-rig.ts';
import { withFolder } from './temporary.ts';

/** What is on it. */
export const BYTES = new Uint8Array(65_536).fill(7);

/** A raw disk called "disk" over a file. */
export async function withDisk(
  body: (rig: CommandRig, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const filename = join(folder, 'disk.img');
    writeFileSync(filename, BYTES);
    await using rig = await CommandRig.open();
    await rig.ask('blockdev-add', {
      driver: 'raw',
      'node-name': 'disk',
      file: { driver: 'file', filename },
    });
    await body(rig, folder);
  });
}

/** Gives other commands until the job has gone. */
export async function jobEnds(rig: CommandRig): Promise<void> {
  while (rig.machine.jobs.all.some(({ status }) => status !== 'concluded'))
    await rig.ask('query-jobs');
}
