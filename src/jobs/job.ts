/**
 * The life of a job: its status, the verbs that steer it, and the events it tells.
 *
 * What the job does is a {@link JobWork}; this is the shell around it. The work runs as one async
 * function and sees the world through {@link JobControl}: it asks whether it should pause or leave,
 * says when it is ready, and asks at the end whether the result counts. Its scopes (a drain held
 * until after the pivot, say) therefore are lexical.
 *
 * The ends, in QEMU's order of events:
 *
 *     success   … ready, BLOCK_JOB_READY, waiting, pending, BLOCK_JOB_COMPLETED, concluded, null
 *     failure   … aborting, BLOCK_JOB_COMPLETED with an error, concluded, null
 *     cancelled … aborting, BLOCK_JOB_CANCELLED, concluded, null
 */

import { assert } from '../base/assert.ts';
import { BlockError } from '../base/errors.ts';
import type { Clock } from '../env/env.ts';
import { Alarm } from '../sync/alarm.ts';
import type { BlockJobInfo, JobEvent, JobProgress } from './events.ts';
import { type JobStatus, type JobVerb, TRANSITIONS, VERBS } from './states.ts';

/** What one kind of job does. */
export interface JobWork {
  readonly type: 'mirror';
  /**
   * Does the whole of it. Returns after {@link JobControl.settle} and what has to follow that;
   * otherwise rejects, with nothing of it left in flight.
   *
   * @throws {BlockError} What it failed with.
   * @throws {JobCancelled} After a forced cancel.
   */
  run(control: JobControl): Promise<void>;
  progress(): JobProgress;
  /** Applies a new limit; 0 is none. @throws {BlockError} `EINVAL` for what is no speed. */
  setSpeed(bytesPerSecond: number): void;
}

/** The world as the work sees it. */
export interface JobControl {
  /** How the job was asked to end, once it is ready. */
  readonly ending: 'complete' | 'cancel' | undefined;
  /** Whether the work should come to a {@link JobControl.pausePoint} soon. */
  readonly pausing: boolean;
  /** @throws {JobCancelled} When the work should leave at once. */
  leaveIfCancelled(): void;
  /** Rests while the job is paused; the caller has nothing in flight. */
  pausePoint(): Promise<void>;
  /** Sleeps until the time is over, a verb has come or {@link JobControl.wake} is called. */
  sleep(delayMs?: number): Promise<void>;
  wake(): void;
  /** Source and target have met. */
  ready(): void;
  /** Tells of a request that failed, and thereby that the job will. */
  report(operation: 'read' | 'write'): void;
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

/** How a job ended. */
export type JobOutcome =
  | { readonly status: 'completed' }
  | { readonly status: 'cancelled' }
  | { readonly status: 'failed'; readonly error: BlockError };

export interface JobOptions {
  readonly id: string;
  /** Bytes a second; 0 is no limit. */
  readonly speed: number;
  readonly clock: Clock;
  readonly onEvent: (event: JobEvent) => void;
}

export class Job implements JobControl {
  readonly id: string;
  /** Resolves when the job is over; rejects only if this program is wrong. */
  readonly finished: Promise<JobOutcome>;
  readonly #work: JobWork;
  readonly #onEvent: (event: JobEvent) => void;
  readonly #alarm: Alarm;
  #finish: (outcome: Promise<JobOutcome>) => void = () => {};
  #status: JobStatus = 'created';
  #speed: number;
  #paused = false;
  #ending: 'complete' | 'cancel' | undefined;
  /** `cancelled` is a forced cancel; after `decided` the result counts, and no cancel comes in. */
  #verdict: 'open' | 'cancelled' | 'decided' = 'open';

  constructor({ id, speed, clock, onEvent }: JobOptions, work: JobWork) {
    this.id = id;
    this.#work = work;
    this.#onEvent = onEvent;
    this.#alarm = new Alarm(clock);
    this.#speed = speed;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  get status(): JobStatus {
    return this.#status;
  }

  get speed(): number {
    return this.#speed;
  }

  get progress(): JobProgress {
    return this.#work.progress();
  }

  /** Begins the work; everything the work does before its first `await` is done on return. */
  start(): void {
    this.#tell('created');
    this.#become('running');
    this.#finish(this.#main());
  }

