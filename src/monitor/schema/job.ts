/** Jobs, as commands and their answers name them. */

import { JOB_STATUSES } from '../../jobs/states.ts';
import { enumeration, optional, struct, union } from '../../wire/qapi/composites.ts';
import { bool, int, str } from '../../wire/qapi/scalars.ts';

export const jobType = enumeration('JobType', [
  'commit',
  'stream',
  'mirror',
  'backup',
  'create',
  'amend',
  'snapshot-load',
  'snapshot-save',
  'snapshot-delete',
]);

/** QEMU has one besides, which no job is seen in. */
export const jobStatus = enumeration('JobStatus', ['undefined', ...JOB_STATUSES]);

export const ioStatus = enumeration('BlockDeviceIoStatus', ['ok', 'failed', 'nospace']);

export const onError = enumeration('BlockdevOnError', [
  'report',
  'ignore',
  'enospc',
  'stop',
  'auto',
]);

export const mirrorSyncMode = enumeration('MirrorSyncMode', [
  'top',
  'full',
  'none',
  'incremental',
  'bitmap',
]);

export const mirrorCopyMode = enumeration('MirrorCopyMode', ['background', 'write-blocking']);

/** A job of any kind. */
export const jobInfo = struct('JobInfo', {
  id: str,
  type: jobType,
  status: jobStatus,
  'current-progress': int,
  'total-progress': int,
  error: optional(str),
});

/** What only mirrors tell (QEMU 8.2). */
const mirrorInfo = struct('BlockJobInfoMirror', { 'actively-synced': bool });

/** A job that works on disks. */
export const blockJobInfo = union('BlockJobInfo', {
  members: {
    type: jobType,
    device: str,
    len: int,
    offset: int,
    busy: bool,
    paused: bool,
    speed: int,
    'io-status': ioStatus,
    ready: bool,
    status: jobStatus,
    'auto-finalize': bool,
    'auto-dismiss': bool,
    error: optional(str),
  },
  tag: 'type',
  branches: { mirror: mirrorInfo },
});
