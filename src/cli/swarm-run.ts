/** Runs a swarm: one world for each seed, in pieces that several threads share. */

import { formatDuration } from '../base/units.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { Interrupts } from './interrupts.ts';
import { flow } from './live-lines.ts';
import { type FailureWishes, tellFailure } from './sim-failure.ts';
import { tellJson } from './sim-output.ts';
import { type Cut, runSearch } from './sim-search.ts';
import type { SwarmResult, WorldParts } from './sim-work.ts';
import { timely } from './timely.ts';
import { counted } from './words.ts';

/** How many worlds a thread does in one go: some hundredths of a second. */
const PIECE = 20;

export interface SwarmPlan {
  readonly firstSeed: number;
  /** How many worlds. @default As many as the time allows. */
  readonly count?: number | undefined;
  /** How long it may take. @default As long as it takes. */
  readonly seconds?: number | undefined;
  readonly threads: number;
  readonly output: FailureWishes;
}

/** What all worlds together have come to. */
interface Total {
  worlds: number;
  steps: number;
  readonly ends: Record<string, number>;
  failure: SwarmResult['failure'];
}

/**
 * Runs worlds up to the first violation, in the order of their seeds, and tells what it finds.
 *
 * @param world What is different about the worlds, as tests of this command have it.
 * @returns 0 when nothing was found, 1 for a violation, 2 when it was interrupted before.
 */
export async function runSwarm(
  plan: SwarmPlan,
  io: CommandIo,
  world?: WorldParts,
): Promise<ExitCode> {
  const { firstSeed, count = Infinity, seconds, threads, output } = plan;
  const startMs = io.env.clock.nowMs();
  const total: Total = { worlds: 0, steps: 0, ends: {}, failure: undefined };
  const spentMs = () => io.env.clock.nowMs() - startMs;
  const show = timely(io.env.clock, () => io.show(progress(total, spentMs(), io.columns)));
  const interrupts = new Interrupts(io);
  try {
    const cut = await runSearch(
      {
        work: 'swarm',
        threads,
        seconds,
        world,
        taskAt: (index) => {
          const done = index * PIECE;
          const rest = Math.min(PIECE, count - done);
          return rest > 0 ? { firstSeed: firstSeed + done, count: rest } : undefined;
        },
        onResult: (result) => {
          add(total, result);
          show(undefined);
        },
      },
      { io, interrupts },
    );
    tell(total, { io, plan, cut, spentMs: spentMs() });
    const { failure } = total;
    if (failure) await tellFailure(failure, output, { io, interrupts, world: world ?? {} });
    if (failure) return 1;
    return cut === 'interrupted' ? 2 : 0;
  } finally {
    interrupts.close();
  }
}

function add(total: Total, { worlds, steps, ends, failure }: SwarmResult): void {
  total.worlds += worlds;
  total.steps += steps;
  for (const [end, count] of Object.entries(ends)) total.ends[end] = (total.ends[end] ?? 0) + count;
  total.failure ??= failure;
}

/** Per second, as a whole number. */
function rate(count: number, spentMs: number): number {
  return spentMs > 0 ? Math.round((count * 1000) / spentMs) : 0;
}

function progress({ worlds, steps }: Total, spentMs: number, columns = Infinity): string[] {
  const parts = [
    `swarm: ${counted(worlds, 'world')}`,
    `${rate(worlds, spentMs)}/s`,
    counted(steps, 'step'),
    `${rate(steps, spentMs)}/s`,
  ];
  return flow(parts, columns);
}

interface TellParts {
  readonly io: CommandIo;
  readonly plan: SwarmPlan;
  readonly cut: Cut | undefined;
  readonly spentMs: number;
}

function tell(
  { worlds, steps, ends, failure }: Total,
  { io, plan, cut, spentMs }: TellParts,
): void {
  const { firstSeed, threads, output } = plan;
  const rates = { worldsPerSecond: rate(worlds, spentMs), stepsPerSecond: rate(steps, spentMs) };
  const seed = failure?.seed;
  if (output.json) {
    const verdict = failure ? 'violated' : 'nothing found';
    const facts = { verdict, firstSeed, worlds, steps, ends, seconds: spentMs / 1000, threads };
    tellJson(io, 'SWARM_SUMMARY', { ...facts, ...rates, ...(cut && { cut }), seed });
    return;
  }
  const which = worlds === 0 ? '' : ` (seeds ${firstSeed} to ${firstSeed + worlds - 1})`;
  const time = `${formatDuration(spentMs)} by ${counted(threads, 'thread')}`;
  io.out(`${counted(worlds, 'world')}${which}, ${counted(steps, 'step')}, ${time}`);
  const { worldsPerSecond, stepsPerSecond } = rates;
  const ways = Object.entries(ends).map(([end, count]) => `${end} ${count}`);
  io.out(`${worldsPerSecond} worlds/s, ${stepsPerSecond} steps/s; ends: ${ways.join(', ')}`);
  if (seed === undefined) {
    const early = cut === 'interrupted' ? ', and was interrupted' : '';
    io.out(`NOTHING FOUND: a search by chance proves nothing${early}`);
  } else {
    io.out(`VIOLATED by seed ${seed}: "mirrordisk swarm --from ${seed} --seeds 1" finds it again`);
  }
}
