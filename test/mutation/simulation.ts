/**
 * What the simulation says to the program that this file is compiled with: worlds drawn by chance,
 * small worlds through every schedule, and machines that lose power while a mirror persists.
 *
 * It runs in a process of its own, since a mutant may never let go. It ends with 0 when every
 * promise was kept; otherwise it says which was not, and ends with 1.
 */

import { explore } from '../../src/sim/explorer.ts';
import { simulate } from '../../src/sim/index.ts';
import { swarm } from '../../src/sim/swarm.ts';
import { persistProgram } from '../sim/example-persist.ts';
import { WORLDS, worldOf } from '../sim/worlds.ts';

const SWARM_COUNT = 400;
const POWER_CUT_SEEDS = 10;
/** Runs of one world at most; the tests explore the same worlds whole. */
const EXECUTIONS_MAX = 50;

/** What nobody has caught; it is not lost, but told when the world has settled. */
const crashes: unknown[] = [];
process.on('unhandledRejection', (reason) => crashes.push(reason));

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (crashes.length > 0) throw crashes.shift();
}

/** @returns What is wrong; nothing when nothing was found. */
async function search(): Promise<string | undefined> {
  const { failure } = await swarm({ settle, firstSeed: 0, count: SWARM_COUNT });
  if (failure) return failure.violation.invariant;
  for (const name of Object.keys(WORLDS)) {
    const options = { settle, pruning: 'visible', executionsMax: EXECUTIONS_MAX } as const;
    const { verdict, failure } = await explore(worldOf(name), options);
    if (verdict === 'violated') return failure?.violation.invariant;
  }
  const program = persistProgram({ sectors: 3, writes: [1, 2, 1], flushes: true, pauseMs: 2500 });
  await simulate({ ...program, faults: { powerCuts: 2 }, seeds: POWER_CUT_SEEDS, shrinkMax: 0 });
  return undefined;
}

try {
  const broken = await search();
  if (broken !== undefined) throw new Error(broken);
} catch (error) {
  console.log(error instanceof Error ? error.message.split('\n', 1)[0] : String(error));
  process.exitCode = 1;
}
