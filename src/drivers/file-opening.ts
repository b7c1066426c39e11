/**
 * How files are opened, and by whom they may be written to.
 *
 * One disk may write to a file at a time, by whatever name: whoever opens it for writing takes its
 * lock and keeps it, and whoever opens it for reading takes the lock for a moment, to see that
 * nobody writes. That moment may be somebody else's bad luck, so a lock that is held is tried again
 * before it counts as held. With `locking: off` neither looks at the lock.
 */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import { type Env, sleep } from '../env/env.ts';
import type { FileIdentity, FileLock, FileStatus, OpenFile } from '../env/files.ts';
import { openDirect } from './direct-file.ts';

/** How often a lock is asked for, and with what pauses: far longer than a look at it takes. */
const LOCK_TRIES = 3;
const LOCK_RETRY_MS = 10;

/** Which file it is. */
export interface FilePlace {
  readonly env: Env;
  readonly path: string;
  /** Nobody looks at its lock. */
  readonly isShared: boolean;
}

/** How a file is opened. */
export interface FileAccess {
  readonly readOnly: boolean;
  /** Past the page cache, for aligned requests only. */
  readonly direct: boolean;
}

/** What comes of it. */
export interface OpenedFile extends FileAccess, FileIdentity {
  readonly file: OpenFile;
  /** Without it others may write to the file, or this process does not. */
  readonly lock: FileLock | undefined;
  readonly kind: 'regular' | 'block';
  /** Bytes. */
  readonly size: number;
  /** A regular file has no storage: all of it is zero. */
  readonly empty: boolean;
}

/**
 * Opens a file.
 *
 * @param held The lock, for one who has it from opening the file before; it stays theirs.
 * @throws {BlockError} `EBUSY` when somebody else writes to it; else as {@link Files.open}.
 */
export async function openFile(
  place: FilePlace,
  access: FileAccess,
  held?: FileLock,
): Promise<OpenedFile> {
  const { env, path, isShared } = place;
  const { readOnly, direct } = access;
  // Before the file is opened: to open a named pipe is to wait for somebody at its other end.
  const found = await env.files.status(path);
  if (found) demandKind(path, found);
  const file = await openAt(place, access);
  let lock = held;
  try {
    const identity = await file.status();
    demandKind(path, identity);
    if (!isShared) lock ??= await claim(env, path, identity);
    if (readOnly) {
      if (lock !== held) await lock?.release();
      lock = undefined;
    }
    // Asked after the lock was taken: who had it before may have changed the size.
    const status = lock ? await settledStatus(file) : await file.status();
    const { device, inode, size } = status;
    return {
      ...{ file, lock, readOnly, direct, device, inode, size },
      kind: status.kind === 'block' ? 'block' : 'regular',
      empty: status.allocated === 0 || size === 0,
    };
  } catch (error) {
    if (lock !== held) await lock?.release();
    await file.close();
    throw error;
  }
}

function demandKind(path: string, status: FileStatus): void {
  if (status.kind === 'directory') throw cannotOpen(path, 'EISDIR', 'Is a directory');
  if (status.kind === 'other') {
    throw cannotOpen(path, 'EINVAL', 'it is neither a regular file nor a block device');
  }
}

function cannotOpen(path: string, code: BlockErrorCode, reason: string): BlockError {
  const told = `Could not open '${path}': ${reason}`;
  return new BlockError(code, `open "${path}"`, reason, { told });
}

async function openAt({ env, path }: FilePlace, wanted: FileAccess): Promise<OpenFile> {
  const access = wanted.readOnly ? 'read' : 'read-write';
  try {
    if (wanted.direct) return await openDirect(env.files, path, access);
    return await env.files.open(path, { access });
  } catch (error) {
    throw error instanceof BlockError ? cannotOpen(path, error.code, error.reason) : error;
  }
}

async function claim(env: Env, path: string, identity: FileStatus): Promise<FileLock> {
  for (let tries = 1; ; tries += 1) {
    const lock = await env.files.lock(identity);
    if (lock) return lock;
    if (tries === LOCK_TRIES) {
      const reason = 'it is in use for writing by another process or disk';
      const told = 'Failed to get "write" lock';
      const hint = `Is another process using the image [${path}]?`;
      throw new BlockError('EBUSY', `open "${path}"`, reason, { told, hint });
    }
    await sleep(env.clock, LOCK_RETRY_MS);
  }
}

/**
 * The status of a file. One that has no storage is asked a second time, after what was written to
 * it has been brought to the disk: some file systems give out storage only then.
 */
async function settledStatus(opened: OpenFile): Promise<FileStatus> {
  const status = await opened.status();
  if (status.kind !== 'regular' || status.allocated > 0 || status.size === 0) return status;
  await opened.sync();
  return opened.status();
}
