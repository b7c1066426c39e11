/** What `mirrordisk serve` says: where the disk is, who uses it, and how its mirror does. */

import { formatDuration, formatSize } from '../base/units.ts';
import type { NbdExportStatistics } from '../exports/nbd/statistics.ts';
import type { Disk } from '../machine/disk.ts';
import type { Mirror, MirrorOutcome } from '../machine/mirror.ts';
import type { ServedDisk } from '../machine/served-disk.ts';
import { sleepUntil } from '../sync/alarm.ts';
import type { CommandIo } from './command.ts';
import { eventLine } from './json-lines.ts';
import { MirrorReport } from './mirror-report.ts';
import type { MirrorTask } from './mirror-steering.ts';
import { clientCommands } from './serve-commands.ts';
import { counted, printable } from './words.ts';

/** How often what clients do is counted, in milliseconds. */
const COUNT_MS = 1000;

export interface ServeReportOptions {
  readonly image: string;
  readonly exportName: string;
  readonly tls: object | undefined;
  /** Draw nothing over what this writes. */
  readonly command: string | undefined;
  readonly mirror: MirrorTask | undefined;
  readonly json: boolean;
  /** Write progress as lines where there is no terminal. */
  readonly showProgress: boolean;
}

interface Subjects {
  readonly disk: Disk;
  readonly served: ServedDisk;
}

export class ServeReport {
  readonly #options: ServeReportOptions;
  readonly #subjects: Subjects;
  readonly #io: CommandIo;
  readonly #mirrorReport: MirrorReport | undefined;
  readonly #startMs: number;
  /** What is drawn on a terminal: of the clients, and of the mirror below that. */
  #clients = '';
  #mirror: readonly string[] = [];

  constructor(options: ServeReportOptions, subjects: Subjects, io: CommandIo) {
    this.#options = options;
    this.#subjects = subjects;
    this.#io = io;
    this.#startMs = io.env.clock.nowMs();
    const { mirror, json, showProgress } = options;
    this.#mirrorReport = mirror && new MirrorReport({ ...mirror, json, showProgress }, this.#below);
  }

  /** Clients can come. */
  started(): void {
    const { json, exportName, tls } = this.#options;
    const { disk, served } = this.#subjects;
    const { uri, address } = served;
    if (json) {
      this.#write('SERVING', { uri, address, export: exportName, size: disk.size });
      return;
    }
    this.#io.out(`serving ${printable(this.#options.image)} (${formatSize(disk.size)}) at ${uri}`);
    for (const line of clientCommands({ uri, address, exportName, isSecure: tls !== undefined })) {
      this.#io.out(`  ${line}`);
    }
  }

  /** Tells what clients do until the disk is served no more. */
  async watch(): Promise<void> {
    const { clock } = this.#io.env;
    const { served } = this.#subjects;
    let isOver = false;
    const over = served.closed.then(() => {
      isOver = true;
    });
    let before = served.statistics();
    while (!isOver) {
      const startMs = clock.nowMs();
      await sleepUntil(clock, COUNT_MS, over);
      const now = served.statistics();
      this.#tell(now, rateOf(before, now, clock.nowMs() - startMs));
      before = now;
    }
    this.#clients = '';
    this.#draw();
  }

  /** Tells of the mirror until it is over. */
  async follow(mirror: Mirror): Promise<void> {
    await this.#mirrorReport?.follow(mirror, undefined, this.#subjects.disk.size);
  }

  /** The mirror is over. */
  mirrored({ resumedBytes, isKept }: Mirror, outcome: MirrorOutcome): void {
    this.#mirrorReport?.ended({ outcome, guest: undefined, resumedBytes, isKept });
    if (outcome.status === 'failed') {
      this.#mirrorReport?.fail(outcome.error);
      if (!this.#options.json) this.#io.err(`FAILED: ${printable(outcome.error.message)}`);
    } else {
      this.#mirrorReport?.summarise('unasked');
    }
  }

  /** The disk is served no more. */
  summarise(): void {
    const statistics = this.#subjects.served.statistics();
    const tookMs = this.#io.env.clock.nowMs() - this.#startMs;
    if (this.#options.json) {
      this.#write('SERVE_SUMMARY', { seconds: tookMs / 1000, ...statistics });
      return;
    }
    const { connectionsTotal, read, write } = statistics;
    const errors = errorsOf(statistics);
    const done = [
      counted(connectionsTotal, 'connection'),
      `${formatSize(read.bytes)} read`,
      `${formatSize(write.bytes)} written`,
      ...(errors > 0 ? [`${counted(errors, 'request')} failed`] : []),
    ];
    this.#io.out(`served for ${formatDuration(tookMs)}: ${done.join(', ')}`);
  }

  #tell(statistics: NbdExportStatistics, rate: Rate): void {
    if (this.#options.json) {
      this.#write('SERVE_PROGRESS', { ...statistics, ...rate });
      return;
    }
    const { connections } = statistics;
    const errors = errorsOf(statistics);
    this.#clients = [
      counted(connections, 'client').padEnd(10),
      `${rate.iops} IOPS`.padEnd(12),
      `${formatSize(rate.read)}/s read`.padEnd(18),
      `${formatSize(rate.written)}/s written`.padEnd(21),
      ...(errors > 0 ? [`${errors} failed`] : []),
    ].join('  ');
    this.#draw();
    if (this.#io.columns !== undefined || !this.#options.showProgress) return;
    this.#io.err(this.#clients.replaceAll(/ {2,}/g, ' | ').trimEnd());
  }

  /** The mirror's report draws below the line of the clients. */
  get #below(): CommandIo {
    const io = this.#io;
    return {
      env: io.env,
      out: (line) => io.out(line),
      err: (line) => io.err(line),
      get columns() {
        return io.columns;
      },
      show: (lines) => {
        this.#mirror = lines;
        this.#draw();
      },
      onInterrupt: (handler) => io.onInterrupt(handler),
      onExit: (clean) => io.onExit(clean),
      readLines: (options) => io.readLines(options),
    };
  }

  #draw(): void {
    if (this.#options.command !== undefined || this.#options.json) return;
    this.#io.show([this.#clients, ...this.#mirror].filter((line) => line !== ''));
  }

  #write(event: string, data: object): void {
    this.#io.out(eventLine(this.#io.env, event, data));
  }
}

/** What clients do, a second. */
interface Rate {
  readonly iops: number;
  /** Bytes. */
  readonly read: number;
  readonly written: number;
}

function rateOf(before: NbdExportStatistics, now: NbdExportStatistics, ms: number): Rate {
  const perSecond = (count: number) => (ms > 0 ? Math.round((count / ms) * 1000) : 0);
  return {
    iops: perSecond(requestsOf(now) - requestsOf(before)),
    read: perSecond(now.read.bytes - before.read.bytes),
    written: perSecond(now.write.bytes - before.write.bytes),
  };
}

function commandsOf({ read, write, flush, trim, writeZeroes }: NbdExportStatistics) {
  return [read, write, flush, trim, writeZeroes];
}

function requestsOf(statistics: NbdExportStatistics): number {
  return commandsOf(statistics).reduce((sum, { requests }) => sum + requests, 0);
}

function errorsOf(statistics: NbdExportStatistics): number {
  return commandsOf(statistics).reduce((sum, { errors }) => sum + errors, 0);
}
