/** All commands that start a mirror. */

import type { CommandRegistry } from '../../command.ts';
import { blockdevMirror } from './blockdev-mirror.ts';
import { driveMirror } from './drive-mirror.ts';

export const mirrorCommands: CommandRegistry = {
  'drive-mirror': driveMirror,
  'blockdev-mirror': blockdevMirror,
};
