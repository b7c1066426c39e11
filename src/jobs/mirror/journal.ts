/**
 * What may differ between source and target, on stable storage: a mirror whose process was killed,
 * or whose machine lost power, is started again and copies only that.
 *
 * THE INVARIANT. At every moment the file calls differing at least every granule that is dirty,
 * that a copy is in flight in, that a guest write is in flight in, or in which either disk has
 * bytes that it could still lose. Whoever uses a journal does its part:
 *
 *     guest write   ensure() -> write to the source -> mark dirty -> release()
 *     copy          claim -> clear dirty -> read -> write to the target -> give the claim back
 *     settle()      look -> flush both disks -> look again -> write the bits that are too many
 *
 * - Before a guest write begins, its bits are durable (write-ahead, as md's write-intent bitmap).
 * - A bit is withdrawn only if its granule was neither dirty nor claimed nor being written to when
 *   the flush began, and no guest write to it has begun since. So its last copy had reached the
 *   target before the flush, and nothing has come after. That it looks clean after the flush is not
 *   enough: it may have been written and copied during it. Of the source the same holds: it could
 *   lose a write that the target has kept.
 * - In memory, `recorded` is what is *certainly* called differing: it loses a granule before the
 *   write that withdraws its bit begins, and gains one after the sync that made its bit durable.
 *   A guest write that finds its granules there need not wait; any other does. So one that comes
 *   while its bit is being withdrawn waits for that write and then for one that sets it again.
 * - Writes of the file never overlap, and each has been synced before the next begins. A torn one
 *   leaves old bits and new ones in any mixture: a withdrawn bit is true either way, and for a set
 *   one somebody is still waiting. A bit written along that did not change has one value only.
 *
 * COST. Whole groups are set around a write and stay so while they are hot (as DRBD's activity
 * log): a write into a hot group takes no I/O and completes at once. Others share a write and a
 * sync with all that wait meanwhile. The file says too much by at most `hotMax` groups and by what
 * has been copied since the last {@link Journal.settle} but one began. Where no room is left for a
 * hot group, a write sets the bits of its own granules. No guest write ever waits for the target.
 *
 * FAILURE. When the file cannot be written, bits that a guest write needs are missing, and the
 * guest is not to suffer for it: the file is made void, durably, and then nothing needs recording
 * any more. Guest writes that waited go on, {@link Journal.state} is `void`, and whoever settles is
 * told. Only if not even that works the write is refused: had it gone on, a later mirror would
 * trust the file and lose it. The next such write tries again.
 *
 * Bounds: waiting writes are as many as the guest has in flight; a round withdraws the bits of at
 * most 256 blocks; in memory there is one bitmap of the whole disk, and one of a round's part.
 */

import { assert } from '../../base/assert.ts';
import type { BlockError } from '../../base/errors.ts';
import { after, ending, type Pending } from '../../base/pending.ts';
import { alignDown, alignUp, type ByteRange, overlaps } from '../../base/ranges.ts';
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import type { Files } from '../../env/files.ts';
import { allBits, JournalFile } from './journal-file.ts';
import type { JournalIdentity } from './journal-format.ts';
import { HotGroups } from './journal-hot.ts';
import { JournalScan } from './journal-scan.ts';
import { isRecorded, type JournalState, JournalWriter } from './journal-writer.ts';

const DEFAULT_GROUP_LENGTH = 4 * 1024 * 1024;
const DEFAULT_HOT_MAX = 64;

export interface JournalOptions extends JournalIdentity {
  /**
   * Bytes of disk that become hot together; rounded up to whole granules.
   *
   * @default 4194304
   */
  readonly groupLength?: number;
  /**
   * How many groups are hot at most, at least 0.
   *
   * @default 64
   */
  readonly hotMax?: number;
}

/** What a round of cooling looks at. */
export interface Settling {
  /** What is dirty, complete: what a plan has not got to yet must be in it or be claimed. */
  readonly dirty: DirtyBitmap;
  /** Where copies are in flight; asked more than once. */
  readonly claimed: () => Iterable<ByteRange>;
  /** Makes durable what was written to the target and, should power fail, to the source. */
  readonly flush: () => Pending;
}

