/**
 * What a job does, and the world as that work sees it; {@link Job} is the shell around it.
 */

import type { BlockError } from '../base/errors.ts';
import type { ErrorAction, ErrorPolicy } from '../block/error-policy.ts';
import type { Clock } from '../env/env.ts';
import type { BlockJobInfo, JobEvent, JobProgress } from './events.ts';
import type { JobTransaction } from './transaction.ts';

/** What a job is made with. */
export interface JobOptions {
  readonly id: string;
  readonly type: BlockJobInfo['type'];
  /** Bytes a second; 0 is no limit. */
  readonly speed: number;
  /** The result counts without being asked for by {@link Job.finalize}. @default true */
  readonly autoFinalize?: boolean | undefined;
  /** The job is forgotten when it is over, without {@link Job.dismiss}. @default true */
  readonly autoDismiss?: boolean | undefined;
  /** With whom it counts. @default With nobody. */
  readonly transaction?: JobTransaction | undefined;
  readonly clock: Clock;
  readonly onEvent: (event: JobEvent) => void;
}

/** What one kind of job does. */
export interface JobWork {
  /** Requests of the work that have begun and not ended, and that a drain has to wait for. */
  readonly inFlight: number;
  /**
   * Does the whole of it. Returns after {@link JobControl.settle} and what has to follow that;
   * otherwise rejects. Nothing of it is left in flight, but for what a forced cancel gave up.
   *
   * @throws {BlockError} What it failed with.
   * @throws {JobCancelled} After a forced cancel.
   */
  run(control: JobControl): Promise<void>;
  progress(): JobProgress;
  /** Applies a new limit; 0 is none. @throws {BlockError} `EINVAL` for what is no speed. */
  setSpeed(bytesPerSecond: number): void;
  /** The job was cancelled by force: what is in flight may never end, and is given up. */
  giveUp(): void;
}

/** A request of the work that failed. */
export interface FailedRequest {
  readonly operation: 'read' | 'write';
  readonly policy: ErrorPolicy;
  readonly error: BlockError;
}

/** The world as the work sees it. */
export interface JobControl {
  /** How the job was asked to end, once it is ready. */
  readonly ending: 'complete' | 'cancel' | undefined;
  /** Whether the work should come to a {@link JobControl.pausePoint} soon. */
  readonly pausing: boolean;
  /** Whether the work should leave at once. */
  readonly isCancelled: boolean;
  /** Whether an error has paused it, and nobody has resumed it since. */
  readonly isStopped: boolean;
  /** @throws {JobCancelled} When the work should leave at once. */
  leaveIfCancelled(): void;
  /** Rests while the job is paused or a drain lasts; the caller has nothing in flight. */
  pausePoint(): Promise<void>;
  /** Sleeps until the time is over, a verb has come or {@link JobControl.wake} is called. */
  sleep(delayMs?: number): Promise<void>;
  /** Something has changed that the work may wait for. */
  wake(): void;
  /** Source and target have met. */
  ready(): void;
  /** Tells of a request that failed; to `stop` pauses the job until somebody resumes it. */
  failed(request: FailedRequest): ErrorAction;
  /**
   * Says that the work is done, and waits for leave to make it count. After that no cancel can
   * come between.
   *
   * @throws {JobCancelled} When it must not count.
   */
  settle(): Promise<void>;
}

/** Ends the work of a job that was cancelled; never leaves the job. */
export class JobCancelled extends Error {
  override readonly name = 'JobCancelled';
}
