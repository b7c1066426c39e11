/**
 * A thread of the simulation: does the tasks that it is sent, one at a time, with the hand of its
 * own. An error ends the thread, and is told to who started it.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { nodeEnv } from '../env/node.ts';
import { type Answer, handsFor, type Order } from './sim-hands.ts';
import type { ResultOf, TaskOf, WorkName } from './sim-work.ts';

serve(workerData);

function serve(name: WorkName): void {
  const [hand] = handsFor(name, { threads: 1, clock: nodeEnv().clock });
  const answer = (value: Answer<ResultOf<WorkName>>) => parentPort?.postMessage(value);
  parentPort?.on('message', (order: Order<TaskOf<WorkName>>) => {
    if (order.type === 'stop') {
      hand?.stop();
      return;
    }
    hand
      ?.do(order.task, (result) => answer({ type: 'progress', result }))
      .then((result) => answer({ type: 'done', result }), fail);
  });
}

/** Out of the promise, where it becomes the thread's end. */
function fail(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
