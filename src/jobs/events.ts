/**
 * What a job tells, named and shaped as QEMU's QMP events; the time stamp is added above.
 *
 * A change of status also says why, which QEMU's does not; a monitor leaves that out.
 */

import type { BlockError } from '../base/errors.ts';
import type { ErrorAction, IoStatus } from '../block/error-policy.ts';
import type { JobStatus } from './states.ts';

/** How far a job is, in QEMU's terms. */
export interface JobProgress {
  /** Bytes done since the start; a byte that was done twice counts twice. */
  readonly offset: number;
  /** `offset` and what is left to do, as far as is known now. */
  readonly len: number;
}

/** What a job does. One that creates is no block job: it has no disks, and no events of such. */
export type JobType = 'mirror' | 'create';

/** What most events of a block job carry. */
export interface BlockJobInfo extends JobProgress {
  readonly type: JobType;
  /** The id of the job. */
  readonly device: string;
  /** The limit in bytes a second; 0 is none. */
  readonly speed: number;
}

export type JobEvent =
  | {
      readonly event: 'JOB_STATUS_CHANGE';
      readonly data: { readonly id: string; readonly status: JobStatus };
      /** For people: what brought the change about. */
      readonly reason: string;
    }
  /** Source and target have met; once for a job. */
  | { readonly event: 'BLOCK_JOB_READY'; readonly data: BlockJobInfo }
  /** The job waits to be finalized; only without `autoFinalize`. */
  | {
      readonly event: 'BLOCK_JOB_PENDING';
      readonly data: { readonly type: JobType; readonly id: string };
    }
  /** The job has ended: well, or with the error given. */
  | {
      readonly event: 'BLOCK_JOB_COMPLETED';
      readonly data: BlockJobInfo & { readonly error?: string };
    }
  | { readonly event: 'BLOCK_JOB_CANCELLED'; readonly data: BlockJobInfo }
  /** One request of the job failed. */
  | {
      readonly event: 'BLOCK_JOB_ERROR';
      readonly data: {
        readonly device: string;
        readonly operation: 'read' | 'write';
        readonly action: ErrorAction;
      };
    };

/** What can be asked of a job, in QEMU's terms (`query-block-jobs`). */
export interface JobState extends BlockJobInfo {
  readonly status: JobStatus;
  /** It was asked to pause, is paused already, or keeps its disks still for its end. */
  readonly paused: boolean;
  /** It is at work, rather than waiting for time to pass or for somebody. */
  readonly busy: boolean;
  readonly ready: boolean;
  readonly ioStatus: IoStatus;
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  readonly error?: string;
}

/** How a job ended. */
export type JobOutcome =
  | { readonly status: 'completed' }
  | { readonly status: 'cancelled' }
  | { readonly status: 'failed'; readonly error: BlockError };
