/**
 * The journal of a mirror between two files: where it is, whose it is, and whether to go on by it.
 *
 * It lies beside the target, under the target's name and a suffix. A mirror that is killed leaves
 * it; the next one from the same source to the same target goes on by it and copies only what may
 * differ. Files are told by their inodes, which a new name does not change and a new file does not
 * share; what other programs write to either file meanwhile cannot be seen.
 */

import { BlockError } from '../base/errors.ts';
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

/**
 * What a mirror must be for another one to go on from it: the whole of a file, to a file.
 *
 * @throws {BlockError} `EINVAL` for anything else.
 */
export async function demandPersistable(
  files: Files,
  { source, target, sync = 'full' }: PersistableMirror,
): Promise<void> {
  if (source === undefined || target === undefined) {
    throw refusal('both disks must be given by their paths');
  }
  // Of a part it could not be told from the whole, which the next mirror may be of.
  if (sync !== 'full') throw refusal(`it must copy the whole disk: sync=${sync}`);
  for (const path of [source, target]) {
    const found = await files.status(path);
    // A device has no inode of its own, and where its name is a file may not be.
    if (found?.kind === 'block') throw refusal(`"${path}" must be a file, and is a block device`);
  }
}

interface PersistableMirror {
  readonly source: string | undefined;
  readonly target: string | undefined;
  readonly sync?: 'full' | 'top' | 'none' | undefined;
}

function refusal(rule: string): BlockError {
  return new BlockError('EINVAL', 'persist the mirror', rule);
}

function identify({ inode }: FileStatus): string {
  return `inode ${inode}`;
}
