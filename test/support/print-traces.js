/**
 * Prints some runs of the simulation, each as a name, a tab, and all that happened in it as JSON:
 * those of `fixtures/seeds/`, and worlds drawn by chance.
 *
 * It is of JavaScript, and runs the compiled program, so that every Node that is supported can.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { lenientReplay } from '../../dist/sim/choosers/replay.js';
import { runOnce } from '../../dist/sim/explorer.js';
import { readSeed } from '../../dist/sim/seed-file.js';
import { drawWorld } from '../../dist/sim/swarm-world.js';
import { Trace } from '../../dist/sim/trace.js';

const SEEDS = new URL('../../fixtures/seeds/', import.meta.url);
const WORLDS = 40;

const settle = () => new Promise((resolve) => setImmediate(resolve));

async function print(name, scenario, chooser) {
  const trace = new Trace();
  const run = await runOnce(scenario, chooser, { settle, trace });
  process.stdout.write(`${name}\t${JSON.stringify({ ...run, entries: trace.entries })}\n`);
}

const files = readdirSync(SEEDS).filter((name) => name.endsWith('.json'));
for (const file of files.sort()) {
  const { scenario, schedule } = readSeed(readFileSync(new URL(file, SEEDS), 'utf8'));
  await print(file, scenario, lenientReplay(schedule));
}
for (let seed = 1; seed <= WORLDS; seed += 1) {
  const { scenario, chooser } = drawWorld(seed);
  await print(scenario.name, scenario, chooser);
}
