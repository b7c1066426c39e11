/** What becomes of a mirror whose source or target fails, by the policy it was given. */

import { abort, complete, EXPORT, FILES, KiB, mirror, queryJobs, ready, SIZE } from '../mirrors.ts';
import { event, execute, guest, type Members, poll, type Scenario, status } from '../scenario.ts';

/** A disk on which requests fail by rules of blkdebug. */
const failing = (name: string, ...rules: readonly Members[]): string =>
  `--blockdev=${JSON.stringify({
    driver: 'blkdebug',
    'node-name': name,
    'inject-error': rules,
    image: { driver: 'file', filename: `${name}.img` },
  })}`;
const sound = (name: string): string =>
  `--blockdev=driver=file,node-name=${name},filename=${name}.img`;

const EIO = 5;
const ENOSPC = 28;

const fails = (iotype: string, errno: number, more: Members = { once: true }): Members => ({
  event: 'none',
  iotype,
  errno,
  ...more,
});

const badSource = (errno: number, more?: Members) => [
  failing('source', fails('read', errno, more)),
  sound('target'),
];
const badTarget = (errno: number, more?: Members) => [
  sound('source'),
  failing('target', fails('write', errno, more)),
];

const BAD = [
  ['source', badSource],
  ['target', badTarget],
] as const;

const resume = execute('job-resume', { id: 'job' });

export const errorPolicies: readonly Scenario[] = [
  ...(['report', 'enospc', 'auto'] as const).map((policy) => ({
    title: `an error of the source ends a mirror by the policy ${policy}`,
    args: badSource(EIO),
    files: FILES,
    steps: [
      mirror({ 'on-source-error': policy, 'auto-dismiss': false }),
      status('job', 'concluded'),
      ...queryJobs,
      execute('job-dismiss', { id: 'job' }),
      ...ready(),
      ...abort,
    ],
  })),
  ...(['report', 'enospc', 'auto'] as const).map((policy) => ({
    title: `an error of the target ends a mirror by the policy ${policy}`,
    args: badTarget(EIO),
    files: FILES,
    steps: [
      mirror({ 'on-target-error': policy, 'auto-dismiss': false }),
      status('job', 'concluded'),
      ...queryJobs,
      execute('job-dismiss', { id: 'job' }),
    ],
  })),
  ...BAD.map(([side, bad]) => ({
    title: `an error of the ${side} that is ignored is tried again`,
    args: bad(EIO),
    files: FILES,
    steps: [
      ...ready({ 'on-source-error': 'ignore', 'on-target-error': 'ignore' }),
      ...queryJobs,
      ...complete,
    ],
  })),
  ...BAD.map(([side, bad]) => ({
    title: `an error of the ${side} stops a mirror until it is resumed`,
    args: bad(EIO),
    files: FILES,
    steps: [
      mirror({ 'on-source-error': 'stop', 'on-target-error': 'stop' }),
      status('job', 'paused'),
      ...queryJobs,
      execute('job-pause', { id: 'job' }),
      execute('block-job-cancel', { device: 'job' }),
      resume,
      event('BLOCK_JOB_READY'),
      ...queryJobs,
      ...abort,
    ],
  })),
  ...(['enospc', 'auto', 'stop'] as const).map((policy) => ({
    title: `a target without space stops a mirror by the policy ${policy}`,
    args: badTarget(ENOSPC),
    files: FILES,
    steps: [
      mirror({ 'on-target-error': policy }),
      status('job', 'paused'),
      ...queryJobs,
      execute('block-job-resume', { device: 'job' }),
      event('BLOCK_JOB_READY'),
      ...queryJobs,
      ...complete,
    ],
  })),
  {
    title: 'a target without space ends a mirror by the policy report',
    args: badTarget(ENOSPC),
    files: FILES,
    steps: [mirror({ 'on-target-error': 'report' }), status('job', 'null')],
  },
  {
    title: 'a mirror that an error has stopped can be given up with force',
    args: badTarget(EIO),
    files: FILES,
    steps: [
      mirror({ 'on-target-error': 'stop' }),
      status('job', 'paused'),
      execute('block-job-cancel', { device: 'job', force: true }),
      status('job', 'null'),
    ],
  },
  {
    title: 'an error after READY puts a mirror on standby',
    args: [...badTarget(EIO), ...EXPORT],
    // Zeroes are no writes to blkdebug.
    files: { ...FILES, 'source.img': SIZE },
    steps: [
      ...ready({ 'on-target-error': 'stop' }),
      guest('disk', 'write -P 2 0 64k'),
      status('job', 'standby'),
      ...queryJobs,
      resume,
      status('job', 'ready'),
      poll('query-jobs', `"current-progress": ${SIZE + 64 * KiB}`),
      ...complete,
    ],
  },
  {
    title: 'an error after READY ends a mirror by the policy report',
    args: [...badTarget(EIO), ...EXPORT],
    files: { ...FILES, 'source.img': SIZE },
    steps: [...ready(), guest('disk', 'write -P 2 0 64k'), status('job', 'null')],
  },
  {
    title: 'a guest in blocking mode is not told of an error of the target',
    args: [...badTarget(EIO), ...EXPORT],
    files: { ...FILES, 'source.img': SIZE },
    steps: [
      ...ready({ 'copy-mode': 'write-blocking', 'on-target-error': 'stop' }),
      guest('disk', 'write -P 2 0 64k'),
      status('job', 'standby'),
      ...queryJobs,
      resume,
      status('job', 'ready'),
      poll('query-jobs', `"current-progress": ${SIZE + 64 * KiB}`),
      ...complete,
    ],
  },
  {
    title: 'an error of a flush counts as one of the target',
    args: [sound('source'), failing('target', fails('flush', EIO))],
    files: FILES,
    steps: [
      mirror({ 'on-source-error': 'report', 'on-target-error': 'stop' }),
      status('job', 'paused'),
      ...queryJobs,
      resume,
      event('BLOCK_JOB_READY'),
      ...abort,
    ],
  },
  {
    title: 'an error of the source that comes for one part only leaves the rest',
    args: [failing('source', fails('read', EIO, { sector: 128 })), sound('target')],
    files: FILES,
    steps: [
      mirror({ granularity: 64 * KiB, 'buf-size': 64 * KiB, 'on-source-error': 'stop' }),
      status('job', 'paused'),
      ...queryJobs,
      resume,
      status('job', 'running'),
      status('job', 'paused'),
      ...queryJobs,
      ...abort,
    ],
  },
];
