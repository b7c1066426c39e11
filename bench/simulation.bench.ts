/**
 * How many steps of simulated worlds one core makes in a second: those of a swarm, and of a search
 * through every schedule.
 *
 * What counts is the time of the processor, all threads of the process together: the compiler and
 * the garbage collector work beside the program where there are cores to spare.
 */

import { explore } from '../src/sim/explorer.ts';
import { scenario } from '../src/sim/scenario.ts';
import { swarm } from '../src/sim/swarm.ts';

/** How many worlds a round takes; the first round also warms the compiler up. */
const WORLDS = 6000;
const ROUNDS = 4;

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

export const bench = {
  name: 'simulation',
  summary: 'Simulated steps per second of one core: a swarm, and every schedule of a small world',

  async run(report: (line: string) => void): Promise<void> {
    await measure('swarm', report, async (round) => {
      const { steps, failure } = await swarm({ settle, firstSeed: round * WORLDS, count: WORLDS });
      if (failure) throw new Error(`Cannot measure: seed ${failure.seed} fails`);
      return steps;
    });
    const write = { type: 'write', sector: 0, sectors: 1 } as const;
    const world = scenario({ guest: { requests: [write, { ...write, sector: 1 }, write] } });
    await measure('explore', report, async () => {
      const options = { settle, pruning: 'visible', executionsMax: 100_000 } as const;
      const { steps, verdict } = await explore(world, options);
      if (verdict !== 'proved') throw new Error(`Cannot measure: the search is ${verdict}`);
      return steps;
    });
  },
};

/** @param work Does one round. Resolves to how many steps it made. */
async function measure(
  name: string,
  report: (line: string) => void,
  work: (round: number) => Promise<number>,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    const steps = await work(round);
    const { user, system } = process.cpuUsage(before);
    const rate = Math.round((steps * 1e6) / (user + system));
    report(`${name}, round ${round + 1}: ${steps} steps, ${rate} a second of processor time`);
  }
}
