/** Runs an exploration: its worlds, one after the other or several at a time. */

import type { Failure, Pruning } from '../sim/explorer.ts';
import type { Scenario } from '../sim/scenario.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { ExploreReport } from './explore-report.ts';
import { Interrupts } from './interrupts.ts';
import { type FailureWishes, tellFailure } from './sim-failure.ts';
import { runSearch } from './sim-search.ts';
import type { WorldParts } from './sim-work.ts';

export interface ExplorePlan {
  /** What all worlds have in common, in a sentence. */
  readonly title: string;
  readonly worlds: readonly Scenario[];
  readonly pruning: Pruning;
  /** Of each world. */
  readonly executionsMax: number;
  /** How long it may take in all. @default As long as it takes. */
  readonly seconds?: number | undefined;
  readonly threads: number;
  readonly output: FailureWishes;
}

/**
 * Searches the worlds of a plan up to the first violation, in their order, and tells what it finds.
 *
 * @param world What is different about the worlds, as tests of this command have it.
 * @returns 0 when everything was searched, or all that the time allowed; 1 for a violation; 2 for a
 *   search that was to be whole, and is not.
 */
export async function runExplore(
  plan: ExplorePlan,
  io: CommandIo,
  world?: WorldParts,
): Promise<ExitCode> {
  const { title, worlds, pruning, executionsMax, seconds, output } = plan;
  // No more hands than there are worlds.
  const threads = Math.max(1, Math.min(plan.threads, worlds.length));
  const names = worlds.map(({ name }) => name);
  const { json } = output;
  const report = new ExploreReport({ worlds: names, title, threads, pruning, json }, io);
  const interrupts = new Interrupts(io);
  let failure: Failure | undefined;
  try {
    report.begin();
    const cut = await runSearch(
      {
        work: 'explore',
        threads,
        seconds,
        world,
        taskAt: (index) => {
          const scenario = worlds[index];
          return scenario && { scenario, pruning, executionsMax };
        },
        onResult: (result) => {
          failure ??= result.failure;
          report.tell(result);
        },
        onProgress: (underWay) => report.showProgress(underWay),
      },
      { io, interrupts },
    );
    report.end(cut);
    if (failure) await tellFailure(failure, output, { io, interrupts, world: world ?? {} });
    const { verdict } = report.total;
    if (verdict === 'violated') return 1;
    return verdict === 'proved' || cut === 'out of time' ? 0 : 2;
  } finally {
    interrupts.close();
  }
}
