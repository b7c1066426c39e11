/** All commands of the monitor, by name. */

import type { CommandRegistry } from '../command.ts';
import { bitmapCommands } from './bitmaps/index.ts';
import { chardevCommands } from './chardev.ts';
import { deviceCommands } from './devices.ts';
import { driveCommands } from './drives/index.ts';
import { exportCommands } from './exports/index.ts';
import { humanMonitorCommand } from './human-monitor-command.ts';
import { jobCommands } from './jobs/index.ts';
import { mirrorCommands } from './mirror/index.ts';
import { nodeCommands } from './nodes/index.ts';
import { objectAdd, objectDel } from './objects/object-add.ts';
import { protocolCommands } from './protocol.ts';
import { qomCommands } from './qom.ts';
import { quit } from './quit.ts';
import { ringbufCommands } from './ringbuf.ts';
import { runStateCommands } from './run-state.ts';

export const commands: CommandRegistry = {
  ...bitmapCommands,
  ...chardevCommands,
  ...deviceCommands,
  ...driveCommands,
  ...exportCommands,
  'human-monitor-command': humanMonitorCommand,
  ...jobCommands,
  ...mirrorCommands,
  ...nodeCommands,
  'object-add': objectAdd,
  'object-del': objectDel,
  ...protocolCommands,
  ...qomCommands,
  ...ringbufCommands,
  quit,
  ...runStateCommands,
};
