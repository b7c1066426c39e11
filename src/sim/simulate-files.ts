/**
 * Files of a simulation that outlive power cuts, as far as they were synced.
 *
 * Reads, writes, syncs and changes of size wait in the line as requests of disks do, so that the
 * power can fail at each of them, and each write by itself survives or does not. Names and locks
 * take effect at once: names are durable, and locks are gone after a cut.
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

/** A file, whoever has it open. */
interface StoredFile {
  readonly inode: number;
  readonly medium: Medium;
}

/** What is left of files when the machine is off: names and media. */
export class FileStore {
  readonly names = new FileNames<StoredFile>();
  /** Of every file that there was: one without a name may still be open. */
  readonly media: Medium[] = [];

  add(path: string): StoredFile {
    if (this.media.length >= FILES_MAX) {
      throw new RangeError(`Cannot create "${path}": at most ${FILES_MAX} files may be made`);
    }
    const inode = this.media.length + 1;
    const file = { inode, medium: new Medium(path, new Uint8Array(0)) };
    this.media.push(file.medium);
    this.names.files.set(path, file);
    return file;
  }
}

/** The files as one life of the machine sees them. */
export class LivingFiles implements Files {
  readonly #store: FileStore;
  readonly #line: RequestLine;
  readonly #locks = new FileLocks();

  constructor(store: FileStore, line: RequestLine) {
    this.#store = store;
    this.#line = line;
  }

  async open(path: string, options: OpenFileOptions): Promise<OpenFile> {
    const { names } = this.#store;
    names.demandOpenable(path, options);
    const found = names.files.get(path);
    await this.#name(`${found ? 'open' : 'create'} ${path}`, found);
    const file = names.files.get(path) ?? this.#store.add(path);
    return new LivingFile(file, this.#line, options.access);
  }

  async status(path: string): Promise<FileStatus | undefined> {
    const file = this.#store.names.files.get(path);
    if (file) return statusOf(file);
    const isFolder = ['/', '.'].includes(path) || this.#isAbove(path);
    return isFolder ? FOLDER : undefined;
  }

  #isAbove(path: string): boolean {
    return [...this.#store.names.files.keys()].some((name) => name.startsWith(`${path}/`));
  }

  async lock(identity: FileIdentity): Promise<FileLock | undefined> {
    return this.#locks.take(identity);
  }

  async rename(from: string, to: string): Promise<void> {
    const { names } = this.#store;
    await this.#name(`rename ${from} to ${to}`, names.files.get(from));
    names.rename(from, to).medium.name = to;
  }

  async remove(path: string): Promise<void> {
    const { names } = this.#store;
    await this.#name(`remove ${path}`, names.files.get(path));
    names.remove(path);
  }

  directBuffer(length: number): Uint8Array {
    return directBuffer(length);
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
  readonly #mode: OpenMode;

  constructor(file: StoredFile, line: RequestLine, access: OpenFileOptions['access']) {
    this.#file = file;
    this.#line = line;
    this.#mode = new OpenMode(access);
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    this.#mode.demandOpen('read', this.#quoted);
    const { medium } = this.#file;
    const call = this.#call('read', offset, into.length);
    const effect = () => medium.bytes.slice(offset, offset + into.length);
    const bytes = await asBlockRequest(call.text, this.#line.pass(call, { effect }));
    into.set(bytes);
    return bytes.length;
  }

  async write(offset: number, from: Uint8Array): Promise<void> {
    this.#mode.demandWritable('write to', this.#quoted);
    this.#demandSize(offset + from.length);
    const call = this.#call('write', offset, from.length);
    await asBlockRequest(
      call.text,
      changeMedium(this.#line, call, () => from.slice()),
    );
  }

  async sync(): Promise<void> {
    this.#mode.demandOpen('sync', this.#quoted);
    const { medium } = this.#file;
    await asBlockRequest(`sync ${medium.name}`, flushMedium(this.#line, medium));
  }

  async truncate(size: number): Promise<void> {
    this.#mode.demandWritable('change the size of', this.#quoted);
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
    this.#mode.demandOpen('look at', this.#quoted);
    return statusOf(this.#file);
  }

  async close(): Promise<void> {
    this.#mode.close(this.#quoted);
  }

  #call(operation: SimulatedOperation, offset: number, length: number): SimulatedCall {
    const { medium } = this.#file;
    const text = `${operation} ${medium.name} ${offset}+${length}`;
    return { medium, operation, offset, length, text };
  }

  #demandSize(size: number): void {
    if (size > SIZE_MAX) throw refusal('EFBIG', `lengthen "${this.#file.medium.name}"`);
  }

  get #quoted(): string {
    return JSON.stringify(this.#file.medium.name);
  }
}

function statusOf({ inode, medium }: StoredFile): FileStatus {
  const size = medium.bytes.length;
  // A file of zeroes is taken for one that holds nothing, as a sparse one is.
  const allocated = medium.bytes.some((byte) => byte !== 0) ? size : 0;
  return { kind: 'regular', device: DEVICE, inode, size, allocated, writable: true };
}
