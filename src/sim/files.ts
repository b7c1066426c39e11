/**
 * Files of a simulated world: names and bytes in memory, with a volatile cache in front of what
 * survives.
 *
 * Every request completes in a later callback, and in the order in which it was made; it is disks
 * whose orders are chosen. Names are durable at once, bytes after a sync.
 */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import {
  DIRECT_ALIGNMENT,
  type FileIdentity,
  type FileLock,
  type FileStatus,
  type Files,
  type OpenFile,
  type OpenFileOptions,
} from '../env/files.ts';

/** The largest file, in bytes. */
const SIZE_MAX = 256 * 1024 * 1024;
/** All files are on this device. */
const DEVICE = 1;

interface SimFile {
  readonly inode: number;
  bytes: Uint8Array;
  durable: Uint8Array;
}

export class SimFiles implements Files {
  readonly #files = new Map<string, SimFile>();
  readonly #locked = new Set<number>();
  #inodes = 0;

  /** The names there are. */
  get paths(): readonly string[] {
    return [...this.#files.keys()];
  }

  async open(path: string, options: OpenFileOptions): Promise<OpenFile> {
    const found = this.#files.get(path);
    if (found && options.create) throw refusal('EEXIST', `create "${path}"`);
    if (!found && !options.create) throw refusal('ENOENT', `open "${path}"`);
    const file = found ?? this.#add(path);
    return new SimOpenFile(path, file, options.access);
  }

  async status(path: string): Promise<FileStatus | undefined> {
    const file = this.#files.get(path);
    return file && statusOf(file);
  }

  async lock({ inode }: FileIdentity): Promise<FileLock | undefined> {
    if (this.#locked.has(inode)) return undefined;
    this.#locked.add(inode);
    return {
      release: async () => {
        this.#locked.delete(inode);
      },
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.#files.get(from);
    if (!file) throw refusal('ENOENT', `rename "${from}"`);
    if (this.#files.has(to)) throw refusal('EEXIST', `rename "${from}" to "${to}"`);
    this.#files.delete(from);
    this.#files.set(to, file);
  }

  async remove(path: string): Promise<void> {
    if (!this.#files.delete(path)) throw refusal('ENOENT', `remove "${path}"`);
  }

  directBuffer(length: number): Uint8Array {
    return new Uint8Array(Math.ceil(length / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT);
  }

  /** The power fails: files hold what was synced, and nobody has a lock. */
  cut(): void {
    for (const file of this.#files.values()) file.bytes = file.durable.slice();
    this.#locked.clear();
  }

  #add(path: string): SimFile {
    this.#inodes += 1;
    const file = {
      inode: this.#inodes,
      bytes: new Uint8Array(0),
      durable: new Uint8Array(0),
    };
    this.#files.set(path, file);
    return file;
  }
}

class SimOpenFile implements OpenFile {
  readonly #path: string;
  readonly #file: SimFile;
  readonly #access: 'read' | 'read-write';
  #isClosed = false;

  constructor(path: string, file: SimFile, access: 'read' | 'read-write') {
    this.#path = path;
    this.#file = file;
    this.#access = access;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    this.#demandOpen('read');
    const part = this.#file.bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }

  async write(offset: number, from: Uint8Array): Promise<void> {
    this.#demandWritable('write to');
    const end = offset + from.length;
    if (end > this.#file.bytes.length) this.#resize(end);
    this.#file.bytes.set(from, offset);
  }

  async sync(): Promise<void> {
    this.#demandOpen('sync');
    this.#file.durable = this.#file.bytes.slice();
  }

  async truncate(size: number): Promise<void> {
    this.#demandWritable('change the size of');
    this.#resize(size);
  }

  async status(): Promise<FileStatus> {
    this.#demandOpen('look at');
    return statusOf(this.#file);
  }

  async close(): Promise<void> {
    this.#demandOpen('close');
    this.#isClosed = true;
  }

  #resize(size: number): void {
    if (size > SIZE_MAX) throw refusal('EFBIG', `lengthen "${this.#path}" to ${size} bytes`);
    const bytes = new Uint8Array(size);
    bytes.set(this.#file.bytes.subarray(0, size));
    this.#file.bytes = bytes;
  }

  #demandOpen(verb: string): void {
    if (this.#isClosed) throw refusal('EINVAL', `${verb} "${this.#path}", which is closed`);
  }

  #demandWritable(verb: string): void {
    this.#demandOpen(verb);
    if (this.#access === 'read') throw refusal('EACCES', `${verb} "${this.#path}"`);
  }
}

function statusOf({ inode, bytes }: SimFile): FileStatus {
  const size = bytes.length;
  return { kind: 'regular', device: DEVICE, inode, size, allocated: size, writable: true };
}

function refusal(code: BlockErrorCode, action: string): BlockError {
  const { description } = new BlockError(code, action, code);
  return new BlockError(code, action, description);
}
