/**
 * What `mirrordisk mirror` says while it runs and at the end: to people in sentences, to programs as
 * JSON lines whose events have the names and fields of QEMU's.
 */

import { formatDuration, formatSize } from '../base/units.ts';
import type { Env } from '../env/env.ts';
import type { MirrorProgress } from '../jobs/mirror/mirror.ts';
import type { MachineEvent } from '../machine/machine.ts';
import type { Mirror, MirrorOutcome } from '../machine/mirror.ts';
import type { Guest } from '../workload/guest.ts';
import type { GuestStatistics } from '../workload/guest-accounts.ts';
import type { CommandIo } from './command.ts';
import { formatLatency, progressLine } from './progress-line.ts';
import type { Proof } from './proof.ts';

/** How often the line on a terminal is drawn anew, and how often progress is written as lines. */
const DRAW_MS = 200;
const LINE_MS = 1000;

export interface ReportOptions {
  readonly source: string;
  readonly target: string;
  readonly json: boolean;
  /** Write progress as lines where there is no terminal. */
  readonly showProgress: boolean;
}

export class MirrorReport {
  readonly #options: ReportOptions;
  readonly #io: CommandIo;
  readonly #startMs: number;
  #readyMs: number | undefined;
  #last: MirrorProgress | undefined;

  constructor(options: ReportOptions, io: CommandIo) {
    this.#options = options;
    this.#io = io;
    this.#startMs = io.env.clock.nowMs();
  }

  /** Tells events and progress until the mirror is over. */
  async follow(mirror: Mirror, guest: Guest | undefined): Promise<void> {
    await Promise.all([this.#followEvents(mirror), this.#followProgress(mirror, guest)]);
  }

  /** What came of it all. */
  summarise(outcome: MirrorOutcome, guest: GuestStatistics | undefined, proof?: Proof): void {
    const { json } = this.#options;
    if (json) {
      this.#write('MIRROR_SUMMARY', this.#facts(outcome, guest, proof));
      return;
    }
    for (const line of this.#sentences(outcome, guest, proof)) this.#io.out(line);
  }

  async #followEvents(mirror: Mirror): Promise<void> {
    for await (const event of mirror.events()) {
      if (this.#options.json) this.#io.out(JSON.stringify(event));
      if (event.event !== 'BLOCK_JOB_READY') continue;
      this.#readyMs = this.#io.env.clock.nowMs() - this.#startMs;
      if (!this.#options.json) this.#io.err(this.#readySentence(event));
    }
  }

  #readySentence({ data }: MachineEvent & { readonly event: 'BLOCK_JOB_READY' }): string {
    const ms = this.#readyMs ?? 0;
    const rate = ms > 0 ? `, ${formatSize((data.offset / ms) * 1000)}/s` : '';
    return `READY: source and target have met after ${formatDuration(ms)} (${formatSize(data.offset)} copied${rate})`;
  }

  async #followProgress(mirror: Mirror, guest: Guest | undefined): Promise<void> {
    const { json, showProgress } = this.#options;
    const { columns } = this.#io;
    const onTerminal = columns !== undefined;
    for await (const progress of mirror.watch({ everyMs: onTerminal ? DRAW_MS : LINE_MS })) {
      this.#last = progress;
      const rates = guest?.statistics();
      if (json) this.#write('MIRROR_PROGRESS', progressFacts(progress, rates));
      else if (columns !== undefined) this.#io.show(this.#line(progress, rates, columns));
      else if (showProgress) this.#io.err(this.#line(progress, rates, Infinity));
    }
    this.#io.show('');
  }

  #line(progress: MirrorProgress, guest: GuestStatistics | undefined, columns: number): string {
    const rate = guest && { iops: guest.requestsPerSecond, p99Ms: guest.latency.p99Ms };
    return progressLine(progress, rate, columns);
  }

  *#sentences(
    outcome: MirrorOutcome,
    guest: GuestStatistics | undefined,
    proof: Proof | undefined,
  ): Generator<string> {
    const { source, target } = this.#options;
    const copied = formatSize(this.#last?.offset ?? 0);
    const took = formatDuration(this.#io.env.clock.nowMs() - this.#startMs);
    if (guest) yield guestSentence(guest);
    if (outcome.status === 'completed') {
      const place = outcome.switched ? `the target, ${target}` : `the source, ${source}`;
      yield `COMPLETED after ${took}: ${copied} copied, the guest is on ${place}`;
    } else if (outcome.status === 'cancelled') {
      yield `CANCELLED after ${took}: ${copied} copied, ${target} is no copy of ${source}`;
    }
    if (proof) yield* proofSentences(proof);
  }

  #facts(outcome: MirrorOutcome, guest: GuestStatistics | undefined, proof: Proof | undefined) {
    const { status } = outcome;
    return {
      status,
      ...(status === 'completed' ? { switched: outcome.switched } : {}),
      ...(status === 'failed' ? { error: outcome.error.message } : {}),
      offset: this.#last?.offset ?? 0,
      'seconds-to-ready': this.#readyMs === undefined ? null : this.#readyMs / 1000,
      ...(guest ? { guest: guestFacts(guest) } : {}),
      ...(proof ? { proof: proofFacts(proof) } : {}),
    };
  }

  #write(event: string, data: object): void {
    this.#io.out(JSON.stringify({ event, data, timestamp: timestamp(this.#io.env) }));
  }
}

