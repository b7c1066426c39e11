/**
 * The guest's own memory of what it wrote, and the check of any disk against it.
 *
 * The log is told when a write begins, is acknowledged or fails; it never looks at a disk to learn
 * what is right. From that follows which write each block may hold:
 *
 *     acknowledged 3                     -> write 3, whole
 *     acknowledged 3, write 4 in flight  -> each byte of write 3 or of write 4
 *     acknowledged 3, write 4 failed     -> the same, until a later write is acknowledged
 *     nothing acknowledged               -> anything
 *
 * Memory is four bytes for each block, in pages that exist where something was written, and an
 * entry for each block with a write in flight or failed.
 */

import { assert } from '../base/assert.ts';
import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import type { ByteRange } from '../base/ranges.ts';
import type { Clock } from '../env/env.ts';
import { GuestContent } from './content.ts';
import {
  type Allowed,
  BlockJudge,
  type Mismatch,
  type MismatchStatistics,
  MismatchTally,
} from './mismatch.ts';

/** Blocks in a page. */
const PAGE_LENGTH = 4096;

/** Longest read of a verification, in bytes, unless one block is longer. */
const READ_LENGTH_MAX = 1024 * 1024;

/** Fills `into` with the bytes at `offset` of the disk to check. @throws {BlockError} */
export type BlockReader = (offset: number, into: Uint8Array) => Pending;

/** Which part of the disk a log is about, and who writes there. */
export interface GuestLogOptions {
  readonly seed: number;
  /** Bytes, a multiple of 512. */
  readonly blockSize: number;
  /** A multiple of 512 bytes from the beginning of the disk; whole blocks. */
  readonly area: ByteRange;
}

/** The outcome of a verification. */
export interface Verification {
  /** Blocks that were compared. */
  readonly blocks: number;
  /** Blocks that may hold anything, because no write to them was ever acknowledged. */
  readonly undefinedBlocks: number;
  readonly mismatches: MismatchStatistics;
}

/** A block with writes that are not acknowledged. */
interface OpenBlock {
  /** The sequence of the last write that was begun. */
  newest: number;
  inFlight: boolean;
}

export class GuestLog {
  readonly content: GuestContent;
  readonly blockSize: number;
  readonly area: ByteRange;
  /** How many blocks the area has. */
  readonly blocks: number;
  readonly #acknowledged = new Map<number, Uint32Array>();
  readonly #open = new Map<number, OpenBlock>();
  readonly #judge: BlockJudge;

  constructor({ seed, blockSize, area }: GuestLogOptions) {
    this.content = new GuestContent({ seed, blockSize });
    this.blockSize = blockSize;
    this.area = area;
    this.blocks = area.length / blockSize;
    this.#judge = new BlockJudge(this.content);
  }

  /** Where a block is, in bytes. */
  offsetOf(block: number): number {
    return this.area.offset + block * this.blockSize;
  }

  /** Whether a write to the block is in flight. */
  isWriting(block: number): boolean {
    return this.#open.get(block)?.inFlight ?? false;
  }

  /** The last write to the block that was acknowledged; 0 when none was. */
  acknowledged(block: number): number {
    const page = this.#acknowledged.get(Math.floor(block / PAGE_LENGTH));
    return page?.[block % PAGE_LENGTH] ?? 0;
  }

  /** The last write to the block that was begun; 0 when none was. */
  newest(block: number): number {
    return this.#open.get(block)?.newest ?? this.acknowledged(block);
  }

  /** A write begins. @returns Its sequence. */
  begin(block: number): number {
    const open = this.#open.get(block);
    if (!open) {
      const newest = this.acknowledged(block) + 1;
      this.#open.set(block, { newest, inFlight: true });
      return newest;
    }
    assert(!open.inFlight, 'a guest has no two writes to a block in flight');
    open.inFlight = true;
    open.newest += 1;
    return open.newest;
  }

  /** The write in flight is done: from now on the block holds nothing else. */
  acknowledge(block: number): void {
    const open = this.#open.get(block);
    assert(open?.inFlight === true, 'a write was begun before it is acknowledged');
    this.#pageOf(block)[block % PAGE_LENGTH] = open.newest;
    this.#open.delete(block);
  }

