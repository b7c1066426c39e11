/**
 * Archives in cpio's "newc" format, which the Linux kernel unpacks as its first file system.
 *
 * An archive is a row of entries, and one named `TRAILER!!!` after the last:
 *
 *     header  110 characters: "070701", then thirteen numbers of eight hexadecimal digits
 *     name    its bytes and a zero, then zeroes up to a multiple of four
 *     data    its bytes, then zeroes up to a multiple of four
 *
 * The kernel's Documentation/driver-api/early-userspace/buffer-format.rst names the numbers.
 */

import { posix } from 'node:path';

const MAGIC = '070701';
const ALIGNMENT = 4;
const FOLDER_MODE = 0o040755;
const PROGRAM_MODE = 0o100755;
const NOTHING = new Uint8Array(0);

/**
 * @param files What each file holds, by its absolute path; everybody may read and run it.
 * @returns The archive of the files and the folders they are in.
 */
export function newcArchive(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  // The kernel makes no folder for a file: each has to come before what is in it.
  const folders = [...new Set([...files.keys()].flatMap(foldersOf))].sort();
  const parts = [
    ...folders.flatMap((path) => entry(path, FOLDER_MODE, NOTHING)),
    ...[...files].flatMap(([path, data]) => entry(path, PROGRAM_MODE, data)),
    ...entry('TRAILER!!!', 0, NOTHING),
  ];
  return Buffer.concat(parts);
}

function foldersOf(path: string): readonly string[] {
  const folder = posix.dirname(path);
  return folder === '/' ? [] : [...foldersOf(folder), folder];
}

function entry(path: string, mode: number, data: Uint8Array): readonly Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  // Files with more than one link are told apart by it; these have one.
  const inode = 0;
  const [owner, group, links, modified] = [0, 0, 1, 0];
  const devices = [0, 0, 0, 0];
  const checksum = 0; // Only of the format's other variant.
  const numbers = [inode, mode, owner, group, links, modified, data.length, ...devices];
  const digits = [...numbers, name.length, checksum].map(hexadecimal);
  const head = Buffer.concat([Buffer.from(MAGIC + digits.join('')), name]);
  return [head, padding(head.length), data, padding(data.length)];
}

function hexadecimal(number: number): string {
  return number.toString(16).padStart(8, '0');
}

function padding(length: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}