/** What {@link Journal.open} finds. */
export interface ResumedJournal {
  readonly journal: Journal;
  /** What has to be copied; the caller's own. */
  readonly dirty: DirtyBitmap;
  /** Whether that is by the bits. If not, the file was void, and everything is dirty. */
  readonly trusted: boolean;
}

export class Journal {
  readonly #file: JournalFile;
  readonly #recorded: DirtyBitmap;
  readonly #hot: HotGroups;
  /** Guest writes from {@link Journal.ensure} to {@link Journal.release}. */
  readonly #writes = new Set<ByteRange>();
  readonly #writer: JournalWriter;
  /** What a round of cooling may withdraw; a guest write takes out what it touches. */
  #candidates: DirtyBitmap | undefined;
  #isSettling = false;
  #isClosed = false;
  /** Where the next search for needless bits begins. */
  #cursor = 0;

  private constructor(file: JournalFile, recorded: DirtyBitmap, options: JournalOptions) {
    const { size, granularity, hotMax = DEFAULT_HOT_MAX } = options;
    const groupLength = alignUp(options.groupLength ?? DEFAULT_GROUP_LENGTH, granularity);
    this.#file = file;
    this.#recorded = recorded;
    this.#hot = new HotGroups({ size, groupLength, hotMax });
    this.#writer = new JournalWriter(file, recorded, (range) => this.#hot.grow(range));
  }

  /**
   * Makes the file and starts recording.
   *
   * @param dirty What differs at the start; everything where it is left out.
   * @throws {BlockError} `EEXIST`, `EBUSY` when another mirror is making it, and what the system
   *   says. Nothing is left of a failure.
   * @throws {RangeError} For options out of range.
   */
  static async create(
    files: Files,
    path: string,
    options: JournalOptions,
    dirty?: DirtyBitmap,
  ): Promise<Journal> {
    checkOptions(options);
    const recorded = new DirtyBitmap(options.size, options.granularity);
    if (dirty) recorded.merge(dirty);
    else recorded.markAll();
    const file = await JournalFile.create(files, path, options, recorded);
    return new Journal(file, recorded, options);
  }

