/** All commands of the human monitor. */

import type { HmpCommand } from '../command.ts';
import { diskCommands } from './disks.ts';
import { exportCommands } from './exports.ts';
import { helpOn } from './help.ts';
import { info } from './info.ts';
import { jobCommands } from './jobs.ts';
import { machineCommands } from './machine.ts';
import { qemuIo } from './qemu-io.ts';

/** In the order of their names. */
export const hmpCommands: readonly HmpCommand[] = [
  ...diskCommands,
  ...exportCommands,
  helpOn(() => hmpCommands),
  info,
  ...jobCommands,
  ...machineCommands,
  qemuIo,
].sort((a, b) => (a.name < b.name ? -1 : 1));
