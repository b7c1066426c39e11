/**
 * The seam to the world: everything a disk needs that is not computation.
 *
 * Nothing above this folder but `cli/` and `web/` touches files, timers or the clock in another
 * way. `env/node.ts` is the real world; a simulation supplies one of its own, in which time and the
 * order of completions are chosen.
 */

import type { Random } from '../base/random.ts';
import type { Files } from './files.ts';
import type { Sockets } from './sockets.ts';

/** A pending call of {@link Clock.after}. */
export interface Timer {
  /** Makes sure that the call does not happen; harmless afterwards. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since some fixed moment, with fractions; never goes back. */
  nowMs(): number;
  /** Milliseconds since 1970 in UTC, with fractions: for time stamps only. */
  wallMs(): number;
  /** Calls `callback` once, `delayMs` or later from now. The timer keeps the process alive. */
  after(delayMs: number, callback: () => void): Timer;
  /**
   * Lets everything else that is ready run first. A loop whose work completes at once awaits this
   * now and then, so that it does not shut out timers and I/O.
   */
  turn(): Promise<void>;
}

/**
 * Takes what is traced: QEMU's name for the trace point, and what happens there, in QEMU's form but
 * for pointers, in the place of which there are names.
 */
export type Trace = (point: string, text: string) => void;

export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly sockets: Sockets;
  /** While somebody wants to know; looked at anew each time. */
  readonly trace?: Trace | undefined;
}

/** Resolves `delayMs` or later from now. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve));
}
