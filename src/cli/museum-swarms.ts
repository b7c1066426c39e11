/** Tells how many worlds drawn by chance it takes to find the bugs of the museum. */

import type { Exhibit } from '../sim/museum/exhibit.ts';
import { findByChance, type MutantRunner, swarmWorldsMax } from '../sim/museum/show.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { Interrupted, Interrupts } from './interrupts.ts';
import { tellJson } from './sim-output.ts';
import { counted } from './words.ts';

/** The first seeds of two swarms are so far apart that they have no world in common. */
const SEEDS_APART = 1_000_000;

export interface SwarmsPlan {
  readonly exhibits: readonly Exhibit[];
  /** How many swarms look for each. */
  readonly swarms: number;
  readonly json: boolean;
}

/** What the swarms have come to that looked for one bug. */
interface Effort {
  readonly exhibit: Exhibit;
  /** How many worlds each took, in order; infinitely many for one that found nothing. */
  readonly worlds: readonly number[];
  readonly median: number;
}

/**
 * Looks for bugs in worlds drawn by chance, so many times for each.
 *
 * @returns 0 when more than half of the swarms found each, 1 when not, 2 when interrupted before.
 */
export async function runSwarms(
  { exhibits, swarms, json }: SwarmsPlan,
  io: CommandIo,
  runner: MutantRunner,
): Promise<ExitCode> {
  const interrupts = new Interrupts(io);
  const check = interrupts.guard('ending with the swarm that is under way');
  let isEachFound = true;
  try {
    for (const exhibit of exhibits) {
      const worlds: number[] = [];
      for (let swarm = 0; swarm < swarms; swarm += 1) {
        check();
        io.show([`looking for ${exhibit.name}: swarm ${swarm + 1} of ${swarms}`]);
        worlds.push(await worldsUntil(exhibit, runner, 1 + swarm * SEEDS_APART));
      }
      worlds.sort((left, right) => left - right);
      const median = worlds[Math.floor(swarms / 2)] ?? Infinity;
      isEachFound &&= median < Infinity;
      io.show([]);
      tell({ exhibit, worlds, median }, { io, json });
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return 2;
  } finally {
    io.show([]);
    interrupts.close();
  }
  return isEachFound ? 0 : 1;
}

async function worldsUntil(exhibit: Exhibit, runner: MutantRunner, firstSeed: number) {
  const count = swarmWorldsMax(exhibit);
  const { verdict, executions } = await findByChance(exhibit, runner, { firstSeed, count });
  return verdict === 'violated' ? executions : Infinity;
}

function tell(
  { exhibit, worlds, median }: Effort,
  { io, json }: { readonly io: CommandIo; readonly json: boolean },
): void {
  const { name, swarmMedian: stated } = exhibit;
  const found = worlds.filter((count) => count < Infinity);
  if (json) {
    const facts = { name, swarms: worlds.length, worlds: found, stated };
    tellJson(io, 'MUSEUM_SWARMS', { ...facts, ...(median < Infinity && { median }) });
    return;
  }
  const most = median < Infinity ? `half of them within ${counted(median, 'world')}` : 'too few';
  const swarms = `${found.length} of ${counted(worlds.length, 'swarm')}`;
  io.out(`${name}: found by ${swarms}, ${most} (stated: ${stated ?? 'none'})`);
}
