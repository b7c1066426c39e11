/**
 * A file past the page cache (O_DIRECT) that takes any buffer, and any length at its end.
 *
 *     file       |--- 4096 ---|--- 4096 ---|--- 4096 ---|- 900 -|
 *     goes by    direct       direct       direct       buffered
 *
 * The kernel wants offsets, lengths and addresses of 4096 bytes. Offsets and lengths are the
 * caller's affair but for the end of a file of odd size, which O_DIRECT could read but not write:
 * that part block goes through the page cache, by a second descriptor, and nothing else does, so
 * the two never meet in a block.
 *
 * A buffer of the wrong address is bounced: copied by way of one from a small pool. JavaScript
 * cannot see an address. So a buffer with the looks of one from {@link Files.directBuffer} is
 * tried, and bounced from then on if the kernel refuses it; one that it takes by luck was worth the
 * try, for how much alignment there must be depends on the disk.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { alignDown } from '../base/ranges.ts';
import {
  DIRECT_ALIGNMENT,
  type FileStatus,
  type Files,
  type OpenFile,
  type OpenFileOptions,
} from '../env/files.ts';
import { Signal } from '../sync/signal.ts';

/** The longest request, and the length of each buffer of the pool. */
export const DIRECT_TRANSFER_MAX = 1024 * 1024;

/** More than Node has threads for: what waits for a buffer would mostly wait for a thread. */
const BOUNCE_BUFFERS = 16;

/** What WebAssembly memory, which {@link Files.directBuffer} gives, comes in multiples of. */
const DIRECT_BUFFER_UNIT = 65_536;

type Transfer = (bytes: Uint8Array) => Pending<number>;

/**
 * Opens a file past the page cache.
 *
 * @throws {BlockError} `EINVAL` where the file system cannot; else as {@link Files.open}.
 */
export async function openDirect(
  files: Files,
  path: string,
  access: OpenFileOptions['access'],
): Promise<OpenFile> {
  const buffered = await files.open(path, { access });
  let direct: OpenFile | undefined;
  try {
    direct = await openPastCache(files, path, access);
    const { device, inode, size } = await direct.status();
    const other = await buffered.status();
    if (device !== other.device || inode !== other.inode) {
      throw new BlockError('EBUSY', `open "${path}"`, 'another file has just taken its name');
    }
    return new DirectFile({ files, direct, buffered, size });
  } catch (error) {
    await direct?.close();
    await buffered.close();
    throw error;
  }
}

async function openPastCache(files: Files, path: string, access: OpenFileOptions['access']) {
  try {
    return await files.open(path, { access, direct: true });
  } catch (error) {
    if (!(error instanceof BlockError) || error.code !== 'EINVAL') throw error;
    const reason = 'its file system does not support O_DIRECT (cache.direct)';
    throw new BlockError('EINVAL', `open "${path}"`, reason, { cause: error });
  }
}

interface DirectFileParts {
  readonly files: Files;
  readonly direct: OpenFile;
  readonly buffered: OpenFile;
  /** Bytes. */
  readonly size: number;
}

class DirectFile implements OpenFile {
  readonly #files: Files;
  readonly #direct: OpenFile;
  readonly #buffered: OpenFile;
  /** Where the last, partial block begins; the end of the file where there is none. */
  #tail: number;
  #pool: Uint8Array[] | undefined;
  readonly #returned = new Signal();
  /** Memory that the kernel has refused. */
  readonly #refused = new WeakSet<ArrayBufferLike>();

  constructor({ files, direct, buffered, size }: DirectFileParts) {
    this.#files = files;
    this.#direct = direct;
    this.#buffered = buffered;
    this.#tail = alignDown(size, DIRECT_ALIGNMENT);
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    const whole = this.#wholeBlocks(offset, into);
    if (whole.length > 0) {
      const done = await this.#readDirect(offset, whole);
      if (done < whole.length || whole.length === into.length) return done;
    }
    const rest = into.subarray(whole.length);
    return whole.length + (await this.#buffered.read(offset + whole.length, rest));
  }

  async write(offset: number, from: Uint8Array): Promise<void> {
    const whole = this.#wholeBlocks(offset, from);
    if (whole.length > 0) await this.#writeDirect(offset, whole);
    if (whole.length === from.length) return;
    await this.#buffered.write(offset + whole.length, from.subarray(whole.length));
  }

  sync(): Promise<void> {
    // It concerns the file, not the descriptor: the tail in the page cache is written back as well.
    return this.#direct.sync();
  }

  async truncate(size: number): Promise<void> {
    await this.#direct.truncate(size);
    this.#tail = alignDown(size, DIRECT_ALIGNMENT);
  }

  /** The file's status; whoever asks for the size goes by it from then on, and so does this. */
  async status(): Promise<FileStatus> {
    const status = await this.#direct.status();
    this.#tail = alignDown(status.size, DIRECT_ALIGNMENT);
    return status;
  }

  async close(): Promise<void> {
    try {
      await this.#direct.close();
    } finally {
      await this.#buffered.close();
    }
  }

  #wholeBlocks(offset: number, bytes: Uint8Array): Uint8Array {
    const length = Math.max(this.#tail - offset, 0);
    return length >= bytes.length ? bytes : bytes.subarray(0, length);
  }

  #readDirect(offset: number, into: Uint8Array): Promise<number> {
    const read: Transfer = (bytes) => this.#direct.read(offset, bytes);
    return this.#trying(into, read, async (bounce) => {
      const done = await read(bounce);
      into.set(bounce.subarray(0, done));
      return done;
    });
  }

  #writeDirect(offset: number, from: Uint8Array): Promise<number> {
    const write: Transfer = async (bytes) => {
      await this.#direct.write(offset, bytes);
      return bytes.length;
    };
    return this.#trying(from, write, (bounce) => {
      bounce.set(from);
      return write(bounce);
    });
  }

  /** Makes a transfer with the caller's bytes, or by way of as many bytes from the pool. */
  async #trying(bytes: Uint8Array, direct: Transfer, bouncing: Transfer): Promise<number> {
    if (this.#mayBeAligned(bytes)) {
      try {
        return await direct(bytes);
      } catch (error) {
        if (!(error instanceof BlockError) || error.code !== 'EINVAL') throw error;
        this.#refused.add(bytes.buffer);
      }
    }
    const buffer = await this.#takeBuffer();
    try {
      return await bouncing(buffer.subarray(0, bytes.length));
    } finally {
      this.#pool?.push(buffer);
      this.#returned.notifyAll();
    }
  }

  #mayBeAligned({ buffer, byteOffset }: Uint8Array): boolean {
    return (
      byteOffset % DIRECT_ALIGNMENT === 0 &&
      buffer.byteLength % DIRECT_BUFFER_UNIT === 0 &&
      !this.#refused.has(buffer)
    );
  }

  async #takeBuffer(): Promise<Uint8Array> {
    this.#pool ??= this.#newPool();
    for (;;) {
      const buffer = this.#pool.pop();
      if (buffer) return buffer;
      await this.#returned.wait();
    }
  }

  /** One piece of memory for all, of which the kernel supplies what is used. */
  #newPool(): Uint8Array[] {
    const memory = this.#files.directBuffer(BOUNCE_BUFFERS * DIRECT_TRANSFER_MAX);
    return Array.from({ length: BOUNCE_BUFFERS }, (_, index) => {
      const start = index * DIRECT_TRANSFER_MAX;
      return memory.subarray(start, start + DIRECT_TRANSFER_MAX);
    });
  }
}
