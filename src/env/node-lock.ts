/**
 * An advisory lock on a file, keyed by its device and inode, that dies with its holder.
 *
 * Node has neither flock nor fcntl. A lock file would outlive a killed holder, and telling a dead
 * holder from a living one races with the next taker. A listening Unix socket does neither: the
 * kernel gives its address to one process and takes it back when that process ends, however it
 * ends. On Linux the address is an abstract one, which leaves nothing on the disk. Elsewhere it is
 * a name in the temporary folder; one whose owner does not answer is dead and is taken over.
 *
 * The lock holds among processes that share a network namespace (Linux) or a temporary folder, and
 * only among those of this program: it is a guard against a mistake, not against other tools.
 */

import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromSystemError } from '../base/errors.ts';
import type { FileIdentity, FileLock } from './files.ts';

/** @returns `undefined` when somebody holds it. */
export async function lockFile({ device, inode }: FileIdentity): Promise<FileLock | undefined> {
  const name = `mirrordisk-lock-${device}-${inode}`;
  if (process.platform === 'linux') return listen(`\0${name}`);
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name);
  const lock = await listen(path);
  if (lock || process.platform === 'win32' || (await answers(path))) return lock;
  await rm(path, { force: true });
  return listen(path);
}

function listen(address: string): Promise<FileLock | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((visitor) => visitor.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => {
      // Also of a visitor that could not be let in, when the promise has long been kept.
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(fromSystemError(error, 'lock the file'));
    });
    server.listen(address, () => {
      server.unref();
      resolve({ release: () => closeServer(server) });
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Whether a process listens at the address. */
function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const visitor = connect(address);
    visitor.once('connect', () => {
      visitor.destroy();
      resolve(true);
    });
    visitor.once('error', () => resolve(false));
  });
}
