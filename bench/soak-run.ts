/**
 * A run of the soak: round after round, each watched for how long it takes and what it leaves.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Counts } from './soak-counts.ts';
import { CrashRound } from './soak-crash.ts';
import { FilesRound } from './soak-files.ts';
import {
  countOpenings,
  leaksSince,
  type Memory,
  measureMemory,
  RESIDENT_GROWTH_MAX,
  USED_GROWTH_MAX,
} from './soak-leaks.ts';
import { MemoryRound } from './soak-memory.ts';
import { drawPlan, type RoundKind, type RoundPlan } from './soak-plan.ts';
import { finalLines, progressLine } from './soak-report.ts';

/** A round that takes longer has hung, in milliseconds. */
const ROUND_MAX_MS = 90_000;
/** When memory is first measured: by then everything has been used once. */
const WARM_UP_MS = 60_000;

/** What was asked for. */
export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly round: number | undefined;
  readonly kind: RoundKind | undefined;
  readonly json: boolean;
}

/** What takes place, and can be asked about itself. */
interface Round {
  run(): Promise<void>;
  describe(): string;
}

/** Runs rounds until the time is over. */
export class Soak {
  readonly #options: SoakOptions;
  readonly #counts = new Counts();
  readonly #startMs = performance.now();
  #plan: RoundPlan | undefined;
  #warm: Memory | undefined;

  constructor(options: SoakOptions) {
    this.#options = options;
  }

  /** @returns The exit code. */
  async run(): Promise<number> {
    const { seed, seconds, round: only } = this.#options;
    this.#say(`seed ${seed}, ${only === undefined ? `${seconds} seconds` : `round ${only}`}`);
    // The first process that is started leaves something open for good.
    const stdio = ['ignore', 'ignore', 'pipe', 'ipc'] as const;
    const first = spawn(process.execPath, ['-e', 'process.disconnect()'], { stdio: [...stdio] });
    await once(first, 'close');
    const endMs = this.#startMs + seconds * 1000;
    const warmMs = this.#startMs + Math.min(WARM_UP_MS, (seconds * 1000) / 3);
    for (let round = only ?? 1; ; round += 1) {
      await this.#round(round);
      if (only !== undefined || performance.now() >= endMs) break;
      if (!this.#warm && performance.now() >= warmMs) this.#warm = await measureMemory();
    }
    const memory = await measureMemory();
    this.#judgeMemory(memory);
    this.#showProgress();
    this.#tell(memory);
    return this.#counts.found.violations > 0 ? 1 : 0;
  }

  /** Ends the run with what cannot be gone on after. */
  die(message: string): void {
    this.#counts.violate(message);
    const { heapUsed, external, rss } = process.memoryUsage();
    this.#tell({ used: heapUsed + external, resident: rss });
    process.exit(1);
  }

  async #round(round: number): Promise<void> {
    const counts = this.#counts;
    const plan = drawPlan({ ...this.#options, round });
    this.#plan = plan;
    counts.round = round;
    const { violations: before } = counts.found;
    const running = roundOf(plan, counts);
    const watchdog = setTimeout(() => {
      this.#showPlan();
      this.die(`it did not end within ${ROUND_MAX_MS / 1000} s: ${running.describe()}`);
    }, ROUND_MAX_MS);
    // After the watchdog, which is none of what the round leaves behind.
    const openings = countOpenings();
    try {
      await running.run();
    } catch (error) {
      counts.violate(`it threw ${stackOf(error)}; ${running.describe()}`);
    }
    counts.rounds[plan.kind] += 1;
    const leaks = await leaksSince(openings);
    clearTimeout(watchdog);
    if (leaks !== undefined) {
      counts.found.leaks += 1;
      counts.violate(`there is left: ${leaks}`);
    }
    if (counts.found.violations > before) this.#showPlan();
    this.#showProgress();
  }

  #judgeMemory(memory: Memory): void {
    const warm = this.#warm;
    if (!warm) return;
    const used = memory.used - warm.used;
    const resident = memory.resident - warm.resident;
    if (used <= USED_GROWTH_MAX && resident <= RESIDENT_GROWTH_MAX) return;
    this.#counts.found.leaks += 1;
    this.#counts.violate(`memory has grown: ${used} bytes used, ${resident} resident`);
  }

  /** What a round was to do, of one that went wrong. */
  #showPlan(): void {
    const { seed, kind } = this.#options;
    const { round } = this.#counts;
    const only = kind === undefined ? '' : ` --kind ${kind}`;
    console.error(
      `\nround ${round} went wrong; npm run soak -- --seed ${seed} --round ${round}${only}`,
    );
    for (const { message } of this.#counts.violations.filter((each) => each.round === round)) {
      console.error(`  ${message}`);
    }
    console.error(`  its plan: ${JSON.stringify(this.#plan)}`);
  }

  #showProgress(): void {
    if (!process.stderr.isTTY || this.#options.json) return;
    const seconds = (performance.now() - this.#startMs) / 1000;
    process.stderr.write(`\r\u001b[K${progressLine(this.#counts, seconds)}`);
  }

  #tell(memory: Memory): void {
    const { seed, json } = this.#options;
    const seconds = (performance.now() - this.#startMs) / 1000;
    const { violations, summary } = this.#counts;
    const bounds = { used: USED_GROWTH_MAX, resident: RESIDENT_GROWTH_MAX };
    const report = { seed, seconds, ...summary, memory: { warm: this.#warm, end: memory, bounds } };
    if (json) console.log(JSON.stringify({ ...report, violations }));
    else for (const line of finalLines(this.#counts, report)) console.log(line);
  }

  #say(line: string): void {
    if (!this.#options.json) console.log(line);
  }
}

function roundOf(plan: RoundPlan, counts: Counts): Round {
  switch (plan.kind) {
    case 'memory':
      return new MemoryRound(plan, counts);
    case 'files':
      return new FilesRound(plan, counts);
    case 'crash':
      return new CrashRound(plan, counts);
  }
}

/** What is known of something thrown. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
