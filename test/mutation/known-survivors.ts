/**
 * Mutants that nobody catches, and why nobody needs to: what was found by reading each.
 *
 * They are known by what was changed, and not by the line, which moves.
 */

import type { Mutant } from './mutants.ts';

/** A mutant, and why it may survive. */
export interface KnownSurvivor {
  readonly file: string;
  /** As {@link Mutant.change} begins. */
  readonly change: string;
  readonly reason: string;
}

/** Of two statements that were swapped. */
const INDEPENDENT = 'equivalent: neither of the two sees what the other does';
/** Of a waking that comes before what it is for. */
const WOKEN_LATER = 'equivalent: who is woken looks only after both';
/** Of two checks that were swapped. */
const OTHER_ERROR = 'differs only in which of two errors is told first';

/** Those that were found so far. */
export const KNOWN_SURVIVORS: readonly KnownSurvivor[] = [
  {
    file: 'src/bitmap/bit-tree.ts',
    change: '- to +: if («end - start» > WORD_SPAN - bit) return false;',
    reason: 'equivalent but slower: what could take the short way takes the long one',
  },
  {
    file: 'src/bitmap/bit-tree.ts',
    change: 'off by one: if (found >= «0») return found;',
    reason: 'equivalent but slower: bit 0 is found again, from the root down',
  },
  {
    file: 'src/bitmap/bit-tree.ts',
    change: 'off by one: return within >= «0» && within < LEAF_SPAN;',
    reason: 'equivalent but slower: the first bit of the leaf is found again, from the root down',
  },
  {
    file: 'src/bitmap/checksum.ts',
    change: 'swap statements: «this.#advance(step); rest -= step;»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/bitmap/dirty-bitmap.ts',
    change:
      'swap statements: «if ( !isPowerOfTwo(granularity) || granularity < GRANULARITY_MIN || g…»',
    reason: 'equivalent: nobody sees the object when its making fails',
  },
  {
    file: 'src/bitmap/dirty-bitmap.ts',
    change:
      '> to >=: const tailIsDirty = «this.#tailLack > 0» && this.#bits.has(this.#bits.length - 1);',
    reason: 'equivalent: 0 is taken off',
  },
  {
    file: 'src/bitmap/dirty-cursor.ts',
    change:
      'off by one: this.#bitmap.nextDirty(this.#offset, lengthMax) ?? this.#bitmap.nextDirty(«0»',
    reason: 'equivalent: byte 1 lies in the first granule, in which the search begins',
  },
  {
    file: 'src/bitmap/node-pool.ts',
    change: '+ to -: return this.#at(«node + DIRTY_SUMMARY»);',
    reason: 'equivalent: the summary is the first word, at 0',
  },
  {
    file: 'src/bitmap/node-pool.ts',
    change: '<= to <: if («words.length <= this.#words.length») {',
    reason: 'shows only in a bitmap of 8 GiB',
  },
  {
    file: 'src/bitmap/serialise.ts',
    change: 'swap statements: «this.#bytes = larger; this.#view = viewOf(larger);»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/bitmap/serialise.ts',
    change:
      'swap statements: «view.setUint32(this.#header, this.#count % 2 ** 32, true); view.setUi…»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/bitmap/serialise.ts',
    change:
      "swap statements: «check(kind !== kindBefore, 'neighbouring runs must be of different ki",
    reason: OTHER_ERROR,
  },
  {
    file: 'src/bitmap/serialise.ts',
    change:
      'swap statements: «bits.set(offset + start, offset + end); rest &= ~bitsBetween(start, e',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/job.ts',
    change:
      "swap statements: «this.#transaction.fail(this); this.#become('null', 'it was not starte…»",
    reason:
      'differs only for a listener that looks from within the event at jobs of the transaction',
  },
  {
    file: 'src/jobs/job.ts',
    change: "swap statements: «this.#userPause = 'its user paused it'; this.wake();»",
    reason: WOKEN_LATER,
  },
  {
    file: 'src/jobs/job.ts',
    change: 'swap statements: «change(); this.wake();»',
    reason: WOKEN_LATER,
  },
  {
    file: 'src/jobs/job.ts',
    change: "swap statements: «this.#become('concluded', why); this.#resting.notifyAll();»",
    reason: WOKEN_LATER,
  },
  {
    file: 'src/jobs/job.ts',
    change:
      "swap statements: «this.#become('null', 'it was not started'); this.#finish(Promise.reso",
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/job.ts',
    change: 'swap statements: «this.#userPause ??= ',
    reason: WOKEN_LATER,
  },
  {
    file: 'src/jobs/job.ts',
    change: 'swap statements: «this.#work?.giveUp(); this.#decided.notifyAll();»',
    reason: WOKEN_LATER,
  },
  {
    file: 'src/jobs/mirror/copier.ts',
    change:
      'off by one: if (control.pausing || this.#backoff.delayMs(this.#env.clock.nowMs()) > «0»',
    reason: 'differs in the last millisecond of a back-off only',
  },
  {
    file: 'src/jobs/mirror/copier.ts',
    change:
      '< to <=: const found = «at < dirty.size» ? dirty.nextDirty(at, lengthMax) : undefined;',
    reason: 'equivalent: from the very end of the disk on nothing is dirty',
  },
  {
    file: 'src/jobs/mirror/copier.ts',
    change:
      "swap statements: «this.#backoff.succeed(); this.#env.trace?.('mirror_iteration_done', `",
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/copier.ts',
    change: 'swap statements: «this.#flushing = false; this.#control.wake();»',
    reason: WOKEN_LATER,
  },
  {
    file: 'src/jobs/mirror/governor.ts',
    change: 'swap statements: «this.#latencies.record(latencyMs); this.#written += written;»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/governor.ts',
    change: '< to <=: } else if («p99Ms < ROOM * this.#budgetMs») {',
    reason: 'differs only for a percentile that is the bound itself',
  },
  {
    file: 'src/jobs/mirror/guest-writes.ts',
    change: 'swap statements: «this.#waits.delete(wait); wait.end();»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/journal-file.ts',
    change:
      'swap statements: «await ignoring(() => file.close()); if (lock) await ignoring(() => fi…»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/journal-file.ts',
    change: 'swap statements: «piece.fill(0, length); decodeBits(piece, at, dirty);»',
    reason: 'shows only where the file is cut off by others after its length was checked',
  },
  {
    file: 'src/jobs/mirror/journal-file.ts',
    change: 'min to max: const piece = buffer.subarray(0, «Math.min»(PIECE_LENGTH, end - at));',
    reason: 'equivalent: behind the end of the file, and of the disk, nothing is read',
  },
  {
    file: 'src/jobs/mirror/journal-format.ts',
    change:
      'swap statements: «const end = Math.min((position + into.length) * span, size); into.fil…»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/journal-format.ts',
    change: '< to <=: for (let at = start; «at < end»; ) {',
    reason: 'equivalent: at the end nothing clean is found before the end',
  },
  {
    file: 'src/jobs/mirror/journal-format.ts',
    change: '< to <=: if («from < to») writeBits(into, Math.floor((from - start) / granula',
    reason: 'equivalent: no bits are written',
  },
  {
    file: 'src/jobs/mirror/journal-format.ts',
    change:
      'swap statements: «for (let bit = start; bit < firstWhole; bit += 1) writeBit(into, bit,',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/journal-hot.ts',
    change: 'off by one: #round = «0»;',
    reason: 'equivalent: rounds are only compared with one another',
  },
  {
    file: 'src/jobs/mirror/journal-keeper.ts',
    change: 'swap statements: «this.#roundMs = nowMs; this.#round = this.#settle();»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/journal-keeper.ts',
    change:
      'swap statements: «this.#clock = clock; this.#settling = { dirty: pair.dirty, claimed: (',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/journal-writer.ts',
    change:
      "swap statements: «this.#state = 'stuck'; // What the first write failed with tells more…»",
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/journal.ts',
    change: 'off by one: #cursor = «0»;',
    reason: 'equivalent: byte 1 lies in the same granule, in which the search begins',
  },
  {
    file: 'src/jobs/mirror/journal.ts',
    change:
      'swap statements: «const groupLength = alignUp(options.groupLength ?? DEFAULT_GROUP_LENG…»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/mirror.ts',
    change: 'swap statements: «pair.giveUp(); guestWrites.giveUp();»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/mirror.ts',
    change:
      'swap statements: «guestWrites.giveUp(); this.#patience ??= this.#context.env.clock.afte…»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/mirror.ts',
    change: 'off by one: const isLimited = before > 0 && bytesPerSecond > «0»;',
    reason: 'differs only at a limit of one byte a second, which then lets go who waits',
  },
  {
    file: 'src/jobs/mirror/mirror.ts',
    change: 'swap statements: «pair.open(); this.#isPlanning = false;»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/mirror.ts',
    change:
      'swap statements: «this.#keeper = journal && new JournalKeeper({ journal, pair, control,…»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/mirror.ts',
    change:
      'swap statements: «if (!filter.isClosed) await this.#removeFilter(); this.#patience?.can…»',
    reason: 'equivalent: by then nothing waits that the timer would let go',
  },
  {
    file: 'src/jobs/mirror/mirror.ts',
    change: 'swap statements: «checkEnds(context); checkBacking(target, settings);»',
    reason: OTHER_ERROR,
  },
  {
    file: 'src/jobs/mirror/mirror.ts',
    change: 'off by one: return requests + (this.#copier?.inFlight ?? 0) + (this.#keeper?.',
    reason: 'equivalent: it is only compared with 0',
  },
  {
    file: 'src/jobs/mirror/pair.ts',
    change:
      'swap statements: «await edge.writeZeroes(range.offset, range.length, options); const { …»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/pair.ts',
    change: 'flip: return { length, data: «true», zero: false, allocated: true };',
    reason: 'equivalent: a copy looks at its length, and whether it is zero',
  },
  {
    file: 'src/jobs/mirror/plan.ts',
    change: 'off by one: let count = «0»;',
    reason: 'equivalent: the others get their turn one extent earlier',
  },
  {
    file: 'src/jobs/mirror/plan.ts',
    change: 'swap statements: «if (isWanted(extent)) return true; await breathe(',
    reason: 'equivalent: the answer is the same, one breath later',
  },
  {
    file: 'src/jobs/mirror/rates.ts',
    change:
      'swap statements: «if (last) { const rate = ((progress.offset - last.offset) / (nowMs - …»',
    reason: INDEPENDENT,
  },
  {
    file: 'src/jobs/mirror/wait.ts',
    change:
      'swap statements: «this.#dueMs = nowMs + leftMs; if (leftMs === 0) this.#resolve(); else…»',
    reason: INDEPENDENT,
  },
];

/** @returns Why a mutant may survive; `undefined` when nobody has told. */
export function reasonFor({ file, change }: Pick<Mutant, 'file' | 'change'>): string | undefined {
  return KNOWN_SURVIVORS.find((known) => known.file === file && change.startsWith(known.change))
    ?.reason;
}
