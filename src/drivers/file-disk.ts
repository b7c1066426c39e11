/**
 * A disk in a file or on a block device.
 *
 * Requests go to the file as they come, any number at a time. Three things are more than that:
 *
 * - **Holes.** Node can neither find holes in a file nor make them. A file that was all hole when
 *   it was opened has a {@link WrittenMap}, by which the rest of it is known to be zero and need
 *   not be zeroed or discarded; others answer that all of it is data. (Only under the lock: else
 *   somebody else may write to it.)
 * - **Unmapping.** What reaches to the end of the file is given back by cutting the file off there
 *   and lengthening it again. A process killed in between leaves a short file, which is why this
 *   needs `discard=unmap`. Meanwhile the {@link TailGate} keeps requests away: the map would forget
 *   a write that came between the two steps, and O_DIRECT would meet an end of file that is not the
 *   disk's.
 * - **Flushing.** When fdatasync fails, the kernel may have dropped the pages that it could not
 *   write and report success the next time. So after one failure every flush fails.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { ZEROES } from '../base/zeroes.ts';
import type {
  BlockDriver,
  BlockExtent,
  DriverLimits,
  WriteZeroesOptions,
} from '../block/driver.ts';
import { DIRECT_ALIGNMENT, type FileLock, type OpenFile } from '../env/files.ts';
import { DIRECT_TRANSFER_MAX } from './direct-file.ts';
import { TailGate } from './tail-gate.ts';
import { WrittenMap } from './written-map.ts';

/** A request is one call on one of few threads, which it should not hold for too long. */
const BUFFERED_TRANSFER_MAX = 64 * 1024 * 1024;

export interface FileDiskParts {
  readonly path: string;
  /** Closed with the disk. */
  readonly file: OpenFile;
  /** Released with the disk; without it others may write to the file, or this disk does not. */
  readonly lock: FileLock | undefined;
  readonly kind: 'regular' | 'block';
  /** Bytes. */
  readonly size: number;
  /** A regular file has no storage: all of it is zero. */
  readonly empty: boolean;
  readonly unmap: boolean;
  /** The file takes only aligned requests. */
  readonly direct: boolean;
  readonly flushes: boolean;
}

export class FileDisk implements BlockDriver {
  readonly limits: DriverLimits;
  readonly supports = { forceUnitAccess: false };
  readonly children = [];
  readonly discards = { done: 0, failed: 0, bytes: 0 };
  readonly #parts: FileDiskParts;
  readonly #file: OpenFile;
  readonly #gate = new TailGate();
  #size: number;
  #written: WrittenMap | undefined;
  #flushFailure: unknown;

  constructor(parts: FileDiskParts) {
    const { file, size, kind, empty, lock, direct } = parts;
    const alignment = direct ? DIRECT_ALIGNMENT : 1;
    const transferMax = direct ? DIRECT_TRANSFER_MAX : BUFFERED_TRANSFER_MAX;
    this.limits = { alignment, transferMax, discardAlignment: alignment };
    this.#parts = parts;
    this.#file = file;
    this.#size = size;
    if (kind === 'regular' && empty && lock) this.#written = new WrittenMap(size);
  }

  size(): number {
    return this.#size;
  }