  /**
   * Ends the job. Before it is ready, or forced, it is CANCELLED and the target may be
   * inconsistent. Once it is ready, it runs on until source and target are equal and is COMPLETED,
   * the guest staying with the source.
   *
   * @throws {BlockError} `EPERM` in a status that does not allow it, or when a cancel without force
   *   finds the job paused.
   */
  cancel({ force }: { readonly force: boolean }): void {
    this.#accept('cancel');
    if (this.#verdict !== 'open') return;
    const hasMet = this.#status === 'ready' || this.#status === 'standby';
    if (!force && hasMet) {
      if (this.#paused) {
        throw this.#refusal('cancel', `The block job for device '${this.id}' is currently paused`);
      }
      this.#ending ??= 'cancel';
    } else {
      this.#verdict = 'cancelled';
      this.#paused = false;
    }
    this.#alarm.ring();
  }

  /** Ends a ready job by switching the guest to the target. @throws {BlockError} `EPERM`. */
  complete(): void {
    this.#accept('complete');
    if (this.#ending === 'cancel' || this.#verdict !== 'open') {
      throw this.#refusal('complete', `The active block job '${this.id}' cannot be completed`);
    }
    this.#ending = 'complete';
    this.#alarm.ring();
  }

  /** Stops the work at its next pause point. @throws {BlockError} `EPERM`. */
  pause(): void {
    this.#accept('pause');
    if (this.#paused) throw this.#refusal('pause', 'Job is already paused');
    this.#paused = true;
    this.#alarm.ring();
  }

  /** @throws {BlockError} `EPERM`. */
  resume(): void {
    if (!this.#paused) throw this.#refusal('resume', "Can't resume a job that was not paused");
    this.#accept('resume');
    this.#paused = false;
    this.#alarm.ring();
  }

  /** @param bytesPerSecond 0 is no limit. @throws {BlockError} `EPERM`, `EINVAL` for no speed. */
  setSpeed(bytesPerSecond: number): void {
    this.#accept('set-speed');
    this.#work.setSpeed(bytesPerSecond);
    this.#speed = bytesPerSecond;
    this.#alarm.ring();
  }

  get ending(): 'complete' | 'cancel' | undefined {
    return this.#ending;
  }

  get pausing(): boolean {
    return this.#paused;
  }

  leaveIfCancelled(): void {
    if (this.#verdict === 'cancelled') throw new JobCancelled();
  }

  async pausePoint(): Promise<void> {
    this.leaveIfCancelled();
    if (!this.#paused) return;
    const atWork = this.#status;
    this.#become(atWork === 'ready' ? 'standby' : 'paused');
    while (this.#paused) await this.#alarm.sleep();
    this.#become(atWork);
    this.leaveIfCancelled();
  }

  sleep(delayMs?: number): Promise<void> {
    return this.#alarm.sleep(delayMs);
  }

  wake(): void {
    this.#alarm.ring();
  }

  ready(): void {
    this.#become('ready');
    this.#onEvent({ event: 'BLOCK_JOB_READY', data: this.#info() });
  }

  report(operation: 'read' | 'write'): void {
    this.#onEvent({
      event: 'BLOCK_JOB_ERROR',
      data: { device: this.id, operation, action: 'report' },
    });
  }

  async settle(): Promise<void> {
    this.leaveIfCancelled();
    this.#become('waiting');
    this.#become('pending');
    // Whoever was told of the new status may have answered with a cancel.
    this.leaveIfCancelled();
    this.#verdict = 'decided';
  }

  async #main(): Promise<JobOutcome> {
    try {
      await this.#work.run(this);
    } catch (error) {
      return this.#abort(error);
    }
    assert(this.#status === 'pending', 'the work of a job settles before it returns');
    this.#onEvent({ event: 'BLOCK_JOB_COMPLETED', data: this.#info() });
    this.#conclude();
    return { status: 'completed' };
  }

  #abort(error: unknown): JobOutcome {
    this.#become('aborting');
    if (error instanceof JobCancelled) {
      this.#onEvent({ event: 'BLOCK_JOB_CANCELLED', data: this.#info() });
      this.#conclude();
      return { status: 'cancelled' };
    }
    const text = error instanceof BlockError ? error.description : String(error);
    this.#onEvent({ event: 'BLOCK_JOB_COMPLETED', data: { ...this.#info(), error: text } });
    this.#conclude();
    if (!(error instanceof BlockError)) throw error;
    return { status: 'failed', error };
  }

  #conclude(): void {
    this.#become('concluded');
    this.#become('null');
  }

  #become(status: JobStatus): void {
    assert(
      TRANSITIONS[this.#status].includes(status),
      `a job may go from ${this.#status} to ${status}`,
    );
    this.#status = status;
    this.#tell(status);
  }

  #tell(status: JobStatus): void {
    this.#onEvent({ event: 'JOB_STATUS_CHANGE', data: { id: this.id, status } });
  }

  #info(): BlockJobInfo {
    const { offset, len } = this.#work.progress();
    return { type: this.#work.type, device: this.id, len, offset, speed: this.#speed };
  }

  #accept(verb: JobVerb): void {
    if (VERBS[verb].includes(this.#status)) return;
    const state = `in state '${this.#status}' cannot accept command verb '${verb}'`;
    throw this.#refusal(verb, `Job '${this.id}' ${state}`);
  }

  #refusal(verb: JobVerb, reason: string): BlockError {
    return new BlockError('EPERM', `${verb} the job "${this.id}"`, reason);
  }
}
