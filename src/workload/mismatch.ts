/**
 * What can be wrong with a block, by name.
 *
 * Each sector is judged by its stamp and its filling, and the block by its sectors. Where a write
 * was in flight, a sector may be a mixture of its bytes and of those that were there before: a read
 * and a write of the same page by two threads are not kept apart by an operating system.
 *
 * - `lost`: no stamp of a guest; what was written is not there.
 * - `stale`: an earlier write of this block.
 * - `torn`: some sectors are of one write and some of another, or of none.
 * - `misplaced`: a write of this guest to another place.
 * - `foreign`: a write of another guest, or one that this guest has not made.
 * - `corrupt`: a stamp whose checksum or whose filling is wrong.
 * - `unreadable`: the reader failed.
 */

import { SECTOR_SIZE } from '../device/request.ts';
import { type BlockBuffer, blockBuffer, type GuestContent } from './content.ts';

export const MISMATCHES = [
  'lost',
  'stale',
  'torn',
  'misplaced',
  'foreign',
  'corrupt',
  'unreadable',
] as const;

export type MismatchKind = (typeof MISMATCHES)[number];

/** A block that does not hold what it should. */
export interface Mismatch {
  readonly kind: MismatchKind;
  /** Where the block is, in bytes. */
  readonly offset: number;
  readonly message: string;
}

/** Which write a block may hold: the last acknowledged one, or one begun since. */
export interface Allowed {
  /** At least 1: a block that was never written may hold anything. */
  readonly oldest: number;
  readonly newest: number;
}

/** What a sector turned out to be. */
interface Verdict {
  readonly kind: 'good' | MismatchKind;
  readonly found: string;
}

const GOOD: Verdict = { kind: 'good', found: '' };

/** Of more writes than so many, any byte could be explained by one or another. */
const MIXED_WRITES_MAX = 8;

/** The block that is looked at. */
interface JudgedPlace {
  /** Bytes. */
  readonly offset: number;
  readonly allowed: Allowed;
}

function sectorOf({ buffer, byteOffset }: DataView, index: number): Uint8Array {
  return new Uint8Array(buffer, byteOffset + index * SECTOR_SIZE, SECTOR_SIZE);
}

/** Compares blocks with what a guest may have written there. */
export class BlockJudge {
  readonly #content: GuestContent;
  readonly #expected: BlockBuffer;
  readonly #sectors: number;

  constructor(content: GuestContent) {
    this.#content = content;
    this.#expected = blockBuffer(content.blockSize);
    this.#sectors = content.blockSize / SECTOR_SIZE;
  }