  read(offset: number, into: Uint8Array): Pending {
    // Somebody may have made the file shorter.
    const fill = (done: number) => void (done < into.length && into.fill(0, done));
    return this.#gate.passing(offset + into.length, () => {
      const done = this.#file.read(offset, into);
      return done instanceof Promise ? done.then(fill) : fill(done);
    });
  }

  write(offset: number, from: Uint8Array): Pending {
    const { length } = from;
    return this.#gate.passing(offset + length, () => {
      if (offset + length > this.#size) {
        // It waited at the gate while the disk was made smaller.
        const action = `write ${length} bytes at ${offset} of "${this.#parts.path}"`;
        throw new BlockError('EIO', action, `the disk now has ${this.#size} bytes`);
      }
      this.#written?.mark(offset, length);
      return this.#file.write(offset, from);
    });
  }

  async flush(): Promise<void> {
    if (!this.#parts.flushes) return;
    if (this.#flushFailure === undefined) {
      try {
        await this.#file.sync();
      } catch (error) {
        this.#flushFailure ??= error;
        throw error;
      }
    }
    // Of two that were under way together, the kernel may have told only the other.
    if (this.#flushFailure === undefined) return;
    const reason = 'an earlier flush failed, and what it should have written may be lost';
    const cause = this.#flushFailure;
    throw new BlockError('EIO', `flush "${this.#parts.path}"`, reason, { cause });
  }

  async writeZeroes(offset: number, length: number, options: WriteZeroesOptions): Promise<void> {
    const range = { offset, length };
    if (this.#written && !this.#written.firstWritten(range)) return;
    if (options.mayUnmap && this.#canCutAt(offset, length)) {
      await this.#cut(offset);
      return;
    }
    if (!this.#written || options.noFallback) {
      const action = `zero ${length} bytes at ${offset} of "${this.#parts.path}"`;
      throw new BlockError('ENOTSUP', action, 'a file has to be sent the zeroes');
    }
    await this.#zeroWritten(this.#written, offset, offset + length);
  }

  async discard(offset: number, length: number): Promise<void> {
    try {
      const holds = !this.#written || this.#written.firstWritten({ offset, length });
      if (holds && this.#canCutAt(offset, length)) await this.#cut(offset);
    } catch (error) {
      this.discards.failed += 1;
      throw error;
    }
    this.discards.done += 1;
    this.discards.bytes += length;
  }

  blockStatus(offset: number, length: number): BlockExtent {
    const data = { data: true, zero: false, allocated: true };
    if (!this.#written) return { ...data, length };
    const written = this.#written.firstWritten({ offset, length });
    if (written?.offset === offset) return { ...data, length: written.length };
    const end = written?.offset ?? offset + length;
    return { length: end - offset, data: false, zero: true, allocated: true };
  }

  async allocatedSize(): Promise<number> {
    return (await this.#file.status()).allocated;
  }

  async resize(size: number): Promise<void> {
    const { kind, path } = this.#parts;
    if (kind === 'block') {
      const action = `resize "${path}" to ${size} bytes`;
      throw new BlockError('ENOTSUP', action, 'a block device has a fixed size');
    }
    await this.#gate.shut(Math.min(size, this.#size), async () => {
      await this.#file.truncate(size);
      this.#size = size;
      if (size === 0) this.#startMap();
      else this.#written?.resize(size);
    });
  }

  async close(): Promise<void> {
    try {
      await this.#file.close();
    } finally {
      await this.#parts.lock?.release();
    }
  }

  #canCutAt(offset: number, length: number): boolean {
    const { kind, lock, unmap } = this.#parts;
    return kind === 'regular' && unmap && lock !== undefined && offset + length === this.#size;
  }

  /** Gives back the storage from `offset` on, which is zero afterwards. */
  async #cut(offset: number): Promise<void> {
    await this.#gate.shut(offset, async () => {
      // The size may have changed while this waited for the gate.
      if (offset >= this.#size) return;
      await this.#file.truncate(offset);
      await this.#file.truncate(this.#size);
      if (offset === 0) this.#startMap();
      else this.#written?.clearFrom(offset);
    });
  }

  /** From now on, when the whole file is zero, keeps account of what is written. */
  #startMap(): void {
    if (this.#parts.lock) this.#written = new WrittenMap(this.#size);
  }

  /** Zeroes what may be other than zero, and leaves the holes what they are. */
  async #zeroWritten(map: WrittenMap, offset: number, end: number): Promise<void> {
    for (let at = offset; at < end; ) {
      const part = map.firstWritten({ offset: at, length: end - at });
      if (!part) return;
      const length = Math.min(part.length, ZEROES.length);
      await this.write(part.offset, ZEROES.subarray(0, length));
      at = part.offset + length;
    }
  }
}
