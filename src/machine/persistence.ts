/**
 * The journal of a mirror between two files: where it is, whose it is, and whether to go on by it.
 *
 * It lies beside the target, under the target's name and a suffix. A mirror that is killed leaves
 * it; the next one from the same source to the same target goes on by it and copies only what may
 * differ. Files are told by their inodes, which a new name does not change and a new file does not
 * share; what other programs write to either file meanwhile cannot be seen.
 */

import type { FileStatus, Files } from '../env/files.ts';
import type { MirrorJournal } from '../jobs/mirror/hold.ts';
import { Journal } from '../jobs/mirror/journal.ts';

/** What the journal of a target is called beside it. */
export const JOURNAL_SUFFIX = '.mirrordisk-journal';

export interface PersistenceOptions {
  readonly source: FileStatus;
  readonly target: FileStatus;
  /** The name that the user gave to the target. */
  readonly path: string;
  /** The size of the disk, in bytes. */
  readonly size: number;
  readonly granularity: number;
}

/** Whether a mirror to that target has left a journal. */
export async function hasJournal(files: Files, path: string): Promise<boolean> {
  return (await files.status(path + JOURNAL_SUFFIX)) !== undefined;
}

/**
 * Opens the journal that an earlier mirror left, or makes one.
 *
 * @throws {BlockError} `EINVAL` for one of other disks, another granularity or none that it can be
 *   read as, `EBUSY` for one in use, and what the system says.
 */
export async function openJournal(
  files: Files,
  options: PersistenceOptions,
): Promise<MirrorJournal> {
  const { source, target, path, size, granularity } = options;
  const [sourceId, targetId] = [identify(source), identify(target)];
  const identity = { size, granularity, sourceId, targetId };
  const name = path + JOURNAL_SUFFIX;
  if (!(await hasJournal(files, path))) {
    return { journal: await Journal.create(files, name, identity) };
  }
  const { journal, dirty } = await Journal.open(files, name, identity);
  return { journal, resumed: dirty };
}

/** Removes a journal that is not to be gone on by. @throws {BlockError} `EBUSY` for one in use. */
export async function removeJournal(files: Files, path: string): Promise<void> {
  if (await hasJournal(files, path)) await Journal.remove(files, path + JOURNAL_SUFFIX);
}

function identify({ inode }: FileStatus): string {
  return `inode ${inode}`;
}