function timestamp({ clock }: Env) {
  const microseconds = Math.floor(clock.wallMs() * 1000);
  return { seconds: Math.floor(microseconds / 1e6), microseconds: microseconds % 1e6 };
}

function guestSentence({ writes, reads, errors, latency, mismatches }: GuestStatistics): string {
  const counts = `${writes} writes, ${reads} reads, ${errors} failed`;
  const times = `p50 ${formatLatency(latency.p50Ms)}, p99 ${formatLatency(latency.p99Ms)}`;
  const wrong = mismatches.count > 0 ? `, ${mismatches.count} reads returned wrong data` : '';
  return `guest: ${counts}${wrong}; ${times}`;
}

function* proofSentences(proof: Proof): Generator<string> {
  const { bytes, written, wrong, firstWrong, guest } = proof;
  if (wrong > 0) {
    yield `WRONG: source and target differ in ${wrong} bytes, first at ${firstWrong?.offset}`;
  } else if (written > 0) {
    const where = `in ${written} bytes that the guest wrote after the switch, and nowhere else`;
    yield `proved: source and target (${bytes} bytes) differ ${where}`;
  } else {
    yield `proved: source and target are identical in all ${bytes} bytes`;
  }
  if (!guest) return;
  const { count, examples } = guest.mismatches;
  if (count === 0) {
    yield `proved: each of ${guest.blocks} blocks that the guest wrote is on the target as last acknowledged`;
    return;
  }
  yield `WRONG: ${count} of ${guest.blocks} blocks that the guest wrote are not on the target`;
  for (const { offset, message } of examples) yield `  block at ${offset}: ${message}`;
}

function progressFacts(progress: MirrorProgress, guest: GuestStatistics | undefined) {
  return {
    phase: progress.phase,
    offset: progress.offset,
    len: progress.len,
    remaining: progress.remaining,
    'copy-rate': Math.round(progress.copyRate),
    'dirty-rate': Math.round(progress.dirtyRate),
    'seconds-left': progress.secondsLeft ?? null,
    converges: progress.converges,
    ...(guest ? { guest: guestFacts(guest) } : {}),
  };
}

function guestFacts(guest: GuestStatistics) {
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

function proofFacts({ holds, bytes, written, wrong, guest }: Proof) {
  return {
    holds,
    bytes,
    'bytes-written-after-switch': written,
    'bytes-wrong': wrong,
    ...(guest
      ? { 'guest-blocks': guest.blocks, 'guest-blocks-wrong': guest.mismatches.count }
      : {}),
  };
}
