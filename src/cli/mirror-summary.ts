/** What came of a run of `mirrordisk mirror`: in sentences for people, in facts for programs. */

import { formatDuration, formatSize } from '../base/units.ts';
import type { MirrorOutcome } from '../machine/mirror.ts';
import type { GuestStatistics } from '../workload/guest-accounts.ts';
import { formatLatency } from './progress-line.ts';
import type { Proof } from './proof.ts';
import { counted } from './words.ts';

/** What came of the comparison; or why there was none, `partial` for a copy of a part only. */
export type Verdict = Proof | 'unasked' | 'partial' | 'interrupted';

/** What is left of a mirror and its guest when both have ended. */
export interface RunEnd {
  readonly outcome: MirrorOutcome;
  readonly guest: GuestStatistics | undefined;
  /** Bytes that an earlier run had left to copy; `undefined` when this was no resumption. */
  readonly resumedBytes: number | undefined;
  /** Whether the next run can go on from here. */
  readonly isKept: boolean;
}

export interface Summary extends RunEnd {
  readonly source: string;
  readonly target: string;
  /** Bytes copied. */
  readonly offset: number;
  readonly tookMs: number;
  /** From the start until source and target first met; `undefined` when they did not. */
  readonly readyMs: number | undefined;
  /** `undefined` when something went wrong before. */
  readonly verdict: Verdict | undefined;
}

/** Tells a summary to people, line by line. */
export function* summarySentences(summary: Summary): Generator<string> {
  const { guest, verdict } = summary;
  if (guest) yield guestSentence(guest);
  yield* endSentences(summary);
  if (guest && guest.errors > 0)
    yield `WRONG: ${counted(guest.errors, 'request')} of the guest failed`;
  if (verdict === 'partial') yield 'not compared: only what was written since the start was copied';
  if (verdict === 'interrupted') yield 'not compared: interrupted before all of it was';
  if (typeof verdict === 'object') yield* proofSentences(verdict);
}

function* endSentences(summary: Summary): Generator<string> {
  const { source, target, outcome, guest, resumedBytes, isKept } = summary;
  const copied = `${formatSize(summary.offset)} copied`;
  const before = resumedBytes === undefined ? '' : ' on top of an earlier run';
  const work = `after ${formatDuration(summary.tookMs)}: ${copied}${before}`;
  if (outcome.status === 'completed') {
    const place = outcome.switched ? `the target, ${target}` : `the source, ${source}`;
    yield `COMPLETED ${work}, the ${guest ? 'guest' : 'disk'} is on ${place}`;
  } else if (outcome.status === 'cancelled') {
    yield `CANCELLED ${work}, ${target} is no copy of ${source}`;
    if (isKept) yield 'kept: the same command goes on from here, if nobody writes to either';
  }
}

function guestSentence({ writes, reads, errors, latency, mismatches }: GuestStatistics): string {
  const counts = [counted(writes, 'write'), counted(reads, 'read'), `${errors} failed`];
  if (mismatches.count > 0) counts.push(`${counted(mismatches.count, 'read')} wrong`);
  const times = `p50 ${formatLatency(latency.p50Ms)}, p99 ${formatLatency(latency.p99Ms)}`;
  return `guest: ${counts.join(', ')}; ${times}`;
}

function* proofSentences({ bytes, written, wrong, firstWrong, guest }: Proof): Generator<string> {
  const images = 'source and target';
  if (wrong > 0) {
    const where = `first at ${firstWrong?.offset}`;
    yield `WRONG: ${images} differ in ${counted(wrong, 'byte')}, ${where}`;
  } else if (written > 0) {
    const where = `in ${counted(written, 'byte')} that the guest wrote after the switch`;
    yield `proved: ${images} (${counted(bytes, 'byte')}) differ ${where}, and nowhere else`;
  } else {
    yield `proved: ${images} are identical in all ${counted(bytes, 'byte')}`;
  }
  if (!guest) return;
  const { count, examples } = guest.mismatches;
  const blocks = `${counted(guest.blocks, 'block')} that the guest wrote`;
  if (count === 0) {
    yield `proved: each of ${blocks} is on the target as last acknowledged`;
  } else {
    yield `WRONG: of ${blocks}, ${count} are not on the target`;
    for (const { message } of examples) yield `  ${message}`;
  }
}

/** A summary as the fields of a JSON object, named as QEMU would. */
export function summaryFacts(summary: Summary): object {
  const { outcome, offset, readyMs, guest, verdict, resumedBytes, isKept } = summary;
  const { status } = outcome;
  return {
    status,
    ...(status === 'completed' ? { switched: outcome.switched } : {}),
    ...(status === 'failed' ? { error: outcome.error.message } : {}),
    ...(isKept ? { kept: true } : {}),
    ...(resumedBytes === undefined ? {} : { 'resumed-bytes': resumedBytes }),
    offset,
    'seconds-to-ready': readyMs === undefined ? null : readyMs / 1000,
    ...(guest ? { guest: guestFacts(guest) } : {}),
    ...(typeof verdict === 'string' ? { 'not-compared': verdict } : {}),
    ...(typeof verdict === 'object' ? { proof: proofFacts(verdict) } : {}),
  };
}

/** What a guest did, as the fields of a JSON object. */
export function guestFacts(guest: GuestStatistics): object {
  return {
    writes: guest.writes,
    reads: guest.reads,
    errors: guest.errors,
    'wrong-reads': guest.mismatches.count,
    iops: Math.round(guest.requestsPerSecond),
    'p50-ms': guest.latency.p50Ms,
    'p99-ms': guest.latency.p99Ms,
  };
}

function proofFacts({ holds, bytes, written, wrong, guest }: Proof): object {
  const blocks = guest && {
    'guest-blocks': guest.blocks,
    'guest-blocks-wrong': guest.mismatches.count,
  };
  return {
    holds,
    bytes,
    'bytes-written-after-switch': written,
    'bytes-wrong': wrong,
    ...blocks,
  };
}
