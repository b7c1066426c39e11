/** The commands that start and steer jobs. */

import { defineHmpCommand, executeQmp, type HmpAction } from '../command.ts';

const driveMirror = defineHmpCommand({
  name: 'drive_mirror',
  parameters: 'reuse:-n,full:-f,device:B,target:s,format:s?',
  usage: '[-n] [-f] device target [format]',
  help: `initiates live storage
\t\t\tmigration for a device. The device's contents are
\t\t\tcopied to the new image file, including data that
\t\t\tis written after the command is started.
\t\t\tThe -n flag requests QEMU to reuse the image found
\t\t\tin new-image-file, instead of recreating it from scratch.
\t\t\tThe -f flag requests QEMU to copy the whole disk,
\t\t\tso that the result does not need a backing file.
\t\t\t`,
  run: ({ reuse, full, device, target, format }, context) =>
    executeQmp<void>(context, 'drive-mirror', {
      device,
      target,
      ...(format !== undefined && { format }),
      sync: full ? 'full' : 'top',
      mode: reuse ? 'existing' : 'absolute-paths',
      unmap: true,
    }),
});

const cancel = defineHmpCommand({
  name: 'block_job_cancel',
  parameters: 'force:-f,device:B',
  usage: '[-f] device',
  help: `stop an active background block operation (use -f
\t\t\t if you want to abort the operation immediately
\t\t\t instead of keep running until data is in sync)`,
  run: ({ force, device }, context) =>
    executeQmp<void>(context, 'block-job-cancel', { device, force }),
});

const setSpeed = defineHmpCommand({
  name: 'block_job_set_speed',
  parameters: 'device:B,speed:o',
  usage: 'device speed',
  help: 'set maximum speed for a background block operation',
  run: ({ device, speed }, context) =>
    executeQmp<void>(context, 'block-job-set-speed', { device, speed }),
});

/** A command whose argument is a job, and which is a command of QMP. */
function verb(name: string, qmpName: string, help: string): HmpAction {
  return defineHmpCommand({
    name,
    parameters: 'device:B',
    usage: 'device',
    help,
    run: ({ device }, context) => executeQmp<void>(context, qmpName, { device }),
  });
}

export const jobCommands: readonly HmpAction[] = [
  driveMirror,
  cancel,
  setSpeed,
  verb('block_job_complete', 'block-job-complete', 'stop an active background block operation'),
  verb('block_job_pause', 'block-job-pause', 'pause an active background block operation'),
  verb('block_job_resume', 'block-job-resume', 'resume a paused background block operation'),
];