  /**
   * @param offset Where the block is on the disk, in bytes.
   * @returns What is wrong, if anything.
   */
  judge(bytes: Uint8Array, offset: number, allowed: Allowed): Mismatch | undefined {
    this.#content.write(this.#expected, offset, allowed.newest);
    if (Buffer.compare(bytes, this.#expected.bytes) === 0) return undefined;
    const verdicts = this.#verdicts(bytes, offset, allowed);
    const bad = verdicts.filter(({ kind }) => kind !== 'good');
    const [first] = bad;
    if (!first) return undefined;
    const kind = kindOf(verdicts);
    const sectors = bad.length === verdicts.length ? 'all' : `${bad.length} of ${verdicts.length}`;
    const written =
      allowed.oldest === allowed.newest
        ? `write ${allowed.newest}`
        : `write ${allowed.oldest} to ${allowed.newest}`;
    const rule = `the block at ${offset} must hold ${written}`;
    const message = `${kind}: ${rule}; ${sectors} of its sectors do not: ${first.found}`;
    return { kind, offset, message };
  }

  #verdicts(bytes: Uint8Array, offset: number, allowed: Allowed): Verdict[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const place = { offset, allowed };
    return Array.from({ length: this.#sectors }, (_, index) => {
      const verdict = this.#verdict(view, index, place);
      if (verdict.kind === 'good' || !this.#isMixture(view, index, place)) return verdict;
      return GOOD;
    });
  }

  #verdict(view: DataView, index: number, place: JudgedPlace): Verdict {
    const verdict = this.#stampVerdict(view, index, place);
    if (typeof verdict !== 'number') return verdict;
    this.#content.write(this.#expected, place.offset, verdict);
    return Buffer.compare(sectorOf(view, index), sectorOf(this.#expected.view, index)) === 0
      ? GOOD
      : { kind: 'corrupt', found: `write ${verdict} with other bytes after its stamp` };
  }

  /** Whether each byte is that of a write which the block may hold. */
  #isMixture(view: DataView, index: number, { offset, allowed }: JudgedPlace): boolean {
    const { oldest, newest } = allowed;
    if (oldest === newest || newest - oldest > MIXED_WRITES_MAX) return false;
    const sector = sectorOf(view, index);
    const explained = new Uint8Array(SECTOR_SIZE);
    for (let sequence = oldest; sequence <= newest; sequence += 1) {
      this.#content.write(this.#expected, offset, sequence);
      const written = sectorOf(this.#expected.view, index);
      for (const [at, byte] of sector.entries()) if (byte === written[at]) explained[at] = 1;
    }
    return explained.every((is) => is === 1);
  }

  /** @returns The sequence of a stamp that is as it should be, for the filling to be compared. */
  #stampVerdict(view: DataView, index: number, { offset, allowed }: JudgedPlace): Verdict | number {
    const stamp = this.#content.readStamp(view, index * SECTOR_SIZE);
    if (stamp.kind === 'none') return { kind: 'lost', found: 'no stamp' };
    if (stamp.kind === 'corrupt')
      return { kind: 'corrupt', found: 'a stamp with a wrong checksum' };
    const { own, sector, sequence } = stamp;
    if (!own) return { kind: 'foreign', found: `write ${sequence} of another guest` };
    if (sector !== offset / SECTOR_SIZE + index) {
      return { kind: 'misplaced', found: `write ${sequence} to offset ${sector * SECTOR_SIZE}` };
    }
    if (sequence < allowed.oldest) return { kind: 'stale', found: `write ${sequence}` };
    if (sequence <= allowed.newest) return sequence;
    return { kind: 'foreign', found: `write ${sequence}, which was not made` };
  }
}

function kindOf(verdicts: readonly Verdict[]): MismatchKind {
  const kinds = new Set(verdicts.map(({ kind }) => kind));
  for (const kind of ['foreign', 'misplaced', 'corrupt'] as const) if (kinds.has(kind)) return kind;
  const writes = new Set(verdicts.map(({ kind, found }) => `${kind} ${found}`));
  if (writes.size > 1) return 'torn';
  return kinds.has('stale') ? 'stale' : 'lost';
}

/** How many mismatches there were of each kind, and the first of them. */
export interface MismatchStatistics {
  readonly count: number;
  readonly kinds: Readonly<Record<MismatchKind, number>>;
  readonly examples: readonly Mismatch[];
}

/** How many mismatches are kept to be shown. */
const EXAMPLES_MAX = 8;

export class MismatchTally {
  readonly #kinds = { ...NONE };
  readonly #examples: Mismatch[] = [];
  #count = 0;

  add(mismatch: Mismatch): void {
    this.#count += 1;
    this.#kinds[mismatch.kind] += 1;
    if (this.#examples.length < EXAMPLES_MAX) this.#examples.push(mismatch);
  }

  statistics(): MismatchStatistics {
    return { count: this.#count, kinds: { ...this.#kinds }, examples: [...this.#examples] };
  }
}

const NONE: Readonly<Record<MismatchKind, number>> = {
  lost: 0,
  stale: 0,
  torn: 0,
  misplaced: 0,
  foreign: 0,
  corrupt: 0,
  unreadable: 0,
};
