/** What `mirrordisk explore` says: a row for each world, and what all of them come to. */

import { formatDuration } from '../base/units.ts';
import type { ExplorationReport, Pruning } from '../sim/explorer.ts';
import type { CommandIo } from './command.ts';
import { flow } from './live-lines.ts';
import { tellJson } from './sim-output.ts';
import type { Cut } from './sim-search.ts';
import type { ExploreResult } from './sim-work.ts';
import { timely } from './timely.ts';
import { counted } from './words.ts';

export interface ExploreReportOptions {
  readonly worlds: readonly string[];
  /** What all worlds have in common, in a sentence. */
  readonly title: string;
  readonly threads: number;
  readonly pruning: Pruning;
  readonly json: boolean;
}

/** What all worlds together have come to. */
export interface ExploreTotal {
  /** How many were searched, at least in part, and how many there are. */
  readonly worlds: number;
  readonly worldsInAll: number;
  readonly executions: number;
  readonly states: number;
  readonly pruned: number;
  readonly depthMax: number;
  readonly steps: number;
  readonly seconds: number;
  readonly verdict: ExplorationReport['verdict'];
}

const COUNTS = ['executions', 'states', 'pruned', 'depth', 'seconds'] as const;
const COUNT_LENGTH = 12;

export class ExploreReport {
  readonly #options: ExploreReportOptions;
  readonly #io: CommandIo;
  readonly #startMs: number;
  readonly #nameLength: number;
  readonly #show: (underWay: readonly ExploreResult[]) => void;
  readonly #results: ExploreResult[] = [];

  constructor(options: ExploreReportOptions, io: CommandIo) {
    this.#options = options;
    this.#io = io;
    this.#startMs = io.env.clock.nowMs();
    this.#nameLength = Math.max('world'.length, ...options.worlds.map(({ length }) => length));
    this.#show = timely(io.env.clock, (underWay) => io.show(this.#progress(underWay)));
  }

  begin(): void {
    const { title, json } = this.#options;
    if (json) return;
    this.#io.out(title);
    const counts = COUNTS.map((count) => count.padStart(COUNT_LENGTH)).join('');
    this.#io.out(`${'world'.padEnd(this.#nameLength)}${counts}  verdict`);
  }

  tell(result: ExploreResult): void {
    this.#results.push(result);
    const { failure: _, ...facts } = result;
    if (this.#options.json) tellJson(this.#io, 'EXPLORE_WORLD', facts);
    else this.#io.out(this.#row(result));
  }

  showProgress(underWay: readonly ExploreResult[]): void {
    this.#show(underWay);
  }

  get total(): ExploreTotal {
    const results = this.#results;
    const sum = (key: 'executions' | 'states' | 'pruned' | 'steps') =>
      results.reduce((before, result) => before + result[key], 0);
    const worldsInAll = this.#options.worlds.length;
    const isViolated = results.some(({ verdict }) => verdict === 'violated');
    const isProved =
      results.length === worldsInAll && results.every(({ verdict }) => verdict === 'proved');
    return {
      worlds: results.length,
      worldsInAll,
      executions: sum('executions'),
      states: sum('states'),
      pruned: sum('pruned'),
      depthMax: Math.max(0, ...results.map(({ depthMax }) => depthMax)),
      steps: sum('steps'),
      seconds: (this.#io.env.clock.nowMs() - this.#startMs) / 1000,
      verdict: isViolated ? 'violated' : isProved ? 'proved' : 'bounded',
    };
  }

  end(cut: Cut | undefined): void {
    const { total } = this;
    const { threads, pruning, json } = this.#options;
    if (json) {
      tellJson(this.#io, 'EXPLORE_SUMMARY', { ...total, pruning, threads, ...(cut && { cut }) });
      return;
    }
    const { worlds, worldsInAll, executions, states, pruned, depthMax, seconds } = total;
    const share = worlds === worldsInAll ? '' : ` of ${worldsInAll}`;
    const effort = [
      `${worlds}${share} ${worldsInAll === 1 ? 'world' : 'worlds'}`,
      counted(executions, 'execution'),
      counted(states, 'state'),
      `${pruned} pruned`,
      `depth ${depthMax}`,
      `${formatDuration(seconds * 1000)} by ${counted(threads, 'thread')}`,
    ];
    this.#io.out(effort.join(', '));
    this.#io.out(this.#sentence(total, cut));
  }

  #sentence({ verdict, worlds, worldsInAll }: ExploreTotal, cut: Cut | undefined): string {
    if (verdict === 'proved') return `PROVED: every schedule keeps every promise${this.#caveat}`;
    if (verdict === 'violated') return 'VIOLATED: the first run that was found is told below';
    const isShort = this.#results.filter((result) => result.verdict === 'bounded').length;
    const why = {
      interrupted: 'it was interrupted',
      'out of time': 'its time was up',
      bound: 'its bound was hit',
    }[cut ?? 'bound'];
    const left = isShort + worldsInAll - worlds;
    const rest = `${counted(left, 'world')} not searched whole`;
    return `NOT PROVED: nothing was found, but ${why} with ${rest}`;
  }

  /** What a proof rests on. */
  get #caveat(): string {
    const { pruning } = this.#options;
    if (pruning !== 'visible') return '';
    return ', if states that look the same are the same';
  }

  #row({ world, executions, states, pruned, depthMax, seconds, verdict }: ExploreResult): string {
    const counts = [executions, states, pruned, depthMax, seconds.toFixed(1)];
    const texts = counts.map((count) => String(count).padStart(COUNT_LENGTH)).join('');
    return `${world.padEnd(this.#nameLength)}${texts}  ${verdict}`;
  }

  #progress(underWay: readonly ExploreResult[]): readonly string[] {
    const { worlds } = this.#options;
    const all = [...this.#results, ...underWay];
    const executions = all.reduce((sum, result) => sum + result.executions, 0);
    const seconds = (this.#io.env.clock.nowMs() - this.#startMs) / 1000;
    const parts = [
      `exploring: ${this.#results.length} of ${worlds.length} worlds`,
      counted(executions, 'execution'),
      `${Math.round(executions / seconds)}/s`,
      ...underWay.map(({ world, executions: now }) => `${world}: ${now}`),
    ];
    return flow(parts, this.#io.columns ?? Infinity);
  }
}
