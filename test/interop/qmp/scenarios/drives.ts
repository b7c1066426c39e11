/** Drives and devices that the emulator is started with, and how it refuses others. */

import { emulated, human, MACHINE } from '../emulator.ts';
import { FILES } from '../mirrors.ts';
import { execute, type Scenario } from '../scenario.ts';

/** An emulator that does not come up. */
const refused = (title: string, ...args: readonly string[]): Scenario => ({
  title: `a machine does not start with ${title}`,
  machine: MACHINE,
  args,
  isRefused: true,
  files: FILES,
});

const DRIVE = 'if=none,id=drive,format=raw,file=source.img';

export const drives: readonly Scenario[] = [
  refused('a drive of a file that is not there', '--drive', 'file=none.img,format=raw'),
  refused('a drive of a format that it does not know', '--drive', `${DRIVE},format=none`),
  refused('a drive with a parameter too many', '--drive', `${DRIVE},none=1`),
  refused('a drive with a cache that is none', '--drive', `${DRIVE},cache=none at all`),
  refused('a drive with limits that contradict each other', '--drive', `${DRIVE},bps=1,bps_rd=1`),
  refused('two drives of one name', '--drive', DRIVE, '--drive', DRIVE),
  refused('a device of no drive', '--device', 'virtio-blk'),
  refused('a device of a drive that is not there', '--device', 'virtio-blk,drive=none'),
  refused('a device that it does not know', '--device', 'none'),
  refused(
    'two devices of one drive',
    '--drive',
    DRIVE,
    '--device',
    'virtio-blk,drive=drive',
    '--device',
    'virtio-blk,drive=drive',
  ),
  emulated(
    'a drive has the options that it is given',
    [
      '--drive',
      `${DRIVE},cache=none,discard=unmap,detect-zeroes=unmap,werror=stop,rerror=ignore`,
      '--device',
      'virtio-blk,id=disk,drive=drive,serial=serial,write-cache=off',
      '--drive',
      'if=virtio,format=raw,file=target.img,readonly=on,cache=unsafe',
      '--drive',
      'if=none,id=slow,file.driver=null-co,format=raw,bps=1000,iops=10,group=group',
      '--drive',
      'if=none,id=empty',
    ],
    [
      execute('query-block'),
      execute('query-named-block-nodes', { flat: true }),
      human('info block'),
      execute('query-blockstats'),
    ],
  ),
];
