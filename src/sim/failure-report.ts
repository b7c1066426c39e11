/** All that a person needs of a failing run: the smallest one like it as a table, and its seed. */

import { lenientReplay } from './choosers/replay.ts';
import { type Failure, runOnce } from './explorer.ts';
import { type MinimiseOptions, minimise } from './minimise.ts';
import type { Violation } from './oracle/violation.ts';
import { type Seed, writeSeed } from './seed-file.ts';
import { drawTimeline } from './timeline.ts';
import { Trace } from './trace.ts';

/** A failing run with all that can be told of it. */
export interface TracedFailure {
  /** What replays it. */
  readonly seed: Seed;
  readonly violation: Violation;
  readonly trace: Trace;
}

/** @returns The smallest failure like this one that was found, and what happened in it. */
export async function shrinkFailure(
  failure: Failure,
  options: MinimiseOptions,
): Promise<TracedFailure> {
  return traceFailure(await minimise(failure, options), options);
}

/** Runs a failure once more, and writes down what happens. */
export async function traceFailure(
  failure: Failure,
  options: MinimiseOptions,
): Promise<TracedFailure> {
  const { runsMax: _runs, chances: _chances, ...run } = options;
  const { scenario } = failure;
  const trace = new Trace();
  const chooser = lenientReplay(failure.schedule);
  const { violation, schedule, moves } = await runOnce(scenario, chooser, { ...run, trace });
  const { invariant } = violation ?? failure.violation;
  const title = `${scenario.name} breaks: ${invariant}`;
  const seed: Seed = { title, found: invariant, scenario, schedule, moves };
  return { seed, violation: violation ?? failure.violation, trace };
}

/** @returns Text: the timeline, how to replay it, and the JSON of a seed file that does. */
export async function reportFailure(failure: Failure, options: MinimiseOptions): Promise<string> {
  const { seed, violation, trace } = await shrinkFailure(failure, options);
  const table = drawTimeline(trace, violation);
  const short = `schedule: ${seed.schedule.join(' ')}`;
  const command = 'to replay it, save this as seed.json, and run: mirrordisk replay seed.json';
  return [table, short, command, writeSeed(seed)].join('\n\n');
}
