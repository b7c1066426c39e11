/** A thread in which a mutant of this program runs; this file is in the copied tree itself. */

import { parentPort, workerData } from 'node:worker_threads';
import { carryOut, type SearchOrder } from '../sim/museum/search.ts';

/** What nobody has caught, which would end a program: here it is what a mutant did wrong. */
const crashes: unknown[] = [];
process.on('unhandledRejection', (reason) => crashes.push(reason));

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (crashes.length > 0) throw crashes.shift();
}

// What is handed over is what museum-run.ts has put there.
const order = workerData as SearchOrder;
parentPort?.postMessage(await carryOut(order, { settle, nowMs: () => performance.now() }));
