/**
 * What simulated files have in common, whatever their bytes do: names, locks, and the refusals that
 * a file system has for wrong uses of them.
 */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import {
  DIRECT_ALIGNMENT,
  type FileIdentity,
  type FileLock,
  type OpenFileOptions,
} from '../env/files.ts';

/** All files are on this device. */
export const DEVICE = 1;

/** Names of files. They are durable at once. */
export class FileNames<File> {
  readonly files = new Map<string, File>();

  /** @throws {BlockError} `EEXIST`, `ENOENT`. */
  demandOpenable(path: string, { create }: OpenFileOptions): void {
    const isThere = this.files.has(path);
    if (isThere && create) throw refusal('EEXIST', `create "${path}"`);
    if (!isThere && !create) throw refusal('ENOENT', `open "${path}"`);
  }

  /** @returns The file that has the new name now. @throws {BlockError} `ENOENT`, `EEXIST`. */
  rename(from: string, to: string): File {
    const file = this.files.get(from);
    if (!file) throw refusal('ENOENT', `rename "${from}"`);
    if (this.files.has(to)) throw refusal('EEXIST', `rename "${from}" to "${to}"`);
    this.files.delete(from);
    this.files.set(to, file);
    return file;
  }

  /** @throws {BlockError} `ENOENT`. */
  remove(path: string): void {
    if (!this.files.delete(path)) throw refusal('ENOENT', `remove "${path}"`);
  }
}

/** Locks of files; gone when the power is. */
export class FileLocks {
  readonly #locked = new Set<number>();

  take({ inode }: FileIdentity): FileLock | undefined {
    if (this.#locked.has(inode)) return undefined;
    this.#locked.add(inode);
    return {
      release: async () => {
        this.#locked.delete(inode);
      },
    };
  }

  clear(): void {
    this.#locked.clear();
  }
}

/** What an open file may be used for. */
export class OpenMode {
  readonly #access: OpenFileOptions['access'];
  #isClosed = false;

  constructor(access: OpenFileOptions['access']) {
    this.#access = access;
  }

  /** @param object The file, in the error. @throws {BlockError} `EINVAL` when it is closed. */
  demandOpen(verb: string, object: string): void {
    if (this.#isClosed) throw refusal('EINVAL', `${verb} ${object}, which is closed`);
  }

  /** @throws {BlockError} `EINVAL` when it is closed, `EACCES` when it is open for reading. */
  demandWritable(verb: string, object: string): void {
    this.demandOpen(verb, object);
    if (this.#access === 'read') throw refusal('EACCES', `${verb} ${object}`);
  }

  /** @throws {BlockError} `EINVAL` when it is closed already. */
  close(object: string): void {
    this.demandOpen('close', object);
    this.#isClosed = true;
  }
}

/** A buffer as a file system gives it that goes past the page cache. */
export function directBuffer(length: number): Uint8Array {
  return new Uint8Array(Math.ceil(length / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT);
}

/** An error as the system gives it: with the C library's text for its code. */
export function refusal(code: BlockErrorCode, action: string): BlockError {
  const { description } = new BlockError(code, action, code);
  return new BlockError(code, action, description);
}
