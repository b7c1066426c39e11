/** Runs worlds that are drawn by chance, one for each seed. */

import { type Failure, runOnce } from './explorer.ts';
import type { Scenario } from './scenario.ts';
import { drawWorld } from './swarm-world.ts';
import type { WorldOptions } from './world.ts';

export interface SwarmOptions extends Omit<WorldOptions, 'guide' | 'state' | 'trace'> {
  readonly firstSeed: number;
  /** How many worlds. */
  readonly count: number;
  /** Changes each scenario, for swarms about something in particular. */
  readonly adjust?: (scenario: Scenario) => Scenario;
  readonly nowMs?: () => number;
}

export interface SwarmReport {
  readonly worlds: number;
  readonly steps: number;
  readonly seconds: number;
  /** How many runs ended how. */
  readonly ends: Readonly<Record<string, number>>;
  /** The first failure, and the seed of its world. */
  readonly failure?: Failure & { readonly seed: number };
}

/** Runs one world for each seed, up to the first violation. */
export async function swarm(options: SwarmOptions): Promise<SwarmReport> {
  const { firstSeed, count, adjust = (same) => same, nowMs = () => 0, ...run } = options;
  const startMs = nowMs();
  const ends: Record<string, number> = {};
  let [worlds, steps] = [0, 0];
  let failure: SwarmReport['failure'];
  for (let seed = firstSeed; seed < firstSeed + count && !failure; seed += 1) {
    const drawn = drawWorld(seed);
    const world = adjust(drawn.scenario);
    const result = await runOnce(world, drawn.chooser, run);
    worlds += 1;
    steps += result.steps;
    ends[result.end] = (ends[result.end] ?? 0) + 1;
    const { violation, schedule } = result;
    if (violation) failure = { seed, scenario: world, schedule, violation };
  }
  const seconds = (nowMs() - startMs) / 1000;
  return { worlds, steps, seconds, ends, ...(failure && { failure }) };
}
