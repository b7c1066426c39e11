/**
 * Files by way of `node:fs`, with its callback calls: they go to the thread pool without the
 * bookkeeping of its `FileHandle`, and many can be in flight. Short requests that the page cache is
 * expected to answer are waited for instead: see {@link Promptness}.
 */

import * as fs from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { BlockError, fromSystemError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { alignUp } from '../base/ranges.ts';
import {
  DIRECT_ALIGNMENT,
  type FileStatus,
  type Files,
  type OpenFile,
  type OpenFileOptions,
} from './files.ts';
import { countDiskReads, readsAreCounted, storageIsCounted } from './node-accounts.ts';
import { lockFile } from './node-lock.ts';
import { type DiskReads, Promptness } from './promptness.ts';

const { O_CREAT, O_DIRECT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants;
const WASM_PAGE_LENGTH = 65_536;

/**
 * Up to here a request that the page cache answers takes no longer than its callback would. With
 * `npm run bench nbd` a read of 256 KiB, with its reply, took 80 microseconds of processor time
 * when it was waited for, and 123 by way of a thread. Who reads a whole disk does so in longer
 * pieces, and with one after the other waited for, nothing else would have its turn.
 */
const PROMPT_LENGTH_MAX = 256 * 1024;

/** Node takes lengths below 2^31; the kernel would cut longer ones in any case. */
const CALL_LENGTH_MAX = 1024 ** 3;

// The types of Node leave out what it shares with browsers.
declare const WebAssembly: {
  readonly Memory: new (pages: {
    readonly initial: number;
    readonly maximum: number;
  }) => { readonly buffer: ArrayBuffer };
};

const open = promisify(fs.open);
const close = promisify(fs.close);
const stat = promisify(fs.stat);
const fstat = promisify(fs.fstat);
const access = promisify(fs.access);
const link = promisify(fs.link);
const unlink = promisify(fs.unlink);
const ftruncate = promisify(fs.ftruncate);
const fdatasync = promisify(fs.fdatasync);

/** What is said of a path at which there is nothing. */
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

export const nodeFiles: Files = {
  async open(path, options) {
    const action = `open "${path}"`;
    if (options.direct && O_DIRECT === undefined) {
      throw new BlockError('ENOTSUP', action, 'this system has no O_DIRECT');
    }
    const descriptor = await attempt(action, open(path, flagsOf(options), 0o666));
    if (options.direct) return new NodeFile(descriptor, path, undefined);
    const diskReads = (await readsAreCounted(path)) ? countDiskReads : undefined;
    return new NodeFile(descriptor, path, newPromptness(diskReads));
  },

  async status(path) {
    try {
      return await statusOf(path, await stat(path));
    } catch (error) {
      const translated = fromSystemError(error, `look at "${path}"`);
      const isMissing = translated instanceof BlockError && MISSING.has(translated.code);
      if (isMissing) return undefined;
      throw translated;
    }
  },

  lock: lockFile,

  async rename(from, to) {
    // Unlike rename(2), link(2) refuses a name that is taken.
    await attempt(`rename "${from}" to "${to}"`, link(from, to));
    await attempt(`remove "${from}"`, unlink(from));
  },

  async remove(path) {
    await attempt(`remove "${path}"`, unlink(path));
  },

  directBuffer(length) {
    // The only memory whose address JavaScript can choose: WebAssembly's begins on a page.
    const pages = alignUp(length, WASM_PAGE_LENGTH) / WASM_PAGE_LENGTH;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    return new Uint8Array(memory.buffer, 0, alignUp(length, DIRECT_ALIGNMENT));
  },
};

function flagsOf({ access: mode, direct, create }: OpenFileOptions): number {
  return (
    (mode === 'read' ? O_RDONLY : O_RDWR) |
    (direct ? O_DIRECT : 0) |
    (create ? O_CREAT | O_EXCL : 0)
  );
}

type Operation = 'read' | 'write';

/** Longer than the page cache takes to find a page, shorter than the fastest disk. */
const READ_PROMPT_MS = 0.05;
/** Writes wait for no disk unless there is too much to be written back, which takes far longer. */
const WRITE_PROMPT_MS = 0.5;
/** What memory copies at least, however busy it is; it counts in addition. */
const COPIED_BYTES_PER_MS = 2 * 1024 * 1024;

/** Apart, for to write may take long where to read does not. */
type Promptnesses = Readonly<Record<Operation, Promptness>>;

function newPromptness(diskReads: DiskReads | undefined): Promptnesses {
  const read = new Promptness(READ_PROMPT_MS, diskReads);
  return { read, write: new Promptness(WRITE_PROMPT_MS) };
}

class NodeFile implements OpenFile {
  readonly #descriptor: number;
  readonly #path: string;
  /** The same from wherever this process may go. */
  readonly #place: string;
  readonly #promptness: Promptnesses | undefined;

  /** @param promptness None for a file that is used past the page cache. */
  constructor(descriptor: number, path: string, promptness: Promptnesses | undefined) {
    this.#descriptor = descriptor;
    this.#path = path;
    this.#place = resolve(path);
    this.#promptness = promptness;
  }

  read(offset: number, into: Uint8Array): Pending<number> {
    return this.#transfer('read', offset, into);
  }

  write(offset: number, from: Uint8Array): Pending {
    const written = this.#transfer('write', offset, from);
    if (written === from.length) return;
    if (!(written instanceof Promise)) throw this.#shortWrite(offset, from, written);
    return written.then((count) => {
      if (count !== from.length) throw this.#shortWrite(offset, from, count);
    });
  }

  sync(): Promise<void> {
    return attempt(`flush "${this.#path}"`, fdatasync(this.#descriptor));
  }

  truncate(size: number): Promise<void> {
    return attempt(`set the size of "${this.#path}"`, ftruncate(this.#descriptor, size));
  }

  async status(): Promise<FileStatus> {
    return statusOf(this.#place, await attempt(`look at "${this.#path}"`, fstat(this.#descriptor)));
  }

  close(): Promise<void> {
    return attempt(`close "${this.#path}"`, close(this.#descriptor));
  }

  #transfer(operation: Operation, offset: number, bytes: Uint8Array): Pending<number> {
    const promptness = this.#promptness?.[operation];
    if (promptness && bytes.length <= PROMPT_LENGTH_MAX && promptness.expect()) {
      const startMs = performance.now();
      const moved = this.#transferNow(operation, offset, bytes);
      promptness.took(performance.now() - startMs - bytes.length / COPIED_BYTES_PER_MS);
      if (moved === 0 || moved === bytes.length) return moved;
      return this.#transferLater(operation, offset, bytes, moved);
    }
    return this.#transferLater(operation, offset, bytes, 0);
  }

  #transferNow(operation: Operation, offset: number, bytes: Uint8Array): number {
    try {
      return operation === 'read'
        ? fs.readSync(this.#descriptor, bytes, 0, bytes.length, offset)
        : fs.writeSync(this.#descriptor, bytes, 0, bytes.length, offset);
    } catch (error) {
      throw fromSystemError(error, this.#action(operation, offset, bytes));
    }
  }

  /** One call of the system may move fewer bytes than asked: go on until none is moved. */
  #transferLater(
    operation: Operation,
    offset: number,
    bytes: Uint8Array,
    done: number,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const step = (from: number) => {
        const next = (error: Error | null, moved: number) => {
          if (error) reject(fromSystemError(error, this.#action(operation, offset, bytes)));
          else if (moved === 0 || from + moved === bytes.length) resolve(from + moved);
          else step(from + moved);
        };
        const rest = Math.min(bytes.length - from, CALL_LENGTH_MAX);
        if (operation === 'read') fs.read(this.#descriptor, bytes, from, rest, offset + from, next);
        else fs.write(this.#descriptor, bytes, from, rest, offset + from, next);
      };
      step(done);
    });
  }

  #shortWrite(offset: number, from: Uint8Array, written: number): BlockError {
    return new BlockError('EIO', this.#action('write', offset, from), `only ${written} were taken`);
  }

  #action(operation: string, offset: number, bytes: Uint8Array): string {
    return `${operation} ${bytes.length} bytes at ${offset} of "${this.#path}"`;
  }
}

async function attempt<T>(action: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw fromSystemError(error, action);
  }
}

async function statusOf(path: string, found: fs.Stats): Promise<FileStatus> {
  const kind = kindOf(found);
  const isBlock = kind === 'block';
  return {
    kind,
    device: isBlock ? found.rdev : found.dev,
    inode: isBlock ? 0 : found.ino,
    size: isBlock ? await capacityOf(path, found.rdev) : found.size,
    allocated: await allocatedOf(path, found),
    writable: await access(path, fs.constants.W_OK).then(
      () => true,
      () => false,
    ),
  };
}

/** Where nothing is said of a file's storage, or nothing to go by, all of it counts. */
async function allocatedOf(path: string, found: fs.Stats): Promise<number> {
  const counted = found.blocks * 512;
  if (counted > 0 || !found.isFile()) return counted;
  return (await storageIsCounted(path)) ? 0 : found.size;
}

function kindOf(found: fs.Stats): FileStatus['kind'] {
  if (found.isFile()) return 'regular';
  if (found.isBlockDevice()) return 'block';
  return found.isDirectory() ? 'directory' : 'other';
}

/** A block device's status lacks its size, and its ioctl is out of reach: sysfs tells it. */
async function capacityOf(path: string, rdev: number): Promise<number> {
  const major = Math.floor(rdev / 256) % 4096;
  const minor = (rdev % 256) + Math.floor(rdev / 2 ** 20) * 256;
  const entry = `/sys/dev/block/${major}:${minor}/size`;
  const sectors = await attempt(`find the size of "${path}"`, readFile(entry, 'utf8'));
  return Number(sectors) * 512;
}
