/**
 * Files of a simulation that outlive power cuts, as far as they were synced.
 *
 * Reads, writes, syncs and changes of size wait in the line as requests of disks do, so that the
 * power can fail at each of them, and each write by itself survives or does not. Names and locks
 * take effect at once: names are durable, and locks are gone after a cut.
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
import { changeMedium, flushMedium } from './simulate-disk.ts';
import { Medium } from './simulate-medium.ts';
import {
  asBlockRequest,
  type RequestLine,
  type SimulatedCall,
  type SimulatedOperation,
} from './simulate-request.ts';

/** The largest file, in bytes. */
const SIZE_MAX = 64 * 1024 * 1024;
/** Files at most. */
const FILES_MAX = 1000;
/** All files are on this device. */
const DEVICE = 1;

/** A file, whoever has it open. */
interface StoredFile {
  readonly inode: number;
  readonly medium: Medium;
}

/** What is left of files when the machine is off: names and media. */
export class FileStore {
  readonly files = new Map<string, StoredFile>();
  /** Of every file that there was: one without a name may still be open. */
  readonly media: Medium[] = [];

  add(path: string): StoredFile {
    if (this.media.length >= FILES_MAX) {
      throw new RangeError(`Cannot create "${path}": at most ${FILES_MAX} files may be made`);
    }
    const inode = this.media.length + 1;
    const file = { inode, medium: new Medium(path, new Uint8Array(0)) };
    this.media.push(file.medium);
    this.files.set(path, file);
    return file;
  }
}

/** The files as one life of the machine sees them. */
export class LivingFiles implements Files {
  readonly #store: FileStore;
  readonly #line: RequestLine;
  readonly #locked = new Set<number>();

  constructor(store: FileStore, line: RequestLine) {
    this.#store = store;
    this.#line = line;
  }

  async open(path: string, options: OpenFileOptions): Promise<OpenFile> {
    const found = this.#store.files.get(path);
    if (found && options.create) throw refusal('EEXIST', `create "${path}"`);
    if (!found && !options.create) throw refusal('ENOENT', `open "${path}"`);
    await this.#name(`${found ? 'open' : 'create'} ${path}`, found);
    const file = this.#store.files.get(path) ?? this.#store.add(path);
    return new LivingFile(file, this.#line, options.access);
  }

  async status(path: string): Promise<FileStatus | undefined> {
    const file = this.#store.files.get(path);
    if (file) return statusOf(file);
    const isFolder = ['/', '.'].includes(path) || this.#isAbove(path);
    return isFolder ? FOLDER : undefined;
  }

  #isAbove(path: string): boolean {
    return [...this.#store.files.keys()].some((name) => name.startsWith(`${path}/`));
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
    const { files } = this.#store;
    await this.#name(`rename ${from} to ${to}`, files.get(from));
    const file = files.get(from);
    if (!file) throw refusal('ENOENT', `rename "${from}"`);
    if (files.has(to)) throw refusal('EEXIST', `rename "${from}" to "${to}"`);
    files.delete(from);
    files.set(to, file);
    file.medium.name = to;
  }

  async remove(path: string): Promise<void> {
    const { files } = this.#store;
    await this.#name(`remove ${path}`, files.get(path));
    if (!files.delete(path)) throw refusal('ENOENT', `remove "${path}"`);
  }

  directBuffer(length: number): Uint8Array {
    return new Uint8Array(Math.ceil(length / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT);
  }

  /** Waits until a change of names may be made. */
  #name(text: string, file: StoredFile | undefined): Promise<void> {
    const medium = file?.medium ?? NOWHERE;
    const call = { medium, operation: 'other', offset: 0, length: 0, text } as const;
    return asBlockRequest(text, this.#line.pass(call, { effect: () => {} }));
  }
}

/** All folders look the same. */
const FOLDER: FileStatus = {
  kind: 'directory',
  device: DEVICE,
  inode: 0,
  size: 0,
  allocated: 0,
  writable: true,
};

/** What a name stands for that nobody has. */
const NOWHERE = new Medium('nowhere', new Uint8Array(0));

class LivingFile implements OpenFile {
  readonly #file: StoredFile;
  readonly #line: RequestLine;
  readonly #access: 'read' | 'read-write';
  #isClosed = false;

  constructor(file: StoredFile, line: RequestLine, access: 'read' | 'read-write') {
    this.#file = file;
    this.#line = line;
    this.#access = access;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    this.#demandOpen('read');
    const { medium } = this.#file;
    const call = this.#call('read', offset, into.length);
    const effect = () => medium.bytes.slice(offset, offset + into.length);
    const bytes = await asBlockRequest(call.text, this.#line.pass(call, { effect }));
    into.set(bytes);
    return bytes.length;
  }

  async write(offset: number, from: Uint8Array): Promise<void> {
    this.#demandWritable('write to');
    this.#demandSize(offset + from.length);
    const call = this.#call('write', offset, from.length);
    await asBlockRequest(
      call.text,
      changeMedium(this.#line, call, () => from.slice()),
    );
  }

  async sync(): Promise<void> {
    this.#demandOpen('sync');
    const { medium } = this.#file;
    await asBlockRequest(`sync ${medium.name}`, flushMedium(this.#line, medium));
  }

  async truncate(size: number): Promise<void> {
    this.#demandWritable('change the size of');
    this.#demandSize(size);
    const { medium } = this.#file;
    const text = `truncate ${medium.name} to ${size}`;
    const call = { medium, operation: 'other', offset: 0, length: 0, text } as const;
    const change = (label: string) => ({ label, offset: 0, bytes: new Uint8Array(0), size });
    let made: ReturnType<Medium['apply']> | undefined;
    const work = {
      change,
      effect: (label: string) => {
        made = medium.apply(change(label));
      },
      answered: () => {
        if (made) made.isAnswered = true;
      },
    };
    await asBlockRequest(text, this.#line.pass<void>(call, work));
  }

  async status(): Promise<FileStatus> {
    this.#demandOpen('look at');
    return statusOf(this.#file);
  }

  async close(): Promise<void> {
    this.#demandOpen('close');
    this.#isClosed = true;
  }

  #call(operation: SimulatedOperation, offset: number, length: number): SimulatedCall {
    const { medium } = this.#file;
    const text = `${operation} ${medium.name} ${offset}+${length}`;
    return { medium, operation, offset, length, text };
  }

  #demandSize(size: number): void {
    if (size > SIZE_MAX) throw refusal('EFBIG', `lengthen "${this.#file.medium.name}"`);
  }

  #demandOpen(verb: string): void {
    if (this.#isClosed) throw refusal('EINVAL', `${verb} a file that is closed`);
  }

  #demandWritable(verb: string): void {
    this.#demandOpen(verb);
    if (this.#access === 'read') throw refusal('EACCES', `${verb} "${this.#file.medium.name}"`);
  }
}

function statusOf({ inode, medium }: StoredFile): FileStatus {
  const size = medium.bytes.length;
  // A file of zeroes is taken for one that holds nothing, as a sparse one is.
  const allocated = medium.bytes.some((byte) => byte !== 0) ? size : 0;
  return { kind: 'regular', device: DEVICE, inode, size, allocated, writable: true };
}

function refusal(code: BlockErrorCode, action: string): BlockError {
  const { description } = new BlockError(code, action, code);
  return new BlockError(code, action, description);
}