  /** The write in flight has failed: nobody knows how much of it took effect. */
  fail(block: number): void {
    const open = this.#open.get(block);
    assert(open?.inFlight === true, 'a write was begun before it fails');
    open.inFlight = false;
  }

  /**
   * Compares what was read of a block with what it may hold.
   *
   * @param oldest What {@link acknowledged} said before the read began; writes since then may show.
   * @returns What is wrong, if anything.
   */
  check(block: number, bytes: Uint8Array, oldest: number): Mismatch | undefined {
    if (oldest === 0) return undefined;
    const allowed: Allowed = { oldest, newest: this.newest(block) };
    return this.#judge.judge(bytes, this.offsetOf(block), allowed);
  }

  /**
   * Reads every block that was written and compares it. The guest may go on writing meanwhile.
   *
   * @param read Reads the disk to check, at offsets of the guest's disk.
   */
  async verify(read: BlockReader, clock: Clock): Promise<Verification> {
    const tally = new MismatchTally();
    const runMax = Math.max(Math.floor(READ_LENGTH_MAX / this.blockSize), 1);
    const buffer = new Uint8Array(runMax * this.blockSize);
    let blocks = 0;
    for (const run of this.#runs(runMax)) {
      blocks += run.count;
      await this.#verifyRun(read, run, { buffer, tally });
      // Readers that answer at once would shut out everybody else.
      await clock.turn();
    }
    return { blocks, undefinedBlocks: this.#undefinedBlocks(), mismatches: tally.statistics() };
  }

  async #verifyRun(
    read: BlockReader,
    { first, count }: Run,
    { buffer, tally }: { readonly buffer: Uint8Array; readonly tally: MismatchTally },
  ): Promise<void> {
    // As it is before the read: what is acknowledged later need not show in it.
    const oldest = Uint32Array.from({ length: count }, (_, index) =>
      this.acknowledged(first + index),
    );
    const failure = await readInto(read, this.offsetOf(first), this.#part(buffer, 0, count));
    for (let index = 0; index < count; index += 1) {
      const block = first + index;
      const bytes = this.#part(buffer, index, 1);
      const offset = this.offsetOf(block);
      const unreadable = failure && (await readInto(read, offset, bytes));
      const mismatch: Mismatch | undefined = unreadable
        ? { kind: 'unreadable', offset, message: `unreadable: ${unreadable.message}` }
        : this.check(block, bytes, oldest[index] ?? 0);
      if (mismatch) tally.add(mismatch);
    }
  }

  #part(buffer: Uint8Array, index: number, count: number): Uint8Array {
    return buffer.subarray(index * this.blockSize, (index + count) * this.blockSize);
  }

  /** Gives the written blocks in order, as runs of at most `countMax` neighbours. */
  *#runs(countMax: number): Generator<Run> {
    let [first, count] = [0, 0];
    for (const block of this.#writtenBlocks()) {
      if (count > 0 && block === first + count && count < countMax) {
        count += 1;
        continue;
      }
      if (count > 0) yield { first, count };
      [first, count] = [block, 1];
    }
    if (count > 0) yield { first, count };
  }

  *#writtenBlocks(): Generator<number> {
    for (const number of [...this.#acknowledged.keys()].sort((a, b) => a - b)) {
      const page = this.#acknowledged.get(number);
      for (let index = 0; page && index < PAGE_LENGTH; index += 1) {
        if ((page[index] ?? 0) > 0) yield number * PAGE_LENGTH + index;
      }
    }
  }

  #undefinedBlocks(): number {
    let count = 0;
    for (const block of this.#open.keys()) if (this.acknowledged(block) === 0) count += 1;
    return count;
  }

  #pageOf(block: number): Uint32Array {
    const number = Math.floor(block / PAGE_LENGTH);
    const page = this.#acknowledged.get(number) ?? new Uint32Array(PAGE_LENGTH);
    this.#acknowledged.set(number, page);
    return page;
  }
}

/** Neighbouring blocks. */
interface Run {
  readonly first: number;
  readonly count: number;
}

/** @returns What the reader failed with, if it did. */
async function readInto(
  read: BlockReader,
  offset: number,
  into: Uint8Array,
): Promise<BlockError | undefined> {
  try {
    await read(offset, into);
    return undefined;
  } catch (error) {
    if (error instanceof BlockError) return error;
    throw error;
  }
}
