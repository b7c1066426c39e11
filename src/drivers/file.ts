/**
 * Opens files and block devices as disks; {@link FileDisk} is what comes of it.
 *
 * One disk may write to a file at a time, by whatever name: whoever opens it for writing takes its
 * lock and keeps it, and whoever opens it for reading takes the lock for a moment, to see that
 * nobody writes. That moment may be somebody else's bad luck, so a lock that is held is tried again
 * before it counts as held. With `locking: off` neither looks at the lock.
 */

import { BlockError } from '../base/errors.ts';
import { defineDriver, type OpenContext } from '../block/driver.ts';
import { boolean, group, oneOf, required, string, withDefault } from '../block/options.ts';
import { type Env, sleep } from '../env/env.ts';
import type { FileLock, FileStatus, OpenFile } from '../env/files.ts';
import { openDirect } from './direct-file.ts';
import { FileDisk } from './file-disk.ts';

/** How often a lock is asked for, and with what pauses: far longer than a look at it takes. */
const LOCK_TRIES = 3;
const LOCK_RETRY_MS = 10;

interface FileOptions {
  readonly filename: string;
  readonly cache: { readonly direct: boolean; readonly 'no-flush': boolean };
  readonly locking: 'on' | 'off';
}

export const file = defineDriver(
  {
    filename: required(string),
    cache: group({
      /** Go past the page cache (O_DIRECT). */
      direct: withDefault(boolean, false),
      /** Take a flush for done: faster, and a power cut may ruin the disk. */
      'no-flush': withDefault(boolean, false),
    }),
    /** `off` lets other programs and disks write to the file as well. */
    locking: withDefault(oneOf('on', 'off'), 'on'),
  },
  {
    summary: 'A file or a block device',
    open: openFileDisk,
  },
);

async function openFileDisk(options: FileOptions, context: OpenContext): Promise<FileDisk> {
  const { env, readOnly, unmap } = context;
  const path = options.filename;
  // Before the file is opened: to open a named pipe is to wait for somebody at its other end.
  demandKind(path, await env.files.status(path));
  const opened = await openAt(options, context);
  let lock: FileLock | undefined;
  try {
    const identity = await opened.status();
    demandKind(path, identity);
    if (options.locking === 'on') lock = await claim(env, path, identity);
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
      direct: options.cache.direct,
      flushes: !options.cache['no-flush'],
    });
  } catch (error) {
    await lock?.release();
    await opened.close();
    throw error;
  }
}

function demandKind(path: string, status: FileStatus | undefined): void {
  const action = `open "${path}"`;
  if (!status) throw new BlockError('ENOENT', action, 'No such file or directory');
  if (status.kind === 'directory') throw new BlockError('EISDIR', action, 'Is a directory');
  if (status.kind === 'other') {
    throw new BlockError('EINVAL', action, 'it is neither a regular file nor a block device');
  }
}

function openAt({ filename, cache }: FileOptions, context: OpenContext): Promise<OpenFile> {
  const { files } = context.env;
  const access = context.readOnly ? 'read' : 'read-write';
  return cache.direct ? openDirect(files, filename, access) : files.open(filename, { access });
}

async function claim(env: Env, path: string, identity: FileStatus): Promise<FileLock> {
  for (let tries = 1; ; tries += 1) {
    const lock = await env.files.lock(identity);
    if (lock) return lock;
    if (tries === LOCK_TRIES) {
      const reason = 'it is in use for writing by another process or disk';
      throw new BlockError('EBUSY', `open "${path}"`, reason);
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
