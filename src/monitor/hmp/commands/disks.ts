/** The commands that change a disk or a drive. */

import { BlockError } from '../../../base/errors.ts';
import type { Drives } from '../../../machine/drives.ts';
import { defineHmpCommand, executeQmp, type HmpAction } from '../command.ts';

const blockResize = defineHmpCommand({
  name: 'block_resize',
  parameters: 'device:B,size:o',
  usage: 'device size',
  help: 'resize a block image',
  run: ({ device, size }, context) => executeQmp<void>(context, 'block_resize', { device, size }),
});

const setIoThrottle = defineHmpCommand({
  name: 'block_set_io_throttle',
  parameters: 'device:B,bps:l,bps_rd:l,bps_wr:l,iops:l,iops_rd:l,iops_wr:l',
  usage: 'device bps bps_rd bps_wr iops iops_rd iops_wr',
  help: 'change I/O throttle limits for a block drive',
  run: (given, context) => executeQmp<void>(context, 'block_set_io_throttle', { ...given }),
});

const eject = defineHmpCommand({
  name: 'eject',
  parameters: 'force:-f,device:B',
  usage: '[-f] device',
  help: 'eject a removable medium (use -f to force it)',
  run: ({ force, device }, context) => executeQmp<void>(context, 'eject', { device, force }),
});

const commit = defineHmpCommand({
  name: 'commit',
  parameters: 'device:B',
  usage: 'device|all',
  help: 'commit changes to the disk images (if -snapshot is used) or backing files',
  run({ device }, { monitor, print }) {
    try {
      commitDrive(device, monitor.machine.drives);
    } catch (error) {
      // Unlike those of the other commands, its errors have no word before them.
      if (!(error instanceof BlockError)) throw error;
      print(`${error.reason}\n`);
    }
  },
});

/** @throws {BlockError} Always, but for all drives: no format of this program can be committed. */
function commitDrive(name: string, drives: Drives): void {
  if (name === 'all') return;
  const refuse = (code: 'ENODEV' | 'ENOTSUP', reason: string) =>
    new BlockError(code, `commit "${name}"`, reason);
  const drive = drives.find(name);
  if (!drive) throw refuse('ENODEV', `Device '${name}' not found`);
  if (!drive.medium) throw refuse('ENODEV', `Device '${name}' has no medium`);
  throw refuse('ENOTSUP', `'commit' error for '${name}': Operation not supported`);
}

export const diskCommands: readonly HmpAction[] = [blockResize, setIoThrottle, eject, commit];
