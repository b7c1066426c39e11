/**
 * Runs a scenario over and over: through every schedule, or through as many by chance as one likes.
 *
 * An exhaustive search that hits its bound has proved nothing and says so: it varies the last
 * choices only, and a fault that needs an early one to be different would pass unseen.
 */

import type { Chooser } from './chooser.ts';
import { RecordingGuide } from './chooser.ts';
import { ExhaustiveGuide, LookalikesError } from './choosers/exhaustive.ts';
import type { StateKind } from './fingerprint.ts';
import type { Violation } from './oracle/violation.ts';
import type { Scenario } from './scenario.ts';
import { type RunResult, World, type WorldOptions } from './world.ts';

/** What is pruned: nothing, what certainly leads to nothing new, or what visibly does. */
export type Pruning = 'none' | StateKind;

type RunOptions = Omit<WorldOptions, 'guide' | 'state'>;

export interface ExploreOptions extends RunOptions {
  /** @default 'exact' */
  readonly pruning?: Pruning;
  /** Runs at most. */
  readonly executionsMax: number;
  /** Told now and then how far it is. */
  readonly onProgress?: (report: ExplorationReport) => void;
  /** Tells the time in milliseconds, for the report; without it a search takes no time. */
  readonly nowMs?: () => number;
}

/** A run that went wrong, with what repeats it. */
export interface Failure {
  readonly scenario: Scenario;
  readonly schedule: readonly number[];
  readonly violation: Violation;
}

export interface ExplorationReport {
  /**
   * `proved`: every schedule was run or is equivalent to one that was. `bounded`: the search ended
   * before, and nothing is proved. `violated`: a run went wrong.
   */
  readonly verdict: 'proved' | 'bounded' | 'violated';
  /** What was pruned in the end. */
  readonly pruning: Pruning;
  readonly executions: number;
  /** Different states, where known ones are looked for; else points of runs. */
  readonly states: number;
  /** Runs that were cut short because nothing new was left. */
  readonly pruned: number;
  readonly depthMax: number;
  readonly steps: number;
  readonly seconds: number;
  /** What runs came to, each once: see {@link RunResult.outcome}. */
  readonly outcomes: ReadonlySet<number>;
  readonly failure?: Failure;
}

/** How many runs there are between two reports of progress. */
const RUNS_PER_REPORT = 100;

/**
 * Runs every schedule of a scenario, up to the first violation.
 *
 * Where it turns out that looks deceive, it begins anew and tells apart all that may differ.
 */
export async function explore(
  scenario: Scenario,
  options: ExploreOptions,
): Promise<ExplorationReport> {
  try {
    return await exploreOnce(scenario, options);
  } catch (error) {
    if (options.pruning !== 'visible' || !(error instanceof LookalikesError)) throw error;
    return exploreOnce(scenario, { ...options, pruning: 'exact' });
  }
}

async function exploreOnce(
  scenario: Scenario,
  options: ExploreOptions,
): Promise<ExplorationReport> {
  const { pruning = 'exact', executionsMax, onProgress, nowMs = () => 0, ...rest } = options;
  const guide = new ExhaustiveGuide({
    knownStates: pruning !== 'none',
    sleepSets: pruning !== 'none',
  });
  const run: WorldOptions = { ...rest, guide, state: pruning === 'visible' ? 'visible' : 'exact' };
  const outcomes = new Set<number>();
  const startMs = nowMs();
  let [executions, steps] = [0, 0];
  const report = (
    verdict: ExplorationReport['verdict'],
    violation?: Violation,
  ): ExplorationReport => ({
    verdict,
    pruning,
    executions,
    states: guide.states,
    pruned: guide.pruned,
    depthMax: guide.depthMax,
    steps,
    seconds: (nowMs() - startMs) / 1000,
    outcomes,
    ...(violation && { failure: { scenario, schedule: guide.schedule, violation } }),
  });
  while (guide.begin()) {
    if (executions >= executionsMax) return report('bounded');
    executions += 1;
    const result = await new World(scenario, run).run();
    steps += result.steps;
    if (result.violation) return report('violated', result.violation);
    if (result.end === 'over') outcomes.add(result.outcome);
    if (executions % RUNS_PER_REPORT === 0) onProgress?.(report('bounded'));
  }
  return report('proved');
}

export interface SearchOptions extends RunOptions {
  /** Makes the chooser of one run. */
  readonly chooserOf: (seed: number) => Chooser;
  readonly firstSeed: number;
  /** Runs at most. */
  readonly count: number;
}

/** What a search by chance has come to; it proves nothing, and finds what is not rare. */
export interface SearchReport {
  readonly executions: number;
  readonly steps: number;
  readonly outcomes: ReadonlySet<number>;
  readonly failure?: Failure & { readonly seed: number };
}

/** Runs a scenario under choosers that seeds make, up to the first violation. */
export async function search(scenario: Scenario, options: SearchOptions): Promise<SearchReport> {
  const { chooserOf, firstSeed, count, ...run } = options;
  const outcomes = new Set<number>();
  let steps = 0;
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const { violation, schedule, ...result } = await runOnce(scenario, chooserOf(seed), run);
    steps += result.steps;
    const executions = seed - firstSeed + 1;
    if (violation) {
      return { executions, steps, outcomes, failure: { seed, scenario, schedule, violation } };
    }
    outcomes.add(result.outcome);
  }
  return { executions: count, steps, outcomes };
}

/** One run under a chooser. */
export interface LedRun extends RunResult {
  readonly schedule: readonly number[];
  /** The keys of the moves that were chosen. */
  readonly moves: readonly string[];
}

/** Runs a scenario once. */
export async function runOnce(
  scenario: Scenario,
  chooser: Chooser,
  options: RunOptions,
): Promise<LedRun> {
  const guide = new RecordingGuide(chooser);
  const world = new World(scenario, { guide, ...options });
  const { end, violation, steps, outcome } = await world.run();
  const moves = guide.choices.map(({ move }) => move);
  return { end, violation, steps, outcome, schedule: guide.schedule, moves };
}
