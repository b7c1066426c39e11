/** The real world, by way of Node. */

import { randomBytes } from 'node:crypto';
import { seededRandom } from '../base/random.ts';
import type { Clock, Env } from './env.ts';
import { nodeFiles } from './node-files.ts';

const nodeClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => performance.timeOrigin + performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};

/** @returns The machine this process runs on; its random numbers differ from run to run. */
export function nodeEnv(): Env {
  const seed = randomBytes(6).readUIntBE(0, 6);
  return { clock: nodeClock, random: seededRandom(seed), files: nodeFiles };
}