  /**
   * Opens what an earlier mirror of the same disks left, and goes on recording.
   *
   * @throws {BlockError} `ENOENT` when there is none, `EBUSY` when another mirror uses it, `EINVAL`
   *   when it is of other disks, another size, granularity or version, of a mirror that has
   *   finished, or damaged.
   * @throws {RangeError} For options out of range.
   */
  static async open(files: Files, path: string, options: JournalOptions): Promise<ResumedJournal> {
    checkOptions(options);
    const { file, found } = await JournalFile.open(files, path, options);
    try {
      const trusted = found === 'tracking';
      const recorded = trusted
        ? await file.readBits()
        : new DirtyBitmap(options.size, options.granularity);
      if (!trusted) {
        // Before the header says that they hold: else they would hold as they were.
        recorded.markAll();
        await file.writeBits(allBits(recorded), recorded, []);
      }
      await file.beginGeneration();
      const dirty = new DirtyBitmap(options.size, options.granularity);
      dirty.merge(recorded);
      return { journal: new Journal(file, recorded, options), dirty, trusted };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Removes the file of a journal that nobody uses; none there is fine.
   *
   * @throws {BlockError} `EBUSY` when a mirror uses it, `EINVAL` when the file is something else.
   */
  static remove(files: Files, path: string): Promise<void> {
    return JournalFile.remove(files, path);
  }

  get state(): JournalState {
    return this.#writer.state;
  }

  /** What the file could not be written for, once {@link Journal.state} is not `tracking`. */
  get failure(): BlockError | undefined {
    return this.#writer.failure;
  }

  /** How often the file was opened, this time included, or made void. */
  get generation(): number {
    return this.#file.generation;
  }

  /** How many bytes the next mirror would copy if this one ended now. */
  get recordedBytes(): number {
    return this.state === 'void' ? this.#recorded.size : this.#recorded.dirtyBytes;
  }

  /** How many groups are hot. */
  get hotGroups(): number {
    return this.#hot.count;
  }

  /**
   * Makes sure that the file calls a range differing, which must be so before a guest write to it
   * begins, and until {@link Journal.release}.
   *
   * @param range Within the disk; the very object that is released later.
   * @returns Nothing, at once, when no waiting is needed.
   * @throws {BlockError} What the file could not be written for. The write must not begin then,
   *   and nothing is to be released.
   */
  ensure(range: ByteRange): Pending {
    this.#check(range);
    this.#writes.add(range);
    if (this.state === 'void' || range.length === 0) return;
    this.#hot.use(range);
    if (this.#candidates) this.#keep(this.#candidates, this.#hot.grow(range));
    if (isRecorded(this.#recorded, range)) return;
    return this.#writer.add(range).catch((error: unknown) => {
      this.#writes.delete(range);
      throw error;
    });
  }

  /** Ends a guest write; what it changed is dirty by now. */
  release(range: ByteRange): void {
    assert(this.#writes.delete(range), 'a write is released once');
  }

  /**
   * Carries out a guest write: {@link Journal.ensure}, the body, {@link Journal.release}.
   *
   * @param body Writes to the source and marks the dirty bitmap, also when it fails.
   * @throws {BlockError} As `ensure`, without running the body; and what the body throws.
   */
  writing<T>({ offset, length }: ByteRange, body: () => Pending<T>): Pending<T> {
    const range = { offset, length };
    return after(this.ensure(range), () => ending(body, () => this.release(range)));
  }

  /**
   * One round of cooling: withdraws bits of granules that are the same on both disks, durably. To
   * be called every second or so, and after much was copied. One round at a time.
   *
   * @returns Whether there was anything to withdraw; without it, nothing is flushed either.
   * @throws {BlockError} What the flush failed with, and then nothing is withdrawn; or, whenever
   *   the journal has failed, what it failed with.
   */
  settle(settling: Settling): Promise<boolean> {
    return this.#settle(settling, { all: false });
  }

  /**
   * Ends recording and leaves the file for a later mirror. No guest write may be in flight, and
   * none may follow: what is written to the source from now on would be lost.
   *
   * @param settling Withdraws before all bits that say too much, where it is given.
   * @throws {BlockError} As {@link Journal.settle}; the file is closed, and holds, all the same.
   */
  async close(settling?: Settling): Promise<void> {
    assert(this.#writes.size === 0, 'a journal is closed with no guest write in flight');
    assert(!this.#isSettling, 'a journal is closed between rounds of cooling');
    try {
      let more = settling !== undefined && this.state === 'tracking';
      while (more && settling) more = await this.#settle(settling, { all: true });
    } finally {
      await this.#end();
    }
  }

  /**
   * Ends recording for good, since what the file says will not be true any longer, and removes it.
   * Once this has resolved the guest may write unrecorded, and may go over to the target. Guest
   * writes may be in flight and follow: {@link Journal.ensure} lets them pass.
   *
   * @param outcome `finished`: should the name come back after a power cut, no mirror may use it,
   *   for the target may have been in use. `invalid`: one may, and copies everything.
   * @throws {BlockError} What the file can not be made void for: it is as before then, and to be
   *   retired again or closed. With {@link Journal.state} `void`, what it can not be removed for.
   */
  async retire(outcome: 'finished' | 'invalid'): Promise<void> {
    assert(!this.#isSettling, 'a journal is retired between rounds of cooling');
    await this.#writer.makeVoid(outcome);
    try {
      await this.#file.removeName();
    } finally {
      await this.#end();
    }
  }

  async #settle(settling: Settling, { all }: { readonly all: boolean }): Promise<boolean> {
    assert(!this.#isSettling, 'one round of cooling at a time');
    assert(!this.#isClosed, 'a journal that is closed settles nothing');
    const { size, granularity } = settling.dirty;
    const isAlike = size === this.#recorded.size && granularity === this.#recorded.granularity;
    assert(isAlike, 'the dirty bitmap and the journal have the same granules');
    if (this.failure) throw this.failure;
    this.#isSettling = true;
    const cooling = this.#hot.beginCooling((group) => this.#isWritten(group), { all });
    const exact = new Set<ByteRange>();
    try {
      const found = this.#search(settling, cooling, exact);
      if (found.isClean) return false;
      this.#candidates = found;
      await settling.flush();
      // By what the caller does, nothing can have become dirty without ensure(); if it has, it is
      // kept.
      this.#keepDirty(found, settling.dirty);
      this.#keepUsed(found, settling);
      await this.#writer.withdraw(found);
      return true;
    } catch (error) {
      exact.clear();
      throw error;
    } finally {
      for (const group of cooling) this.#hot.endCooling(group, { isExact: exact.has(group) });
      this.#candidates = undefined;
      this.#isSettling = false;
    }
  }

  /** @returns Recorded granules that are of no use; `exact` gains the groups searched whole. */
  #search(settling: Settling, cooling: readonly ByteRange[], exact: Set<ByteRange>): DirtyBitmap {
    const { size } = this.#recorded;
    const scan = new JournalScan(this.#recorded, settling.dirty);
    for (const group of cooling) {
      if (scan.search(group) === group.offset + group.length) exact.add(group);
    }
    const from = this.#cursor;
    this.#cursor = scan.search({ offset: from, length: size - from });
    if (this.#cursor === size) this.#cursor = scan.search({ offset: 0, length: from });
    this.#keepUsed(scan.found, settling);
    return scan.found;
  }

  /** Takes out what is hot, claimed or being written to. */
  #keepUsed(found: DirtyBitmap, { claimed }: Settling): void {
    for (const range of this.#hot.hot()) this.#keep(found, range);
    for (const range of claimed()) this.#keep(found, range);
    for (const range of this.#writes) this.#keep(found, range);
  }

  #keepDirty(found: DirtyBitmap, dirty: DirtyBitmap): void {
    for (const { offset, length } of found.ranges()) {
      const end = offset + length;
      for (let run = dirty.nextDirty(offset, length); run && run.offset < end; ) {
        this.#keep(found, run);
        run = dirty.nextDirty(run.offset + run.length, length);
      }
    }
  }

  /** Clears all granules that the range touches. */
  #keep(found: DirtyBitmap, { offset, length }: ByteRange): void {
    const start = alignDown(offset, found.granularity);
    const end = Math.min(alignUp(offset + length, found.granularity), found.size);
    found.clear(start, end - start);
  }

  #isWritten(group: ByteRange): boolean {
    for (const range of this.#writes) if (overlaps(range, group)) return true;
    return false;
  }

  #check({ offset, length }: ByteRange): void {
    const { size } = this.#recorded;
    assert(!this.#isClosed || this.state === 'void', 'a closed journal records nothing');
    assert(offset >= 0 && length >= 0 && offset + length <= size, 'a write lies within the disk');
  }

  async #end(): Promise<void> {
    this.#isClosed = true;
    await this.#writer.idle();
    await this.#file.close();
  }
}

function checkOptions(options: JournalOptions): void {
  const { groupLength = DEFAULT_GROUP_LENGTH, hotMax = DEFAULT_HOT_MAX } = options;
  if (!Number.isSafeInteger(groupLength) || groupLength < 1) {
    const rule = 'groupLength must be a whole number of bytes from 1 on';
    throw new RangeError(`Cannot make a journal: ${rule}: ${groupLength}`);
  }
  if (Number.isSafeInteger(hotMax) && hotMax >= 0) return;
  throw new RangeError(`Cannot make a journal: hotMax must be a whole number from 0 on: ${hotMax}`);
}
