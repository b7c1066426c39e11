/**
 * Files as the block layer needs them: positional, whole, asynchronous.
 *
 * Every method that fails does so with a `BlockError` whose message names the file.
 */

import type { Pending } from '../base/pending.ts';

/** Tells two names of one file from two files. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

/** What there is under a name. */
export interface FileStatus extends FileIdentity {
  readonly kind: 'regular' | 'block' | 'directory' | 'other';
  /** Bytes; for a block device its capacity. */
  readonly size: number;
  /** Bytes of storage the file occupies; 0 for a regular file that is all hole. */
  readonly allocated: number;
  /** Whether this process may write to it. */
  readonly writable: boolean;
}

export interface OpenFileOptions {
  readonly access: 'read' | 'read-write';
  /**
   * Go past the page cache (O_DIRECT). Offsets, lengths and the addresses of buffers are then
   * multiples of {@link DIRECT_ALIGNMENT}; {@link Files.directBuffer} gives such buffers.
   */
  readonly direct?: boolean;
  /** Make the file, which must not exist yet. */
  readonly create?: boolean;
}

/** What O_DIRECT asks of offsets, lengths and buffers: the largest that common disks ask. */
export const DIRECT_ALIGNMENT = 4096;

/** An open file. Requests may overlap in time; the caller sees to it that nobody minds. */
export interface OpenFile {
  /** @returns How many bytes were there: fewer than `into.length` only at the end of the file. */
  read(offset: number, into: Uint8Array): Pending<number>;
  /** Writes the whole of `from`, which must not change until then. */
  write(offset: number, from: Uint8Array): Pending;
  /** Makes durable what was written (fdatasync). */
  sync(): Promise<void>;
  /** Sets the size; what is added reads as zeroes and takes no storage. */
  truncate(size: number): Promise<void>;
  status(): Promise<FileStatus>;
  close(): Promise<void>;
}

/** The right to write to one file, held until it is released or this process ends. */
export interface FileLock {
  release(): Promise<void>;
}

export interface Files {
  /** @throws {BlockError} `ENOENT`, `EEXIST`, `EISDIR`, `EACCES`, `EROFS` and the like. */
  open(path: string, options: OpenFileOptions): Promise<OpenFile>;
  /** @returns What is there, or `undefined` when nothing is. */
  status(path: string): Promise<FileStatus | undefined>;
  /**
   * Takes the right to write to a file, which all names of the file share.
   *
   * @returns `undefined` when it is taken, by this process or another of this program.
   */
  lock(identity: FileIdentity): Promise<FileLock | undefined>;
  /** Gives a file a new name, which must be free. @throws {BlockError} `EEXIST` when it is not. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** @returns A buffer at an address that O_DIRECT accepts; `length` is rounded up to it. */
  directBuffer(length: number): Uint8Array;
}
