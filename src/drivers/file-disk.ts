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
 *
 * To be reopened for other access is to open the file once more. The lock goes over from the one to
 * the other; while there is none others may write, and what the map knew holds no longer.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { ZEROES } from '../base/zeroes.ts';
import type {
  BlockDriver,
  BlockExtent,
  DriverLimits,
  PreparedReopening,
  ReopenContext,
  WriteZeroesOptions,
} from '../block/driver.ts';
import { DIRECT_ALIGNMENT, type FileLock } from '../env/files.ts';
import { DIRECT_TRANSFER_MAX } from './direct-file.ts';
import { type FilePlace, type OpenedFile, openFile } from './file-opening.ts';
import { TailGate } from './tail-gate.ts';
import { WrittenMap } from './written-map.ts';

/** A request is one call on one of few threads, which it should not hold for too long. */
const BUFFERED_TRANSFER_MAX = 64 * 1024 * 1024;

/** How a disk deals with its file. */
export interface FileSettings {
  /** The end of the file may be cut off for a moment to give back storage. */
  readonly unmap: boolean;
  readonly flushes: boolean;
}

export class FileDisk implements BlockDriver {
  readonly reopening = {
    changeable: ['drop-cache', 'x-check-cache-dropped'],
    prepare: (_options: unknown, context: ReopenContext) => this.#prepare(context),
  };
  readonly supports = { forceUnitAccess: false };
  readonly children = [];
  readonly discards = { done: 0, failed: 0, bytes: 0 };
  readonly #place: FilePlace;
  readonly #gate = new TailGate();
  #opened: OpenedFile;
  #settings: FileSettings;
  #limits: DriverLimits;
  #size: number;
  #written: WrittenMap | undefined;
  #flushFailure: unknown;

  /** @param opened Closed with the disk, and its lock released. */
  constructor(place: FilePlace, opened: OpenedFile, settings: FileSettings) {
    this.#place = place;
    this.#opened = opened;
    this.#settings = settings;
    this.#limits = limitsOf(opened);
    this.#size = opened.size;
    this.#written = mapOf(opened);
  }

  get limits(): DriverLimits {
    return this.#limits;
  }

  size(): number {
    return this.#size;
  }

  read(offset: number, into: Uint8Array): Pending {
    // Somebody may have made the file shorter.
    const fill = (done: number) => void (done < into.length && into.fill(0, done));
    return this.#gate.passing(offset + into.length, () => {
      const done = this.#opened.file.read(offset, into);
      return done instanceof Promise ? done.then(fill) : fill(done);
    });
  }

  write(offset: number, from: Uint8Array): Pending {
    const { length } = from;
    return this.#gate.passing(offset + length, () => {
      if (offset + length > this.#size) {
        // It waited at the gate while the disk was made smaller.
        const action = `write ${length} bytes at ${offset} of "${this.#place.path}"`;
        throw new BlockError('EIO', action, `the disk now has ${this.#size} bytes`);
      }
      this.#written?.mark(offset, length);
      return this.#opened.file.write(offset, from);
    });
  }

  async flush(): Promise<void> {
    if (!this.#settings.flushes) return;
    if (this.#flushFailure === undefined) {
      try {
        await this.#opened.file.sync();
      } catch (error) {
        this.#flushFailure ??= error;
        throw error;
      }
    }
    // Of two that were under way together, the kernel may have told only the other.
    if (this.#flushFailure === undefined) return;
    const reason = 'an earlier flush failed, and what it should have written may be lost';
    const cause = this.#flushFailure;
    throw new BlockError('EIO', `flush "${this.#place.path}"`, reason, { cause });
  }

  async writeZeroes(offset: number, length: number, options: WriteZeroesOptions): Promise<void> {
    const range = { offset, length };
    if (this.#written && !this.#written.firstWritten(range)) return;
    if (options.mayUnmap && this.#canCutAt(offset, length)) {
      await this.#cut(offset);
      return;
    }
    if (!this.#written || options.noFallback) {
      const action = `zero ${length} bytes at ${offset} of "${this.#place.path}"`;
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
    return (await this.#opened.file.status()).allocated;
  }

  async resize(size: number): Promise<void> {
    if (this.#opened.kind === 'block') {
      const action = `resize "${this.#place.path}" to ${size} bytes`;
      throw new BlockError('ENOTSUP', action, 'a block device has a fixed size');
    }
    await this.#gate.shut(Math.min(size, this.#size), async () => {
      await this.#opened.file.truncate(size);
      this.#size = size;
      if (size === 0) this.#startMap();
      else this.#written?.resize(size);
    });
  }

  async close(): Promise<void> {
    try {
      await this.#opened.file.close();
    } finally {
      await this.#opened.lock?.release();
    }
  }

  /** Opens the file once more where it is to be opened otherwise; the lock goes over. */
  async #prepare({ readOnly, unmap, cache }: ReopenContext): Promise<PreparedReopening> {
    const change = () => {
      this.#settings = { unmap, flushes: !cache.noFlush };
    };
    const before = this.#opened;
    const { direct } = cache;
    if (readOnly === before.readOnly && direct === before.direct) return { commit: change };
    const opened = await openFile(this.#place, { readOnly, direct }, before.lock);
    const abort = () => putAway(opened, before.lock);
    if (opened.inode !== before.inode || opened.device !== before.device) {
      await abort();
      const action = `reopen "${this.#place.path}"`;
      throw new BlockError('EINVAL', action, 'another file has this name now');
    }
    const commit = () => {
      change();
      this.#take(opened);
      return putAway(before, opened.lock);
    };
    return { size: () => opened.size, commit, abort };
  }

  #take(opened: OpenedFile): void {
    const isMapKept = opened.lock !== undefined && opened.lock === this.#opened.lock;
    if (!isMapKept) this.#written = mapOf(opened);
    this.#opened = opened;
    this.#limits = limitsOf(opened);
    this.#size = opened.size;
  }

  #canCutAt(offset: number, length: number): boolean {
    const { kind, lock } = this.#opened;
    const mayCut = kind === 'regular' && this.#settings.unmap && lock !== undefined;
    return mayCut && offset + length === this.#size;
  }

  /** Gives back the storage from `offset` on, which is zero afterwards. */
  async #cut(offset: number): Promise<void> {
    await this.#gate.shut(offset, async () => {
      // The size may have changed while this waited for the gate.
      if (offset >= this.#size) return;
      await this.#opened.file.truncate(offset);
      await this.#opened.file.truncate(this.#size);
      if (offset === 0) this.#startMap();
      else this.#written?.clearFrom(offset);
    });
  }

  /** From now on, when the whole file is zero, keeps account of what is written. */
  #startMap(): void {
    if (this.#opened.lock) this.#written = new WrittenMap(this.#size);
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

function limitsOf({ direct }: OpenedFile): DriverLimits {
  const alignment = direct ? DIRECT_ALIGNMENT : 1;
  const transferMax = direct ? DIRECT_TRANSFER_MAX : BUFFERED_TRANSFER_MAX;
  return { alignment, transferMax, discardAlignment: alignment };
}

function mapOf({ kind, empty, lock, size }: OpenedFile): WrittenMap | undefined {
  return kind === 'regular' && empty && lock ? new WrittenMap(size) : undefined;
}

/** Closes a file that is open otherwise as well, and releases its lock unless that is `kept`. */
async function putAway({ file, lock }: OpenedFile, kept: FileLock | undefined): Promise<void> {
  // What was written is flushed: nothing is lost with it, however that fares.
  await Promise.allSettled([file.close(), lock === kept ? undefined : lock?.release()]);
}
