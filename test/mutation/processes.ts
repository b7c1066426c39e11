/** Processes that may go wrong in any way, and are over after some time at the latest. */

import { spawn } from 'node:child_process';

/** How a process came to its end. */
export interface Ended {
  readonly how: 'well' | 'badly' | 'too late';
  /** What it has said. */
  readonly output: string;
  readonly seconds: number;
}

export interface ProcessOptions {
  /** The program, and its arguments. */
  readonly args: readonly string[];
  readonly folder: string;
  readonly secondsMax: number;
}

/** A mutant that gathers memory should not take all there is. */
const HEAP_MAX = '--max-old-space-size=2048';

/** Runs a program of Node. */
export function runNode({ args, folder, secondsMax }: ProcessOptions): Promise<Ended> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [HEAP_MAX, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  child.stderr.resume();
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, secondsMax * 1000);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      process.off('exit', kill);
      const how = isLate ? 'too late' : code === 0 ? 'well' : 'badly';
      const output = Buffer.concat(parts).toString('utf8');
      resolve({ how, output, seconds: (performance.now() - startMs) / 1000 });
    });
  });
}
