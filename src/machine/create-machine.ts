/** A machine for programs that want the monitor's verbs without a monitor. */

import type { Env } from '../env/env.ts';
import { nodeEnv } from '../env/node.ts';
import { Machine, type MachineOptions } from './machine.ts';

/** How a machine is made. */
export interface MachineSettings extends MachineOptions {
  /** What its users call it. */
  readonly name?: string;
  /** Its clock, files and sockets. @default Those of this process. */
  readonly env?: Env;
}

/**
 * Makes a machine without disks, which has the verbs of QMP as functions with types; the monitor is
 * a thin layer over them.
 *
 * | QMP                                       | here                                              |
 * | ----------------------------------------- | ------------------------------------------------- |
 * | `blockdev-add`, `-reopen`, `-del`         | `graph.open()`, `graph.reopen()`, `graph.close()` |
 * | `blockdev-mirror`                         | `jobs.startMirror()`                              |
 * | `job-pause`, `-cancel`, `-complete`, …    | the {@link Job} that this gives                   |
 * | `device_add`, `device_del`                | `addDevice()`, `unplug()`                         |
 * | `block-dirty-bitmap-add`, …               | `bitmaps`                                         |
 * | `nbd-server-start`, `block-export-add`, … | `exports`                                         |
 * | `object-add`, `block_set_io_throttle`     | `objects`, `drives.throttle()`                    |
 * | `stop`, `cont`, `system_reset`            | `runState`                                        |
 * | the events                                | `subscribe()`                                     |
 * | `quit`                                    | `shutdown()`, or `close()` without a guest        |
 *
 * What a verb refuses it throws as a {@link BlockError}, with QEMU's text as its `reason`.
 */
export function createMachine(settings: MachineSettings = {}): Machine {
  const { env = nodeEnv(), name, ...options } = settings;
  const machine = new Machine(env, {}, options);
  machine.name = name;
  return machine;
}
