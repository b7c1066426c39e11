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

/** Options for a drive of a disk that cannot be read. */
const FAILING =
  'if=none,id=drive,driver=blkdebug,image.driver=file,image.filename=source.img,' +
  'inject-error.0.event=none,inject-error.0.iotype=read,inject-error.0.once=off';

/** Has reads refused and failed, and looks at what that makes of the statistics. */
function accounting(title: string, drive: string, device: string): Scenario {
  const asked = execute('query-blockstats');
  return emulated(
    title,
    ['--drive', `${FAILING}${drive}`, '--device', `virtio-blk,id=disk,drive=drive${device}`],
    [
      // Every latency is longer than a nanosecond.
      execute('block-latency-histogram-set', { id: 'drive', 'boundaries-read': [1] }),
      asked,
      human('qemu-io drive "aio_read -i 0 4k"'),
      asked,
      human('qemu-io drive "aio_read 0 4k"'),
      human('qemu-io drive "aio_flush"'),
      asked,
    ],
  );
}

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
  accounting('requests that are not done count', '', ',account-invalid=auto'),
  accounting(
    'requests that are not done do not count, if their drive says so',
    ',stats-account-invalid=off,stats-account-failed=off',
    '',
  ),
  accounting(
    'requests that are not done do not count, if their device says so',
    '',
    ',account-invalid=off,account-failed=off',
  ),
  accounting(
    'requests that are not done count, if their device does not leave it to the drive',
    ',stats-account-invalid=off,stats-account-failed=off',
    ',account-invalid=on,account-failed=on',
  ),
  emulated(
    'a drive with a snapshot reads as if its image was written',
    ['--drive', `${DRIVE},snapshot=on,copy-on-read=on`],
    [
      human('qemu-io drive "read -P 1 0 256k"'),
      human('qemu-io drive "write -P 9 64k 512"'),
      human('qemu-io drive "read -P 1 0 64k"'),
      human('qemu-io drive "read -P 9 64k 512"'),
      human('qemu-io drive "read -P 1 66048 1k"'),
    ],
  ),
  emulated(
    'a snapshot of a drive that is only read takes nothing',
    ['--drive', `${DRIVE},snapshot=on,readonly=on`],
    [human('qemu-io drive "write -P 9 64k 512"'), human('qemu-io drive "read -P 1 0 256k"')],
  ),
  emulated(
    'where there is nothing to copy from, to copy on read changes nothing',
    [
      ...['--drive', `${DRIVE},copy-on-read=on`],
      ...['--drive', 'if=none,id=still,format=raw,file=target.img,copy-on-read=on,readonly=on'],
      ...['--drive', 'if=none,id=empty,snapshot=on,copy-on-read=on'],
    ],
    [
      execute('query-block'),
      execute('query-named-block-nodes', { flat: true }),
      human('qemu-io drive "read -P 1 0 256k"'),
    ],
  ),
  emulated(
    'a CD drive says what is made of requests that are not done',
    [
      ...['--blockdev', 'driver=file,node-name=cd,filename=source.img,read-only=on'],
      ...['--device', 'ide-cd,id=cd,drive=cd,account-invalid=off,account-failed=on'],
    ],
    [execute('query-blockstats')],
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
