/** The seam to a simulated world, where nobody needs more of it than its time. */

import { seededRandom } from '../base/random.ts';
import type { Clock, Env } from '../env/env.ts';
import type { Files } from '../env/files.ts';
import { SimSockets } from './sockets.ts';

/** @returns A machine with a network of its own; its random numbers are always the same. */
export function simEnv({ clock, files }: { readonly clock: Clock; readonly files: Files }): Env {
  const outside = { clock, random: seededRandom(1) };
  return { files, sockets: new SimSockets(outside), ...outside };
}
