/** Each argument of the commands that start a mirror: absent, right, at its bounds, and wrong. */

import { abort, complete, DISKS, KiB, mirror, queryJobs, queryNodes, ready } from '../mirrors.ts';
import { execute, type Members, type Scenario, type Step, status } from '../scenario.ts';

const MiB = 1024 * KiB;
const SIZE = 64 * KiB;
const FILES = { 'source.img': SIZE, 'target.img': SIZE };

/** A mirror that starts, is looked at and given up. */
const begun = (more: Members): readonly Step[] => [
  ...ready(more),
  execute('query-block-jobs'),
  ...abort,
];

/** A mirror that starts, is told to pivot, and ends, pivoted or not. */
const pivoted = (more: Members): readonly Step[] => [...ready(more), ...complete];

export const mirrorArguments: readonly Scenario[] = [
  {
    title: 'blockdev-mirror demands its arguments',
    args: DISKS,
    files: FILES,
    steps: [
      execute('blockdev-mirror'),
      execute('blockdev-mirror', { device: 'source' }),
      execute('blockdev-mirror', { device: 'source', target: 'target' }),
      execute('blockdev-mirror', { device: 'source', sync: 'full' }),
      execute('blockdev-mirror', { target: 'target', sync: 'full' }),
      execute('blockdev-mirror', { device: 'source', target: 'target', sync: 'full' }),
      mirror({ none: 1 }),
      mirror({ format: 'raw' }),
      mirror({ mode: 'existing' }),
      mirror({ unmap: true }),
      mirror({ 'node-name': 'target' }),
      mirror({ device: 1 }),
      mirror({ target: { driver: 'null-co' } }),
    ],
  },
  {
    title: 'a mirror has a source and a target that are not the same',
    args: [
      ...DISKS,
      '--blockdev=driver=null-co,node-name=large,size=131072',
      '--blockdev=driver=null-co,node-name=small,size=4096',
      '--blockdev=driver=null-co,node-name=below,size=65536',
      '--blockdev=driver=copy-on-read,node-name=filter,file=below',
      '--blockdev=driver=null-co,node-name=still,size=65536,read-only=on',
    ],
    files: FILES,
    steps: [
      mirror({ device: 'none' }),
      mirror({ target: 'none' }),
      mirror({ device: '' }),
      mirror({ target: '' }),
      mirror({ target: 'source' }),
      mirror({ device: 'below' }),
      mirror({ device: 'below', target: 'filter' }),
      mirror({ device: 'filter', target: 'below' }),
      mirror({ target: 'large' }),
      status('job', 'null'),
      mirror({ target: 'small' }),
      status('job', 'null'),
      mirror({ target: 'still' }),
    ],
  },
  {
    title: 'a job has an identifier that is well formed and its own',
    args: DISKS,
    files: FILES,
    steps: [
      ...['', '1', '#job', 'a job', 'jöb', 'job/1'].map((id) => mirror({ 'job-id': id })),
      mirror({ 'job-id': 1 }),
      mirror({ 'job-id': null }),
      ...['a', 'Job-1_2.3', 'x'.repeat(200)].flatMap((id) => [
        ...ready({ 'job-id': id }),
        mirror({ 'job-id': id }),
        mirror({ 'job-id': `${id}2` }),
        execute('block-job-cancel', { device: id, force: true }),
        status(id, 'null'),
      ]),
    ],
  },
  {
    title: 'sync is full, top or none',
    args: DISKS,
    files: FILES,
    steps: [
      ...begun({ sync: 'top' }),
      ...begun({ sync: 'none' }),
      mirror({ sync: 'incremental' }),
      mirror({ sync: 'bitmap' }),
      mirror({ sync: 'all' }),
      mirror({ sync: 1 }),
    ],
  },
  {
    title: 'speed is a number of bytes that is not negative',
    args: DISKS,
    files: FILES,
    steps: [
      mirror({ speed: -1 }),
      mirror({ speed: '1M' }),
      mirror({ speed: 1.5 }),
      mirror({ speed: 2 ** 63 }),
      ...begun({ speed: 0 }),
      ...begun({ speed: 640 * KiB }),
      ...begun({ speed: Number.MAX_SAFE_INTEGER }),
    ],
  },
  {
    title: 'granularity is a power of two within bounds',
    args: DISKS,
    files: FILES,
    steps: [
      ...[-1, 1, 256, 511, 513, 1000, 65_537, 64 * MiB + 1, 128 * MiB, 2 ** 32, 2 ** 32 + 512].map(
        (granularity) => mirror({ granularity }),
      ),
      mirror({ granularity: '64k' }),
      ...begun({ granularity: 0 }),
      ...begun({ granularity: 512 }),
      ...begun({ granularity: 64 * MiB }),
    ],
  },
  {
    title: 'buf-size is a number that is not negative',
    args: DISKS,
    files: FILES,
    steps: [
      mirror({ 'buf-size': -1 }),
      mirror({ 'buf-size': 'large' }),
      ...begun({ 'buf-size': 0 }),
      ...begun({ 'buf-size': 1 }),
      ...begun({ 'buf-size': 65_537 }),
      ...begun({ 'buf-size': 256 * MiB }),
    ],
  },
  {
    title: 'error policies are of five kinds',
    args: DISKS,
    files: FILES,
    steps: [
      mirror({ 'on-source-error': 'none' }),
      mirror({ 'on-target-error': 'none' }),
      mirror({ 'on-source-error': 1 }),
      ...begun({ 'on-source-error': 'report', 'on-target-error': 'ignore' }),
      ...begun({ 'on-source-error': 'stop', 'on-target-error': 'enospc' }),
      ...begun({ 'on-source-error': 'auto', 'on-target-error': 'auto' }),
    ],
  },
  {
    title: 'the filter of a mirror has the name that it is given, or one made up',
    args: DISKS,
    files: FILES,
    steps: [
      mirror({ 'filter-node-name': 'source' }),
      mirror({ 'filter-node-name': '1' }),
      mirror({ 'filter-node-name': '' }),
      mirror({ 'filter-node-name': 'a'.repeat(32) }),
      ...ready({ 'filter-node-name': 'filter' }),
      queryNodes,
      execute('blockdev-del', { 'node-name': 'filter' }),
      execute('blockdev-del', { 'node-name': 'source' }),
      execute('blockdev-del', { 'node-name': 'target' }),
      ...complete,
      ...ready(),
      queryNodes,
      ...abort,
    ],
  },
  {
    title: 'copy-mode is background or write-blocking',
    args: DISKS,
    files: FILES,
    steps: [
      mirror({ 'copy-mode': 'active' }),
      mirror({ 'copy-mode': true }),
      ...begun({ 'copy-mode': 'background' }),
      ...begun({ 'copy-mode': 'write-blocking' }),
    ],
  },
  {
    title: 'auto-finalize and auto-dismiss are told by the queries',
    args: DISKS,
    files: FILES,
    steps: [
      mirror({ 'auto-finalize': 'yes' }),
      mirror({ 'auto-dismiss': 0 }),
      ...ready({ 'auto-finalize': false, 'auto-dismiss': false }),
      ...queryJobs,
      execute('job-cancel', { id: 'job' }),
      status('job', 'concluded'),
      ...queryJobs,
      execute('job-dismiss', { id: 'job' }),
      ...begun({ 'auto-finalize': true, 'auto-dismiss': true }),
    ],
  },
  {
    title: 'replaces names a node that may be replaced by the target',
    args: [
      ...DISKS,
      '--blockdev=driver=null-co,node-name=null,size=65536',
      '--blockdev=driver=null-co,node-name=small,size=4096',
      '--blockdev=driver=file,node-name=below,filename=below.img',
      '--blockdev=driver=copy-on-read,node-name=filter,file=below',
    ],
    files: { ...FILES, 'below.img': 64 * KiB },
    steps: [
      mirror({ replaces: 'none' }),
      mirror({ replaces: '' }),
      mirror({ replaces: 1 }),
      mirror({ replaces: 'small' }),
      mirror({ replaces: 'target' }),
      mirror({ replaces: 'null' }),
      mirror({ device: 'filter', replaces: 'none' }),
      ...pivoted({ replaces: 'source' }),
      ...pivoted({ device: 'filter', replaces: 'below' }),
      queryNodes,
    ],
  },
];
