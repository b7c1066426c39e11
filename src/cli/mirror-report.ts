/**
 * What `mirrordisk mirror` says while it runs and at the end: to people in sentences, to programs
 * as JSON lines whose events have the names and fields of QEMU's.
 */

import { formatDuration, formatSize } from '../base/units.ts';
import type { MirrorProgress } from '../jobs/mirror/mirror.ts';
import type { MachineEvent } from '../machine/machine.ts';
import type { Mirror } from '../machine/mirror.ts';
import type { Guest } from '../workload/guest.ts';
import type { GuestStatistics } from '../workload/guest-accounts.ts';
import type { CommandIo } from './command.ts';
import { eventLine, stampedLine } from './json-lines.ts';
import { flow } from './live-lines.ts';
import {
  guestFacts,
  type RunEnd,
  type Summary,
  summaryFacts,
  summarySentences,
  type Verdict,
} from './mirror-summary.ts';
import { PauseTeller } from './pauses.ts';
import { progressLine, progressParts } from './progress-line.ts';
import { DRAW_MS } from './timely.ts';
import { printable } from './words.ts';

/** How often progress is written as lines, in milliseconds. */
const LINE_MS = 1000;

export interface ReportOptions {
  /** What to call the source. */
  readonly source: string;
  readonly target: string;
  readonly json: boolean;
  /** Write progress as lines where there is no terminal. */
  readonly showProgress: boolean;
  /** How long after a stop by an error to try again. */
  readonly retryMs: number;
}

export class MirrorReport {
  readonly #options: ReportOptions;
  readonly #io: CommandIo;
  readonly #startMs: number;
  #readyMs: number | undefined;
  /** How it ended, once it has. */
  #ended: Summary | undefined;
  #offset = 0;

  constructor(options: ReportOptions, io: CommandIo) {
    this.#options = options;
    this.#io = io;
    this.#startMs = io.env.clock.nowMs();
  }

  /** Tells events and progress until the mirror is over. @param size Of the disk, in bytes. */
  async follow(mirror: Mirror, guest: Guest | undefined, size: number): Promise<void> {
    const { resumedBytes } = mirror;
    if (resumedBytes !== undefined && !this.#options.json) {
      this.#io.err(resumedSentence(resumedBytes, size));
    }
    await Promise.all([this.#followEvents(mirror), this.#followProgress(mirror, guest)]);
  }

  /** The mirror is over, and so is what the guest did. */
  ended({ outcome, guest, resumedBytes, isKept }: RunEnd): void {
    const { source, target } = this.#options;
    this.#ended = {
      source: printable(source),
      target: printable(target),
      outcome,
      offset: this.#offset,
      tookMs: this.#elapsedMs(),
      readyMs: this.#readyMs,
      guest,
      resumedBytes,
      isKept,
      verdict: undefined,
    };
  }

  /** What came of it all. */
  summarise(verdict: Verdict | undefined): void {
    if (!this.#ended) return;
    const summary = { ...this.#ended, verdict };
    if (this.#options.json) this.#write('MIRROR_SUMMARY', summaryFacts(summary));
    else for (const line of summarySentences(summary)) this.#io.out(line);
  }

  /** What was done before an error, of which whoever catches it tells people. */
  fail({ message }: Error): void {
    if (this.#options.json) {
      const facts = this.#ended ? summaryFacts(this.#ended) : { status: 'failed' };
      this.#write('MIRROR_SUMMARY', { ...facts, error: message });
    } else {
      this.summarise(undefined);
    }
  }

  async #followEvents(mirror: Mirror): Promise<void> {
    const { json, retryMs } = this.#options;
    const pauses = new PauseTeller(retryMs);
    for await (const event of mirror.events()) {
      if (json) this.#io.out(stampedLine(event));
      if (event.event === 'BLOCK_JOB_READY') this.#readyMs = this.#elapsedMs();
      if (json) continue;
      if (event.event === 'BLOCK_JOB_READY') {
        this.#io.err(readySentence(event, this.#elapsedMs()));
      } else if (event.event === 'JOB_STATUS_CHANGE') {
        const sentence = pauses.tell(event, this.#elapsedMs());
        if (sentence !== undefined) this.#io.err(printable(sentence));
      }
    }
  }

  async #followProgress(mirror: Mirror, guest: Guest | undefined): Promise<void> {
    const { json } = this.#options;
    const onTerminal = !json && this.#io.columns !== undefined;
    // The job's first events come first.
    await this.#io.env.clock.turn();
    for await (const progress of mirror.watch({ everyMs: onTerminal ? DRAW_MS : LINE_MS })) {
      this.#offset = progress.offset;
      const statistics = guest?.statistics();
      if (json) this.#write('MIRROR_PROGRESS', progressFacts(progress, statistics));
      else this.#showProgress(progress, statistics);
    }
    this.#io.show([]);
  }

  #showProgress(progress: MirrorProgress, guest: GuestStatistics | undefined): void {
    const rate = guest && { iops: guest.requestsPerSecond, p99Ms: guest.latency.p99Ms };
    const { columns } = this.#io;
    if (columns !== undefined) {
      this.#io.show(flow(progressParts(progress, rate, columns - 1), columns));
    } else if (this.#options.showProgress) {
      this.#io.err(progressLine(progress, rate));
    }
  }

  #elapsedMs(): number {
    return this.#io.env.clock.nowMs() - this.#startMs;
  }

  #write(event: string, data: object): void {
    this.#io.out(eventLine(this.#io.env, event, data));
  }
}

type ReadyEvent = MachineEvent & { readonly event: 'BLOCK_JOB_READY' };

function readySentence({ data: { offset } }: ReadyEvent, ms: number): string {
  const rate = offset > 0 && ms > 0 ? `, ${formatSize((offset / ms) * 1000)}/s` : '';
  const copied = `${formatSize(offset)} copied${rate}`;
  return `READY: source and target have met after ${formatDuration(ms)} (${copied})`;
}

function resumedSentence(bytes: number, size: number): string {
  return `resumed: ${formatSize(bytes)} of ${formatSize(size)} may differ`;
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
    outlook: progress.outlook,
    'actively-synced': progress.activelySynced,
    ...(guest ? { guest: guestFacts(guest) } : {}),
  };
}
