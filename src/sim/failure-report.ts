/** All that a person needs of a failing run: the smallest one like it as a table, and its seed. */

import { lenientReplay } from './choosers/replay.ts';
import { type Failure, runOnce } from './explorer.ts';
import { type MinimiseOptions, minimise } from './minimise.ts';
import { writeSeed } from './seed-file.ts';
import { drawTimeline } from './timeline.ts';
import { Trace } from './trace.ts';

/** @returns Text: the timeline, and the JSON of a seed file that replays it. */
export async function reportFailure(failure: Failure, options: MinimiseOptions): Promise<string> {
  const minimal = await minimise(failure, options);
  const { runsMax: _runs, chances: _chances, ...run } = options;
  const trace = new Trace();
  const chooser = lenientReplay(minimal.schedule);
  const { violation, schedule, moves } = await runOnce(minimal.scenario, chooser, {
    ...run,
    trace,
  });
  const { invariant } = violation ?? minimal.violation;
  const { scenario } = minimal;
  const seed = { title: `${scenario.name} breaks: ${invariant}`, found: invariant, scenario };
  const table = drawTimeline(trace, violation);
  const short = `schedule: ${minimal.schedule.join(' ')}`;
  return [table, short, writeSeed({ ...seed, schedule, moves })].join('\n\n');
}
