/**
 * Opens files and block devices as disks; {@link FileDisk} is what comes of it.
 *
 * One disk may write to a file at a time, by whatever name: whoever opens it for writing takes its
 * lock and keeps it, and whoever opens it for reading takes the lock for a moment, to see that
 * nobody writes. That moment may be somebody else's bad luck, so a lock that is held is tried again
 * before it counts as held. With `locking: off` neither looks at the lock.
 */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import { defineDriver, type OpenContext } from '../block/driver.ts';
import { refuse, unsupported } from '../block/options.ts';
import { type Env, sleep } from '../env/env.ts';
import type { FileLock, FileStatus, OpenFile } from '../env/files.ts';
import { enumeration, optional, withDefault, withFeatures } from '../wire/qapi/composites.ts';
import { bool, int, str } from '../wire/qapi/scalars.ts';
import { openDirect } from './direct-file.ts';
import { FileDisk } from './file-disk.ts';

/** How often a lock is asked for, and with what pauses: far longer than a look at it takes. */
const LOCK_TRIES = 3;
const LOCK_RETRY_MS = 10;

interface FileOptions {
  readonly filename: string;
  readonly locking: 'auto' | 'on' | 'off';
  readonly aio: 'threads' | 'native' | 'io_uring';
}

export const file = defineDriver(
  () => ({
    filename: str,
    'pr-manager': optional(unsupported(str)),
    /** `off` lets other programs and disks write to the file as well. */
    locking: withDefault(enumeration('OnOffAuto', ['auto', 'on', 'off']), 'auto'),
    /** How requests are to reach the kernel; here it is one way, whatever is said. */
    aio: withDefault(
      enumeration('BlockdevAioOptions', ['threads', 'native', 'io_uring']),
      'threads',
    ),
    'aio-max-batch': optional(int),
    /** Whether caches are dropped when a guest moves to another host, as none does here. */
    'drop-cache': optional(bool),
    'x-check-cache-dropped': withFeatures(
      optional(unsupported(bool, (value) => !value)),
      'unstable',
    ),
  }),
  {
    summary: 'A file or a block device',
    open: openFileDisk,
  },
);

async function openFileDisk(options: FileOptions, context: OpenContext): Promise<FileDisk> {
  const { env, readOnly, unmap, cache } = context;
  const path = options.filename;
  if (path === '') throw refuse("The 'file' block driver requires a file name");
  if (options.aio === 'native' && !cache.direct) {
    const rule = 'but it requires cache.direct=on, which was not specified.';
    throw refuse(`aio=native was specified, ${rule}`);
  }
  // Before the file is opened: to open a named pipe is to wait for somebody at its other end.
  const found = await env.files.status(path);
  if (found) demandKind(path, found);
  const opened = await openAt(options, context);
  let lock: FileLock | undefined;
  try {
    const identity = await opened.status();
    demandKind(path, identity);
    const isLocked = options.locking !== 'off' && !context.forceShare;
    if (isLocked) lock = await claim(env, path, identity);
    if (readOnly) {
      await lock?.release();
      lock = undefined;
    }
    // Asked after the lock was taken: who had it before may have changed the size.
    const status = lock ? await settledStatus(opened) : await opened.status();
    return new FileDisk({
      path,
      file: opened,
      lock,
      kind: status.kind === 'block' ? 'block' : 'regular',
      size: status.size,
      empty: status.allocated === 0 || status.size === 0,
      unmap,
      direct: cache.direct,
      flushes: !cache.noFlush,
    });
  } catch (error) {
    await lock?.release();
    await opened.close();
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

async function openAt({ filename }: FileOptions, context: OpenContext): Promise<OpenFile> {
  const { cache } = context;
  const { files } = context.env;
  const access = context.readOnly ? 'read' : 'read-write';
  try {
    if (cache.direct) return await openDirect(files, filename, access);
    return await files.open(filename, { access });
  } catch (error) {
    throw error instanceof BlockError ? cannotOpen(filename, error.code, error.reason) : error;
  }
}

async function claim(env: Env, path: string, identity: FileStatus): Promise<FileLock> {
  for (let tries = 1; ; tries += 1) {
    const lock = await env.files.lock(identity);
    if (lock) return lock;
    if (tries === LOCK_TRIES) {
      const reason = 'it is in use for writing by another process or disk';
      const told = 'Failed to get "write" lock';
      throw new BlockError('EBUSY', `open "${path}"`, reason, { told });
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
