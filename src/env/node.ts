/** The real world, by way of Node. */

import { randomBytes } from 'node:crypto';
import { seededRandom } from '../base/random.ts';
import type { Clock, Env } from './env.ts';
import { nodeFiles } from './node-files.ts';
import { nodeSockets } from './node-sockets.ts';

/** The longest delay that `setTimeout` takes. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

const nodeClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => performance.timeOrigin + performance.now(),
  after(delayMs, callback) {
    const dueMs = performance.now() + delayMs;
    let timer: NodeJS.Timeout | undefined;
    // Node's timers may fire up to a millisecond early, and at once when they are set too far
    // ahead.
    const wait = () => {
      const leftMs = dueMs - performance.now();
      if (leftMs <= 0) callback();
      else timer = setTimeout(wait, Math.min(Math.ceil(leftMs), TIMEOUT_MAX_MS));
    };
    timer = setTimeout(wait, Math.min(Math.ceil(delayMs), TIMEOUT_MAX_MS));
    return { cancel: () => clearTimeout(timer) };
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};

/** @returns The machine this process runs on; its random numbers differ from run to run. */
export function nodeEnv(): Env {
  const seed = randomBytes(6).readUIntBE(0, 6);
  return {
    clock: nodeClock,
    random: seededRandom(seed),
    files: nodeFiles,
    sockets: nodeSockets,
  };
}
