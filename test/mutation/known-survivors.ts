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
/** Of two writes of a file that is being made. */
const ALL_DURABLE = 'equivalent: both are durable before the file has its name';
/** Of two checks that were swapped. */
const OTHER_ERROR = 'differs only in which of two errors is told first';

/** Those that were found so far: by the file, how the change begins, and why it may survive. */
const REASONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'src/bitmap/bit-tree.ts': {
    '/ to *: const digits = bitsBetween(Math.floor(«first / unit»)':
      'equivalent but slower: slots before the range are looked at too, and have none of its bits',
    'swap statements: «if (after === before) return true; pool.setSlot(leaf, digit, after);»':
      'equivalent: what is stored is what was there',
    '- to +: if («end - start» > WORD_SPAN - bit) return false;':
      'equivalent but slower: what could take the short way takes the long one',
    'off by one: if (found >= «0») return found;':
      'equivalent but slower: bit 0 is found again, from the root down',
    'off by one: return within >= «0» && within < LEAF_SPAN;':
      'equivalent but slower: the first bit of the leaf is found again, from the root down',
  },
  'src/bitmap/checksum.ts': {
    'swap statements: «this.#advance(step); rest -= step;»': INDEPENDENT,
  },
  'src/bitmap/digits.ts': {
    'off by one: return UNITS[level] ?? «0»;': 'equivalent: there is a unit for each level',
  },
  'src/bitmap/dirty-bitmap.ts': {
    'off by one: let range = other.nextDirty(«0»);':
      'equivalent: byte 1 lies in the first granule, in which the search begins',
    'swap statements: «this.mark(range.offset, range.length); const end = alignUp(range.offs':
      INDEPENDENT,
    'swap statements: «if ( !isPowerOfTwo(granularity) || granularity < GRANULARITY_MIN || g…»':
      'equivalent: nobody sees the object when its making fails',
    '> to >=: const tailIsDirty = «this.#tailLack > 0» && this.#bits.has(this.#bits.length - 1);':
      'equivalent: 0 is taken off',
  },
  'src/bitmap/dirty-cursor.ts': {
    'off by one: this.#bitmap.nextDirty(this.#offset, lengthMax) ?? this.#bitmap.nextDirty(«0»':
      'equivalent: byte 1 lies in the first granule, in which the search begins',
  },
  'src/bitmap/node-pool.ts': {
    '+ to -: return this.#at(«node + DIRTY_SUMMARY»);':
      'equivalent: the summary is the first word, at 0',
    '<= to <: if («words.length <= this.#words.length») {': 'shows only in a bitmap of 8 GiB',
    'swap statements: «const full = this.fullSlots(node); this.#words[node + FIRST_SLOT':
      INDEPENDENT,
  },
  'src/bitmap/serialise.ts': {
    'swap statements: «this.#bytes = larger; this.#view = viewOf(larger);»': INDEPENDENT,
    "swap statements: «check(kind !== kindBefore, 'neighbouring runs must be of different ki":
      OTHER_ERROR,
    "swap statements: «check(end <= bits.length, 'the padding behind the last granule must b":
      'equivalent: a tree that is refused is spoilt either way',
    'swap statements: «bits.set(offset + start, offset + end); rest &= ~bitsBetween(start, e':
      INDEPENDENT,
  },
  'src/jobs/job.ts': {
    "swap statements: «this.#become(atWork === 'ready' ? 'standby' : 'paused', why); this.#a":
      'differs only for who begins a drain from within the event of the pause',
    "swap statements: «this.#transaction.fail(this); this.#become('null', 'it was not starte…»":
      'differs only for a listener that looks from within the event at jobs of the transaction',
    "swap statements: «this.#userPause = 'its user paused it'; this.wake();»": WOKEN_LATER,
    'swap statements: «change(); this.wake();»': WOKEN_LATER,
    'swap statements: «this.#ioStatus = ioStatusAfter(this.#ioStatus, error); this.#userPaus':
      INDEPENDENT,
    "swap statements: «this.#become('concluded', why); this.#resting.notifyAll();»": WOKEN_LATER,
    "swap statements: «this.#become('null', 'it was not started'); this.#finish(Promise.reso":
      INDEPENDENT,
    'swap statements: «this.#userPause ??= ': WOKEN_LATER,
    'swap statements: «this.#work?.giveUp(); this.#decided.notifyAll();»': WOKEN_LATER,
    'swap statements: «this.#decided.notifyAll(); this.wake();»': WOKEN_LATER,
    "swap statements: «this.#become('null', 'it was dismissed'); this.#forget();»": WOKEN_LATER,
  },
  'src/jobs/mirror/checks.ts': {
    'swap statements: «demandFree(source); demandFree(target);»': OTHER_ERROR,
  },
  'src/jobs/mirror/copier.ts': {
    'off by one: this.#sinceTurn = «0»;': 'differs only in a turn that comes one byte earlier',
    'swap statements: «this.#inFlight -= 1; // As with a copy, idle() waits for it and copyU':
      INDEPENDENT,
    '+ to -: at = Math.max(«claimed.offset + claimed.length»':
      'equivalent but slower: granule by granule it comes to the end of the claim as well',
    'off by one: #cursor = «0»;':
      'equivalent: byte 1 lies in the first granule, in which the search begins',
    'off by one: if (control.pausing || nowMs >= endMs || this.#backoff.delayMs(nowMs) > «0»':
      'differs in the last millisecond of a back-off only',
    '< to <=: const found = «at < dirty.size» ? dirty.nextDirty(at, lengthMax) : undefined;':
      'equivalent: from the very end of the disk on nothing is dirty',
    'swap statements: «if (!isSlow) this.#charge(sent - range.length); this.#backoff.succeed':
      INDEPENDENT,
    "swap statements: «this.#backoff.succeed(); this.#env.trace?.('mirror_iteration_done', `":
      INDEPENDENT,
  },
  'src/jobs/mirror/filter.ts': {
    'drop statement: «await this.#child.resize(size);»':
      'equivalent: a disk with a mirror is not resized; the filter can only so that it is told why',
  },
  'src/jobs/mirror/governor.ts': {
    'swap statements: «this.#latencies.record(latencyMs); this.#written += written;»': INDEPENDENT,
    'swap statements: «this.#pair.setActive(true); this.#setRation(': INDEPENDENT,
  },
  'src/jobs/mirror/guest-writes.ts': {
    'swap statements: «this.#waits.delete(wait); wait.end();»': INDEPENDENT,
  },
  'src/jobs/mirror/hold.ts': {
    'off by one: function clusterOf({ clusterSize = «0» }':
      'equivalent: a granule is longer, and the longer of the two counts',
  },
  'src/jobs/mirror/journal-file.ts': {
    'swap statements: «await ignoring(() => file.close()); if (lock) await ignoring(() => fi…»':
      INDEPENDENT,
    "swap statements: «if (status.kind !== 'regular') throw new BlockError('EINVAL', action,…":
      'equivalent: who is refused lets go of the lock',
    'off by one: const starts = new Uint8Array(«2» * BLOCK_LENGTH);':
      'equivalent: no more is looked at',
    'min to max: const buffer = new Uint8Array(«Math.min»(PIECE_LENGTH, end));':
      'equivalent: no more of the buffer is used',
    '< to <=: for (let at = 0; «at < end»; at += PIECE_LENGTH) {':
      'equivalent: from the end on nothing is read',
    '- to +: const piece = buffer.subarray(0, Math.min(PIECE_LENGTH, «end - at»));':
      'equivalent: behind the end of the file, and of the disk, nothing is read',
    'min to max: const piece = buffer.subarray(0, «Math.min»(PIECE_LENGTH, end - at));':
      'equivalent: behind the end of the file, and of the disk, nothing is read',
    'swap statements: «await writePieces(file, dirty, allBits(dirty), []); await file.write(':
      ALL_DURABLE,
    'swap statements: «await file.write(0, block); await file.write(BLOCK_LENGTH, block);»':
      ALL_DURABLE,
    'swap statements: «for (const offset of [0, BLOCK_LENGTH]) { await this.#file.write(offs…»':
      'equivalent: a file whose header cannot be written is closed',
    'off by one: const blocks = new Uint8Array(«2» * BLOCK_LENGTH);':
      'equivalent: no more is looked at',
  },
  'src/jobs/mirror/journal-format.ts': {
    '>= to >: if (clean === undefined || «clean >= end»)':
      'equivalent: from the end to the end there is no bit',
    'swap statements: «const end = Math.min((position + into.length) * span, size); into.fil…»':
      INDEPENDENT,
    '< to <=: for (let at = start; «at < end»; ) {':
      'equivalent: at the end nothing clean is found before the end',
    '< to <=: if («from < to») writeBits(into, Math.floor((from - start) / granula':
      'equivalent: no bits are written',
    'swap statements: «view.setUint32(12, 1 + STATES.indexOf(state), true); view.setUint32(1':
      INDEPENDENT,
    'swap statements: «for (let bit = start; bit < firstWhole; bit += 1) writeBit(into, bit,':
      INDEPENDENT,
    'off by one: const byte = into[index] ?? «0»;': 'equivalent: all bits lie within the bytes',
    '< to <=: for (let bit = index * 8; «bit < index * 8 + 8»; bit += 1) {':
      'equivalent: the next byte, or the end, decides anew, and an empty run marks nothing',
  },
  'src/jobs/mirror/journal-hot.ts': {
    'off by one: #round = «0»;': 'equivalent: rounds are only compared with one another',
  },
  'src/jobs/mirror/journal-keeper.ts': {
    'swap statements: «this.#roundMs = nowMs; this.#round = this.#settle();»': INDEPENDENT,
    'swap statements: «this.#clock = clock; this.#settling = { dirty: pair.dirty, claimed: (':
      INDEPENDENT,
    'swap statements: «await pair.unlessAbandoned(pair.target.flush()); await pair.unlessAba…»':
      'equivalent: both disks are flushed before anything is withdrawn',
  },
  'src/jobs/mirror/journal-scan.ts': {
    'off by one: #lastBlock = -«1»;': 'equivalent: no block has a number below 0',
  },
  'src/jobs/mirror/journal-writer.ts': {
    "swap statements: «this.#state = 'stuck'; // What the first write failed with tells more…»":
      INDEPENDENT,
    'swap statements: «this.#waiting.push({ range, resolve, reject }); this.#kick();»': WOKEN_LATER,
    'swap statements: «this.#withdrawal = { granules, resolve, reject }; this.#kick();»':
      WOKEN_LATER,
    'swap statements: «this.#withdrawal = undefined; try { if (this.#failure) throw this.#fa…»':
      'equivalent: the next withdrawal comes only when somebody has heard of this one',
    'swap statements: «recorded.clear(range.offset, range.length); touch(range);»': INDEPENDENT,
    'swap statements: «for (const { resolve } of waiters) resolve(); withdrawal?.resolve();»':
      INDEPENDENT,
  },
  'src/jobs/mirror/journal.ts': {
    'off by one: #cursor = «0»;':
      'equivalent: byte 1 lies in the same granule, in which the search begins',
    'swap statements: «const groupLength = alignUp(options.groupLength ?? DEFAULT_GROUP_LENG…»':
      INDEPENDENT,
    'swap statements: «this.#hot = new HotGroups({ size, groupLength, hotMax }); this.#write…»':
      INDEPENDENT,
    'swap statements: «this.#isSettling = true; const cooling = this.#hot.beginCooling((grou…»':
      INDEPENDENT,
    'swap statements: «if (found.isClean) return false; this.#candidates = found;»':
      'equivalent: it is taken back before anybody sees it',
    'off by one: if (this.#cursor === size) this.#cursor = scan.search({ offset: «0»':
      'equivalent: byte 1 lies in the same granule, and one more is searched twice',
    'swap statements: «if (this.#cursor === size) this.#cursor = scan.search({ offset: 0, le…»':
      INDEPENDENT,
    '< to <=: for (let run = dirty.nextDirty(offset, length); run && «run.offset < end»; ) {':
      'equivalent: what was found ends there, so nothing is left to keep',
  },
  'src/jobs/mirror/mirror.ts': {
    'swap statements: «this.#copyMode = copyMode; this.#parts.pair.setActive(copyMode ===':
      INDEPENDENT,
    '> to >=: if («pair.remaining > this.#copiedWithin(holdMs)») sinceMs = undefined;':
      'differs only where an estimate by the clock is met to the byte',
    'swap statements: «this.#patience?.cancel(); this.#context.source.untrack(dirty);»':
      INDEPENDENT,
    "swap statements: «env.trace?.('mirror_start', `bs": INDEPENDENT,
    'swap statements: «pair.giveUp(); guestWrites.giveUp();»': INDEPENDENT,
    'swap statements: «guestWrites.giveUp(); this.#patience ??= this.#context.env.clock.afte…»':
      INDEPENDENT,
    'off by one: const isLimited = before > 0 && bytesPerSecond > «0»;':
      'differs only at a limit of one byte a second, which then lets go who waits',
    'swap statements: «pair.open(); this.#isPlanning = false;»': INDEPENDENT,
    'swap statements: «this.#keeper = journal && new JournalKeeper({ journal, pair, control,…»':
      INDEPENDENT,
    'swap statements: «if (!filter.isClosed) await this.#removeFilter(); this.#patience?.can…»':
      'equivalent: by then nothing waits that the timer would let go',
    'swap statements: «checkEnds(context); checkBacking(target, settings);»': OTHER_ERROR,
    'off by one: return requests + (this.#copier?.inFlight ?? 0) + (this.#keeper?.':
      'equivalent: it is only compared with 0',
    'off by one: return requests + (this.#copier?.inFlight ?? «0»':
      'differs only for a listener of the start of a job that was cancelled before it',
    "swap statements: «const replaced = control.ending === 'complete' ? graph.fin":
      'equivalent: a job that fails removes its filter all the same',
    "swap statements: «this.#keeper?.hasten(); if (this.#settings.limits === 'initial-copy'":
      INDEPENDENT,
    'swap statements: «await copier.copyUntil(() => { this.#observe(false); return copier.is':
      'differs only in the first tenth of a second of phase 2, which then is a wait as well',
  },
  'src/jobs/mirror/pair.ts': {
    'off by one: if (length > «0») this.knownZero.mark(offset, length);':
      'equivalent: the length is that of whole granules',
    'swap statements: «this.dirty.mark(at, end - at); this.#copying -= end - at;»': INDEPENDENT,
    'swap statements: «await edge.writeZeroes(range.offset, range.length, options); const { …»':
      INDEPENDENT,
    'flip: return { length, data: «true», zero: false, allocated: true };':
      'equivalent: a copy looks at its length, and whether it is zero',
  },
  'src/jobs/mirror/plan.ts': {
    'off by one: let count = «0»;': 'equivalent: the others get their turn one extent earlier',
    'swap statements: «if (isMissing(extent)) dirty.mark(extent.offset, extent.length); awai':
      'equivalent: each extent is marked one breath later, and all before the first copy',
    'swap statements: «if (isWanted(extent)) return true; await breathe(':
      'equivalent: the answer is the same, one breath later',
  },
  'src/jobs/mirror/rates.ts': {
    'swap statements: «if (last) { const rate = ((progress.offset - last.offset) / (nowMs - …»':
      INDEPENDENT,
    'swap statements: «this.#samples.push({ offset: progress.offset, len: progress.len, nowM':
      'equivalent: what is new is never too old',
  },
  'src/jobs/mirror/wait.ts': {
    'swap statements: «this.#dueMs = nowMs + leftMs; if (leftMs === 0) this.#resolve(); else…»':
      INDEPENDENT,
  },
  'src/jobs/transaction.ts': {
    "swap statements: «this.#stage = 'decided'; for (const each of this.#members) each.decid":
      WOKEN_LATER,
  },
};

/** The same, one by one. */
export const KNOWN_SURVIVORS: readonly KnownSurvivor[] = Object.entries(REASONS).flatMap(
  ([file, changes]) =>
    Object.entries(changes).map(([change, reason]) => ({ file, change, reason })),
);

/** @returns Why a mutant may survive; `undefined` when nobody has told. */
export function reasonFor({ file, change }: Pick<Mutant, 'file' | 'change'>): string | undefined {
  return KNOWN_SURVIVORS.find((known) => known.file === file && change.startsWith(known.change))
    ?.reason;
}
