/**
 * What the kernel keeps account of: the storage of files, and what it read from disks for us.
 *
 * Not every file system does. Some, such as sysfs and many by way of FUSE, say of each file that it
 * has no storage; and what comes over a network is not counted as read from a disk.
 */

import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';

/** By their magic numbers, those that do: ext2 to 4, XFS, Btrfs, F2FS, tmpfs, overlayfs. */
const COUNTING_FILE_SYSTEMS = new Set([
  0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994, 0x794c_7630,
]);

/** There where the kernel counts what it reads for a process (CONFIG_TASK_IO_ACCOUNTING). */
const PROCESS_ACCOUNTS = '/proc/self/io';

/** @returns Whether a file at `path` that has no storage is all hole. */
export async function storageIsCounted(path: string): Promise<boolean> {
  return await statfs(path).then(
    ({ type }) => COUNTING_FILE_SYSTEMS.has(type),
    () => false,
  );
}

/** @returns Whether {@link countDiskReads} grows with each read of `path` that goes to a disk. */
export async function readsAreCounted(path: string): Promise<boolean> {
  return existsSync(PROCESS_ACCOUNTS) && (await storageIsCounted(path));
}

/** @returns What was read from disks for this process so far, in blocks; see getrusage(2). */
export function countDiskReads(): number {
  return process.resourceUsage().fsRead;
}
