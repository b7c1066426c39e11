/** What one thread does of an exploration or a swarm, and what it comes to: values all of them. */

import { type ExplorationReport, explore, type Failure, type Pruning } from '../sim/explorer.ts';
import type { Scenario } from '../sim/scenario.ts';
import { swarm } from '../sim/swarm.ts';
import type { Settle, WorldOptions } from '../sim/world.ts';

/** What may be different about worlds, for tests of what finds their faults. */
export type WorldParts = Pick<WorldOptions, 'wrap' | 'onMachine'>;

/** What work is given beside its task. */
export interface WorkTools<Result> {
  readonly settle: Settle;
  readonly nowMs: () => number;
  readonly world: WorldParts;
  /** Whether it is to end with what it has come to. */
  readonly isStopped: () => boolean;
  readonly onProgress: (result: Result) => void;
}

export type Work<Task, Result> = (task: Task, tools: WorkTools<Result>) => Promise<Result>;

/** To search one world. */
export interface ExploreTask {
  readonly scenario: Scenario;
  readonly pruning: Pruning;
  /** Runs at most. */
  readonly executionsMax: number;
}

export interface ExploreResult extends Omit<ExplorationReport, 'outcomes'> {
  readonly world: string;
  /** How many different ones there were. */
  readonly outcomes: number;
}

/** Carries what a search that was stopped had come to out of it. */
class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly report: ExplorationReport;

  constructor(report: ExplorationReport) {
    super('The search was stopped');
    this.report = report;
  }
}

/** Searches a world: to its end, to a violation, to its bound, or until it is stopped. */
export const exploreWork: Work<ExploreTask, ExploreResult> = async (task, tools) => {
  const { scenario, pruning, executionsMax } = task;
  const resultOf = ({ outcomes, ...rest }: ExplorationReport): ExploreResult => {
    return { ...rest, world: scenario.name, outcomes: outcomes.size };
  };
  const onProgress = (report: ExplorationReport) => {
    if (tools.isStopped()) throw new Stopped(report);
    tools.onProgress(resultOf(report));
  };
  const { settle, nowMs, world } = tools;
  try {
    const options = { ...world, settle, nowMs, pruning, executionsMax, onProgress };
    return resultOf(await explore(scenario, options));
  } catch (error) {
    if (error instanceof Stopped) return resultOf(error.report);
    throw error;
  }
};

/** To run the worlds of some seeds. */
export interface SwarmTask {
  readonly firstSeed: number;
  readonly count: number;
}

export interface SwarmResult {
  readonly worlds: number;
  readonly steps: number;
  /** How many runs ended how. */
  readonly ends: Readonly<Record<string, number>>;
  readonly failure?: Failure & { readonly seed: number };
}

/** Runs a world for each seed, up to the first violation. */
export const swarmWork: Work<SwarmTask, SwarmResult> = async (task, { settle, world }) => {
  const { worlds, steps, ends, failure } = await swarm({ ...world, ...task, settle });
  return { worlds, steps, ends, ...(failure && { failure }) };
};

/** What a thread can be asked for, by name. */
export const WORKS = { explore: exploreWork, swarm: swarmWork } as const;

export type WorkName = keyof typeof WORKS;
export type TaskOf<Name extends WorkName> = Parameters<(typeof WORKS)[Name]>[0];
export type ResultOf<Name extends WorkName> = Awaited<ReturnType<(typeof WORKS)[Name]>>;
