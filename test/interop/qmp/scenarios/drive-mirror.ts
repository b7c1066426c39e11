/** Mirrors that open their target themselves, and mirrors under a device. */

import { BACKEND, DRIVE, emulated, human, NODE } from '../emulator.ts';
import { abort, complete, mirror, queryJobs, ready } from '../mirrors.ts';
import { event, execute, type Members, type Scenario, type Step, status } from '../scenario.ts';

const driveMirror = (more: Members = {}): Step =>
  execute('drive-mirror', {
    'job-id': 'job',
    device: 'drive',
    target: 'target.img',
    sync: 'full',
    mode: 'existing',
    format: 'raw',
    ...more,
  });
const nodes = execute('query-named-block-nodes', { flat: true });

export const driveMirrors: readonly Scenario[] = [
  emulated('drive-mirror demands its arguments', DRIVE, [
    execute('drive-mirror'),
    execute('drive-mirror', { device: 'drive' }),
    execute('drive-mirror', { device: 'drive', target: 'target.img' }),
    driveMirror({ device: 'none' }),
    driveMirror({ target: 'none/where.img' }),
    driveMirror({ target: '' }),
    driveMirror({ format: 'none' }),
    driveMirror({ mode: 'none' }),
    driveMirror({ sync: 'none of these' }),
    driveMirror({ granularity: 1000 }),
    driveMirror({ 'buf-size': -1 }),
    driveMirror({ unmap: 'yes' }),
    driveMirror({ 'node-name': '1' }),
    driveMirror({ 'node-name': 'source' }),
    driveMirror({ replaces: 'source' }),
    driveMirror({ replaces: 'none', 'node-name': 'copy' }),
    driveMirror({ 'filter-node-name': 'filter' }),
    nodes,
  ]),
  emulated('the target of drive-mirror is there, or is made', DRIVE, [
    driveMirror({ 'node-name': 'copy' }),
    event('BLOCK_JOB_READY'),
    nodes,
    queryJobs,
    abort,
    driveMirror({ target: 'new.img', mode: 'absolute-paths', 'node-name': 'copy' }),
    event('BLOCK_JOB_READY'),
    complete,
    nodes,
    execute('query-block'),
    human('qemu-io drive "read -P 1 0 256k"'),
  ]),
  emulated('a job without an identifier has that of the drive', DRIVE, [
    execute('drive-mirror', { device: 'drive', target: 'new.img', sync: 'top', format: 'raw' }),
    event('BLOCK_JOB_READY'),
    queryJobs,
    execute('block-job-cancel', { device: 'drive' }),
    status('drive', 'null'),
    driveMirror({ unmap: false, 'copy-mode': 'write-blocking', granularity: 4096 }),
    event('BLOCK_JOB_READY'),
    human('qemu-io drive "write -P 2 1k 1k"'),
    queryJobs,
    execute('job-complete', { id: 'job' }),
    status('job', 'null'),
    human('qemu-io drive "read -P 2 1k 1k"'),
  ]),
  emulated(
    'a device is on the target after a pivot, whose node the source gives its name no more',
    [...NODE, '--blockdev', 'driver=file,node-name=target,filename=target.img'],
    [
      ready(),
      execute('query-block'),
      execute('blockdev-del', { 'node-name': 'source' }),
      human(`qemu-io -d ${BACKEND} "write -P 2 0 64k"`),
      complete,
      execute('query-block'),
      human(`qemu-io -d ${BACKEND} "read -P 2 0 64k"`),
      execute('blockdev-del', { 'node-name': 'target' }),
      execute('blockdev-del', { 'node-name': 'source' }),
    ],
  ),
  emulated(
    'a mirror goes on while its guest is stopped and continued',
    [...NODE, '--blockdev', 'driver=file,node-name=target,filename=target.img'],
    [ready(), execute('cont'), event('RESUME'), execute('stop'), event('STOP'), queryJobs, abort],
  ),
  emulated(
    'a program that is told to quit says so before it ends a mirror',
    [...NODE, '--blockdev', 'driver=file,node-name=target,filename=target.img'],
    ready(),
  ),
  emulated('a copy by blockdev-mirror as libvirt does it: blockcopy with a pivot', NODE, [
    execute('blockdev-add', {
      driver: 'file',
      filename: 'target.img',
      'node-name': 'libvirt-2-storage',
      'auto-read-only': true,
      discard: 'unmap',
    }),
    execute('blockdev-add', {
      driver: 'raw',
      file: 'libvirt-2-storage',
      'node-name': 'libvirt-2-format',
      'read-only': false,
    }),
    mirror({
      'job-id': 'copy-vda-disk',
      target: 'libvirt-2-format',
      'auto-finalize': true,
      'auto-dismiss': false,
    }),
    event('BLOCK_JOB_READY'),
    execute('query-block-jobs'),
    human(`qemu-io -d ${BACKEND} "write -P 2 0 64k"`),
    execute('job-complete', { id: 'copy-vda-disk' }),
    status('copy-vda-disk', 'concluded'),
    execute('query-jobs'),
    execute('job-dismiss', { id: 'copy-vda-disk' }),
    execute('blockdev-del', { 'node-name': 'source' }),
    execute('query-block'),
    execute('query-named-block-nodes'),
    human(`qemu-io -d ${BACKEND} "read -P 2 0 64k"`),
  ]),
];
