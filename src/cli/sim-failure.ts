/** What is told of a failing run: it is made short, drawn, kept as a seed and made a page. */

import type { Failure } from '../sim/explorer.ts';
import { shrinkFailure, type TracedFailure, traceFailure } from '../sim/failure-report.ts';
import { drawTimeline } from '../sim/timeline.ts';
import type { CommandIo } from './command.ts';
import { Interrupted, type Interrupts } from './interrupts.ts';
import {
  draw,
  keepSeed,
  type OutputWishes,
  replayCommand,
  tableWidth,
  tellJson,
  tellTrouble,
} from './sim-output.ts';
import type { WorldParts } from './sim-work.ts';
import { counted } from './words.ts';

export interface FailureWishes extends OutputWishes {
  /** Where the seed goes. @default A name that was free. */
  readonly seedFile?: string | undefined;
}

export interface FailureTools {
  readonly io: CommandIo;
  readonly interrupts: Interrupts;
  readonly world: WorldParts;
}

/** Tells everything about a failing run; Ctrl-C makes it as it was found, and not shorter. */
export async function tellFailure(
  failure: Failure,
  wishes: FailureWishes,
  tools: FailureTools,
): Promise<void> {
  const { io } = tools;
  const traced = await shrinkUnlessInterrupted(failure, tools);
  io.show([]);
  const { seed, violation, trace } = traced;
  const path = await keepSeed(seed, wishes.seedFile).catch((error: unknown) => {
    tellTrouble(io, error);
    return undefined;
  });
  const command = replayCommand(path ?? 'seed.json');
  if (wishes.json) {
    const { scenario, schedule, moves } = seed;
    const facts = { scenario, schedule, moves, seedFile: path, replay: command };
    tellJson(io, 'SIMULATION_FAILURE', { ...violation, ...facts });
  } else {
    io.out('');
    io.out(drawTimeline(trace, violation, { width: tableWidth(io) }));
    io.out(`it takes ${counted(seed.schedule.length, 'choice')}: ${seed.schedule.join(' ')}`);
    if (path !== undefined) io.out(`kept as ${path}; to see it again: ${command}`);
  }
  try {
    const written = await draw({ seed, trace, violation, command }, wishes);
    if (!wishes.json) for (const name of written) io.out(`drawn in ${name}`);
  } catch (error) {
    tellTrouble(io, error);
  }
}

async function shrinkUnlessInterrupted(
  failure: Failure,
  { io, interrupts, world }: FailureTools,
): Promise<TracedFailure> {
  const check = interrupts.guard('the failing run is told of as it is');
  io.show(['making the failing run short']);
  const settle = () => io.env.clock.turn();
  const guarded = async () => {
    check();
    await settle();
  };
  try {
    return await shrinkFailure(failure, { ...world, settle: guarded });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return traceFailure(failure, { ...world, settle });
  }
}
