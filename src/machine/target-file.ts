/**
 * The file that a mirror writes to, from nothing to a finished copy.
 *
 * A target that does not exist yet is made under another name beside its own, and gets its own name
 * only when source and target have met. So whatever ends the mirror before, SIGKILL included, no
 * half copy stands under the name that the user gave; what a killed run left is recognised and
 * replaced by the next. A target that exists is written in place, and only if it holds nothing or
 * its owner agreed.
 */

import { dirname } from 'node:path';
import { BlockError } from '../base/errors.ts';
import type { FileStatus, Files } from '../env/files.ts';

/** What an unfinished target is called. */
const UNFINISHED = '.mirrordisk-partial';

export interface TargetFileOptions {
  readonly path: string;
  /** The size to make it with, in bytes. */
  readonly size: number;
  /** Write over the data of a file that exists. */
  readonly overwrite: boolean;
  /** The file that is copied: never a target. */
  readonly source: FileStatus | undefined;
}

export class TargetFile {
  readonly #files: Files;
  readonly #path: string;
  #unfinished: string | undefined;

  private constructor(files: Files, path: string, unfinished?: string) {
    this.#files = files;
    this.#path = path;
    this.#unfinished = unfinished;
  }

  /**
   * Finds or makes the file.
   *
   * @throws {BlockError} `EEXIST` for one that may hold data, unless `overwrite`; `EINVAL` for the
   *   source itself; `EISDIR`, `ENOENT` for a missing folder, `EBUSY` for one that another mirror
   *   is making, and what the system says.
   */
  static async prepare(files: Files, options: TargetFileOptions): Promise<TargetFile> {
    const { path, size } = options;
    if (await TargetFile.check(files, options)) {
      await finishNaming(files, path);
      return new TargetFile(files, path);
    }
    if (!(await files.status(dirname(path)))) {
      const reason = `there is no folder "${dirname(path)}"`;
      throw new BlockError('ENOENT', `create "${path}"`, reason);
    }
    const unfinished = path + UNFINISHED;
    await removeLeftover(files, unfinished);
    await createSparse(files, unfinished, size);
    return new TargetFile(files, path, unfinished);
  }

  /**
   * Changes nothing. @returns Whether the file exists.
   *
   * @throws {BlockError} For one that exists, as {@link TargetFile.prepare}.
   */
  static async check(
    files: Files,
    { path, source, overwrite }: Omit<TargetFileOptions, 'size'>,
  ): Promise<boolean> {
    const found = await files.status(path);
    if (found) checkExisting(path, found, source, overwrite);
    return found !== undefined;
  }

  /**
   * Finds the file of a mirror that was killed, finished or not; `undefined` when it is gone.
   *
   * @throws {BlockError} `EEXIST` when another file has taken the name of an unfinished one,
   *   `EBUSY` when a mirror is giving it its name at this moment.
   */
  static async find(files: Files, path: string): Promise<TargetFile | undefined> {
    await finishNaming(files, path);
    const unfinished = path + UNFINISHED;
    const named = await files.status(path);
    if (!(await files.status(unfinished))) return named && new TargetFile(files, path);
    if (!named) return new TargetFile(files, path, unfinished);
    const reason = 'it exists, and so does the unfinished copy that is to get its name';
    throw new BlockError('EEXIST', `mirror to "${path}"`, reason);
  }

  /** What the file is called now. */
  get path(): string {
    return this.#unfinished ?? this.#path;
  }

  /** Gives the file its own name. @throws {BlockError} `EEXIST` when that has been taken since. */
  async publish(): Promise<void> {
    if (this.#unfinished === undefined) return;
    await this.#files.rename(this.#unfinished, this.#path);
    this.#unfinished = undefined;
  }

  /** Removes the file if it was made here and has not got its own name. */
  async discard(): Promise<void> {
    if (this.#unfinished === undefined) return;
    await this.#files.remove(this.#unfinished);
    this.#unfinished = undefined;
  }
}

/**
 * Makes a file of the given size that takes no storage.
 *
 * @throws {BlockError} `EEXIST` when there is one already. Nothing is left of a failure.
 */
export async function createSparse(files: Files, path: string, size: number): Promise<void> {
  const file = await files.open(path, { access: 'read-write', create: true });
  try {
    await file.truncate(size);
  } catch (error) {
    await file.close();
    await files.remove(path);
    throw error;
  }
  await file.close();
}

function checkExisting(
  path: string,
  found: FileStatus,
  source: FileStatus | undefined,
  overwrite: boolean,
): void {
  const action = `mirror to "${path}"`;
  if (found.kind === 'directory') throw new BlockError('EISDIR', action, 'it is a directory');
  if (found.device === source?.device && found.inode === source.inode) {
    throw new BlockError('EINVAL', action, 'source and target are the same file');
  }
  if (overwrite || (found.kind === 'regular' && found.allocated === 0)) return;
  throw new BlockError('EEXIST', action, 'it exists and may hold data');
}

/** A run that was killed while the file got its name, which takes two steps, leaves it with two. */
async function finishNaming(files: Files, path: string): Promise<void> {
  const named = await files.status(path);
  const unfinished = await files.status(path + UNFINISHED);
  if (!named || !unfinished) return;
  const isSame = named.device === unfinished.device && named.inode === unfinished.inode;
  if (isSame) await removeLeftover(files, path + UNFINISHED);
}

/** A run that was killed leaves its unfinished file, and no lock on it. */
async function removeLeftover(files: Files, path: string): Promise<void> {
  const found = await files.status(path);
  if (!found) return;
  const lock = await files.lock(found);
  if (!lock) throw new BlockError('EBUSY', `create "${path}"`, 'another mirror is making it');
  try {
    await files.remove(path);
  } finally {
    await lock.release();
  }
}
