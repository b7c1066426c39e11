/**
 * Runs what a seed file says once more, and tells how it went.
 *
 * The choices fit if each does what was written down. A run that once broke a rule ends there, so
 * where its fault is mended the choices end before the run does: then it goes on in the natural
 * way, and the question is whether it keeps every rule to its end.
 */

import type { Chooser } from '../sim/chooser.ts';
import { DivergenceError, lenientReplay } from '../sim/choosers/replay.ts';
import { type LedRun, runOnce } from '../sim/explorer.ts';
import { chooserOf, readSeed, type Seed } from '../sim/seed-file.ts';
import { drawTimeline } from '../sim/timeline.ts';
import { Trace } from '../sim/trace.ts';
import type { CommandIo, ExitCode } from './command.ts';
import {
  draw,
  type OutputWishes,
  readText,
  replayCommand,
  tableWidth,
  tellJson,
} from './sim-output.ts';
import type { WorldParts } from './sim-work.ts';
import { counted } from './words.ts';

export interface ReplayPlan {
  readonly file: string;
  /** Do what comes nearest where a choice does not fit. */
  readonly lenient: boolean;
  readonly output: OutputWishes;
}

/** How a replay went. */
interface Replayed {
  readonly run: LedRun | undefined;
  /** Where the choices did not fit, in a sentence. */
  readonly divergence: string | undefined;
}

/**
 * Replays a seed file.
 *
 * @param world What is different about the world, as tests of this command have it.
 * @returns 0 for a run that keeps every rule, 1 for one that does not, 2 for one that diverges.
 */
export async function runReplay(
  { file, lenient, output }: ReplayPlan,
  io: CommandIo,
  world: WorldParts = {},
): Promise<ExitCode> {
  const seed = readSeed(await readText(file));
  const trace = new Trace();
  const replayed = await replay(seed, { lenient, trace, io, world });
  const { run, divergence } = replayed;
  const violation = run?.violation;
  const command = replayCommand(file);
  const verdict = verdictOf(seed, replayed);
  if (output.json) {
    const { title, found } = seed;
    const facts = { title, found, end: run?.end ?? 'diverged', steps: run?.steps, violation };
    tellJson(io, 'REPLAY_SUMMARY', { ...facts, divergence, verdict, replay: command });
  } else {
    io.out(`${seed.title}\n`);
    io.out(drawTimeline(trace, violation, { width: tableWidth(io) }));
    io.out(`\n${verdict}`);
  }
  const parts = { seed, trace, violation, command, result: verdict };
  const written = await draw(parts, output);
  if (!output.json) for (const name of written) io.out(`drawn in ${name}`);
  if (divergence !== undefined) return 2;
  return violation ? 1 : 0;
}

interface ReplayTools {
  readonly lenient: boolean;
  readonly trace: Trace;
  readonly io: CommandIo;
  readonly world: WorldParts;
}

async function replay(seed: Seed, { lenient, trace, io, world }: ReplayTools): Promise<Replayed> {
  const settle = () => io.env.clock.turn();
  const fitted = lenient ? lenientReplay(seed.schedule) : chooserOf(seed);
  const { chooser, used } = goingOn(fitted, seed);
  try {
    const run = await runOnce(seed.scenario, chooser, { ...world, settle, trace });
    const left = seed.schedule.length - used();
    const isShort = left > 0 && !lenient;
    const early = `the run has ended ("${run.end}") with ${counted(left, 'choice')} left`;
    const divergence = isShort ? `Choice ${used()} diverges: ${early}` : undefined;
    return { run, divergence };
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    return { run: undefined, divergence: error.message };
  }
}

/** Behind the last choice of a run that broke a rule: goes on in the natural way. */
function goingOn(chooser: Chooser, { schedule, found }: Seed) {
  let used = 0;
  const mayGoOn = isBroken(found);
  const going: Chooser = {
    choose(count, moves) {
      used += 1;
      return used > schedule.length && mayGoOn ? 0 : chooser.choose(count, moves);
    },
  };
  return { chooser: going, used: () => used };
}

/** Whether it is a rule, and no end as it should be. */
function isBroken(found: string): boolean {
  return found !== 'over' && found !== 'power cut';
}

function verdictOf({ found }: Seed, { run, divergence }: Replayed): string {
  if (divergence !== undefined || !run) return `DIVERGED: ${divergence ?? ''}`;
  const { violation, end } = run;
  if (violation) {
    const other = isBroken(found) ? `it broke "${found}"` : 'it broke none';
    const before = violation.invariant === found ? 'it did so' : other;
    return `VIOLATED: "${violation.invariant}"; when this was written, ${before}`;
  }
  if (!isBroken(found)) return `FINE: no rule is broken, and the run ends: ${end}`;
  return `MENDED: no rule is broken; "${found}" was, when this was written`;
}
