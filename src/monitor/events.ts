/** The events that clients are told, with what each says: QEMU's, and of theirs no more. */

import type { MachineEvent } from '../machine/machine.ts';
import { EMPTY, type EventSchema } from '../wire/qapi/command.ts';
import { enumeration, optional, struct } from '../wire/qapi/composites.ts';
import { bool, int, str, uint64 } from '../wire/qapi/scalars.ts';
import { jobStatus, jobType } from './schema/job.ts';

const operation = enumeration('IoOperationType', ['read', 'write']);
const action = enumeration('BlockErrorAction', ['ignore', 'report', 'stop']);

const shutdownCause = enumeration('ShutdownCause', [
  'none',
  'host-error',
  'host-qmp-quit',
  'host-qmp-system-reset',
  'host-signal',
  'host-ui',
  'guest-shutdown',
  'guest-reset',
  'guest-panic',
  'subsystem-reset',
  'snapshot-load',
]);

const jobProgress = { type: jobType, device: str, len: int, offset: int, speed: int };

export const events = {
  BLOCK_IO_ERROR: {
    summary: 'A request of a device has failed',
    data: struct('q_obj_BLOCK_IO_ERROR-arg', {
      device: str,
      'node-name': optional(str),
      operation,
      action,
      nospace: optional(bool),
      reason: str,
    }),
  },
  BLOCK_JOB_COMPLETED: {
    summary: 'A job has ended, well or with an error',
    data: struct('q_obj_BLOCK_JOB_COMPLETED-arg', { ...jobProgress, error: optional(str) }),
  },
  BLOCK_JOB_CANCELLED: {
    summary: 'A job was cancelled, and has ended',
    data: struct('q_obj_BLOCK_JOB_CANCELLED-arg', jobProgress),
  },
  BLOCK_JOB_ERROR: {
    summary: 'A request of a job has failed',
    data: struct('q_obj_BLOCK_JOB_ERROR-arg', { device: str, operation, action }),
  },
  BLOCK_JOB_READY: {
    summary: 'Source and target have met; the job can be completed',
    data: struct('q_obj_BLOCK_JOB_READY-arg', jobProgress),
  },
  BLOCK_JOB_PENDING: {
    summary: 'A job waits to be finalized',
    data: struct('q_obj_BLOCK_JOB_PENDING-arg', { type: jobType, id: str }),
  },
  BLOCK_WRITE_THRESHOLD: {
    summary: 'A write is about to reach beyond the mark that was set for its node',
    data: struct('q_obj_BLOCK_WRITE_THRESHOLD-arg', {
      'node-name': str,
      'amount-exceeded': uint64,
      'write-threshold': uint64,
    }),
  },
  JOB_STATUS_CHANGE: {
    summary: 'A job has another status',
    data: struct('q_obj_JOB_STATUS_CHANGE-arg', { id: str, status: jobStatus }),
  },
  BLOCK_EXPORT_DELETED: {
    summary: 'An export is gone',
    data: struct('q_obj_BLOCK_EXPORT_DELETED-arg', { id: str }),
  },
  DEVICE_DELETED: {
    summary: 'A device is gone, or a part of one',
    data: struct('q_obj_DEVICE_DELETED-arg', { device: optional(str), path: str }),
  },
  DEVICE_TRAY_MOVED: {
    summary: 'The tray of a drive was opened or closed',
    data: struct('q_obj_DEVICE_TRAY_MOVED-arg', { device: str, id: str, 'tray-open': bool }),
  },
  STOP: { summary: 'The guest was stopped', data: EMPTY },
  RESUME: { summary: 'The guest goes on', data: EMPTY },
  POWERDOWN: { summary: 'The guest was asked to end', data: EMPTY },
  RESET: {
    summary: 'The machine starts anew',
    data: struct('q_obj_RESET-arg', { guest: bool, reason: shutdownCause }),
  },
  SHUTDOWN: {
    summary: 'The machine ends',
    data: struct('q_obj_SHUTDOWN-arg', { guest: bool, reason: shutdownCause }),
  },
} as const satisfies Readonly<Record<MachineEvent['event'], EventSchema>>;
