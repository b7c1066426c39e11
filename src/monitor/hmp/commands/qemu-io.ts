/** The command `qemu-io`: does to a disk of the machine what the program of that name does. */

import { findDrive } from '../../commands/drives/find.ts';
import { defineHmpCommand } from '../command.ts';
import type { IoDisk } from '../io/command.ts';
import { NodeDisk } from '../io/node-disk.ts';

export const qemuIo = defineHmpCommand({
  name: 'qemu-io',
  parameters: 'qdev:-d,device:B,command:s',
  usage: '[-d] [device] "[command]"',
  help: `run a qemu-io command on a block device
\t\t\t-d: [device] is a device ID rather than a drive ID or node name`,
  async run({ qdev, device, command }, { monitor, print }) {
    const { machine } = monitor;
    const run = (disk: IoDisk) => monitor.qemuIo.run(command, { machine, disk, report: print });
    const drive = qdev ? findDrive(monitor, { id: device }).drive : machine.drives.find(device);
    if (drive) {
      await run(drive);
      return;
    }
    const disk = new NodeDisk(machine.drives.lookup({ nodeName: device }));
    const detached = await run(disk);
    // Unlike in QEMU the monitor is not held up by what goes on.
    void Promise.all(detached).then(() => disk.edge.close());
  },
});
