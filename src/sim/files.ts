/**
 * Files of a simulated world: names and bytes in memory, with a volatile cache in front of what
 * survives.
 *
 * Every request completes in a later callback, and in the order in which it was made; it is disks
 * whose orders are chosen. Names are durable at once, bytes after a sync.
 */

import type {
  FileIdentity,
  FileLock,
  FileStatus,
  Files,
  OpenFile,
  OpenFileOptions,
} from '../env/files.ts';
import { DEVICE, directBuffer, FileLocks, FileNames, OpenMode, refusal } from './file-names.ts';

/** The largest file, in bytes. */
const SIZE_MAX = 256 * 1024 * 1024;

interface SimFile {
  readonly inode: number;
  bytes: Uint8Array;
  durable: Uint8Array;
}

export class SimFiles implements Files {
  readonly #names = new FileNames<SimFile>();
  readonly #locks = new FileLocks();
  #inodes = 0;

  /** The names there are. */
  get paths(): readonly string[] {
    return [...this.#names.files.keys()];
  }

  async open(path: string, options: OpenFileOptions): Promise<OpenFile> {
    this.#names.demandOpenable(path, options);
    const file = this.#names.files.get(path) ?? this.#add(path);
    return new SimOpenFile(path, file, options.access);
  }

  async status(path: string): Promise<FileStatus | undefined> {
    const file = this.#names.files.get(path);
    return file && statusOf(file);
  }

  async lock(identity: FileIdentity): Promise<FileLock | undefined> {
    return this.#locks.take(identity);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#names.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    this.#names.remove(path);
  }

  directBuffer(length: number): Uint8Array {
    return directBuffer(length);
  }

  /** The power fails: files hold what was synced, and nobody has a lock. */
  cut(): void {
    for (const file of this.#names.files.values()) file.bytes = file.durable.slice();
    this.#locks.clear();
  }

  #add(path: string): SimFile {
    this.#inodes += 1;
    const file = {
      inode: this.#inodes,
      bytes: new Uint8Array(0),
      durable: new Uint8Array(0),
    };
    this.#names.files.set(path, file);
    return file;
  }
}

class SimOpenFile implements OpenFile {
  readonly #path: string;
  readonly #file: SimFile;
  readonly #mode: OpenMode;

  constructor(path: string, file: SimFile, access: OpenFileOptions['access']) {
    this.#path = path;
    this.#file = file;
    this.#mode = new OpenMode(access);
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    this.#mode.demandOpen('read', this.#name);
    const part = this.#file.bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }

  async write(offset: number, from: Uint8Array): Promise<void> {
    this.#mode.demandWritable('write to', this.#name);
    const end = offset + from.length;
    if (end > this.#file.bytes.length) this.#resize(end);
    this.#file.bytes.set(from, offset);
  }

  async sync(): Promise<void> {
    this.#mode.demandOpen('sync', this.#name);
    this.#file.durable = this.#file.bytes.slice();
  }

  async truncate(size: number): Promise<void> {
    this.#mode.demandWritable('change the size of', this.#name);
    this.#resize(size);
  }

  async status(): Promise<FileStatus> {
    this.#mode.demandOpen('look at', this.#name);
    return statusOf(this.#file);
  }

  async close(): Promise<void> {
    this.#mode.close(this.#name);
  }

  #resize(size: number): void {
    if (size > SIZE_MAX) throw refusal('EFBIG', `lengthen "${this.#path}" to ${size} bytes`);
    const bytes = new Uint8Array(size);
    bytes.set(this.#file.bytes.subarray(0, size));
    this.#file.bytes = bytes;
  }

  get #name(): string {
    return JSON.stringify(this.#path);
  }
}

function statusOf({ inode, bytes }: SimFile): FileStatus {
  const size = bytes.length;
  return { kind: 'regular', device: DEVICE, inode, size, allocated: size, writable: true };
}
