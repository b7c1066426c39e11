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
 *
 * A job pauses for its user, for an error (which is a pause that the user ends) and for drains of
 * its disks. The user's pause counts once, however often it was asked for; each drain counts.
 */

import { assert } from '../base/assert.ts';
import { BlockError } from '../base/errors.ts';
import {
  type ErrorAction,
  errorAction,
  type IoStatus,
  ioStatusAfter,
} from '../block/error-policy.ts';
import type { RestingParent } from '../block/parent.ts';
import { Alarm } from '../sync/alarm.ts';
import { Signal } from '../sync/signal.ts';
import type { BlockJobInfo, JobEvent, JobOutcome, JobProgress, JobState } from './events.ts';
import { type JobStatus, type JobVerb, TRANSITIONS, VERBS, WHILE_AT_WORK } from './states.ts';
import { JobTransaction, type TransactionMember } from './transaction.ts';
import {
  type FailedRequest,
  JobCancelled,
  type JobControl,
  type JobOptions,
  type JobWork,
} from './work.ts';

export class Job implements JobControl, TransactionMember, RestingParent {
  readonly id: string;
  readonly type: BlockJobInfo['type'];
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  /** Resolves when the job is concluded; rejects only if this program is wrong. */
  readonly finished: Promise<JobOutcome>;
  /** Resolves when the job is forgotten. */
  readonly dismissed: Promise<void>;
  readonly #onEvent: (event: JobEvent) => void;
  readonly #alarm: Alarm;
  readonly #transaction: JobTransaction;
  readonly #resting = new Signal();
  readonly #decided = new Signal();
  #work: JobWork | undefined;
  #finish: (outcome: Promise<JobOutcome>) => void = () => {};
  #forget: () => void = () => {};
  #status: JobStatus = 'created';
  #speed: number;
  /** The user's pause, or an error's; says why. */
  #userPause: string | undefined;
  #drains = 0;
  #atPausePoint = false;
  #ioStatus: IoStatus = 'ok';
  #error: BlockError | undefined;
  #ending: 'complete' | 'cancel' | undefined;
  /** `cancelled` is a forced cancel; after `decided` the result counts, and no cancel comes in. */
  #verdict: 'open' | 'cancelled' | 'decided' = 'open';

  constructor(options: JobOptions) {
    this.id = options.id;
    this.type = options.type;
    this.autoFinalize = options.autoFinalize ?? true;
    this.autoDismiss = options.autoDismiss ?? true;
    this.#onEvent = options.onEvent;
    this.#alarm = new Alarm(options.clock);
    this.#speed = options.speed;
    this.#transaction = options.transaction ?? new JobTransaction();
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.dismissed = new Promise((resolve) => {
      this.#forget = resolve;
    });
    this.#transaction.add(this);
    this.#tell('it was created');
  }

  get status(): JobStatus {
    return this.#status;
  }

  get speed(): number {
    return this.#speed;
  }

  get progress(): JobProgress {
    return this.#work?.progress() ?? { offset: 0, len: 0 };
  }

  /** What a query tells. */
  get state(): JobState {
    return {
      ...this.#info(),
      status: this.#status,
      paused: this.pausing || this.#status === 'waiting' || this.#status === 'pending',
      busy:
        WHILE_AT_WORK.includes(this.#status) && !(this.#alarm.isSleeping && !this.#work?.inFlight),
      ready: this.#status === 'ready' || this.#status === 'standby',
      ioStatus: this.#ioStatus,
      autoFinalize: this.autoFinalize,
      autoDismiss: this.autoDismiss,
      ...(this.#error && { error: this.#error.description }),
    };
  }

  /** Begins the work; everything the work does before its first `await` is done on return. */
  start(work: JobWork): void {
    this.#work = work;
    this.#become('running', 'its work begins');
    this.#finish(this.#main(work));
  }

  /** Ends a job that was not started, without a trace but for its transaction, which has failed. */
  discard(): void {
    assert(this.#status === 'created', 'a job that has started is cancelled');
    this.#verdict = 'cancelled';
    this.#transaction.fail(this);
    this.#become('null', 'it was not started');
    this.#finish(Promise.resolve({ status: 'cancelled' }));
    this.#forget();
  }

  /**
   * Ends the job. Before it is ready, or forced, it is CANCELLED and the target may be
   * inconsistent. Once it is ready, it runs on until source and target are equal and is COMPLETED,
   * the guest staying with the source.
   *
   * @throws {BlockError} `EPERM` in a status that does not allow it, or when a cancel without force
   *   finds the job paused by its user or an error.
   */
  cancel({ force }: { readonly force: boolean }): void {
    if (!force && this.#userPause !== undefined) {
      throw this.#refusal('cancel', `The block job for device '${this.id}' is currently paused`);
    }
    this.#accept('cancel');
    if (this.#verdict !== 'open') return;
    const hasMet = this.#status === 'ready' || this.#status === 'standby';
    if (force || !hasMet) {
      this.#cancelNow('it was cancelled');
      return;
    }
    this.#ending ??= 'cancel';
    this.wake();
  }

  /** Ends a ready job by switching the guest to the target. @throws {BlockError} `EPERM`. */
  complete(): void {
    this.#accept('complete');
    if (this.#ending === 'cancel' || this.#verdict !== 'open') {
      throw this.#refusal('complete', `The active block job '${this.id}' cannot be completed`);
    }
    this.#ending = 'complete';
    this.wake();
  }

  /** Stops the work at its next pause point. @throws {BlockError} `EPERM`. */
  pause(): void {
    this.#accept('pause');
    if (this.#userPause !== undefined) throw this.#refusal('pause', 'Job is already paused');
    this.#userPause = 'its user paused it';
    this.wake();
  }

  /** Also mends the status that an error left. @throws {BlockError} `EPERM`. */
  resume(): void {
    if (this.#userPause === undefined) {
      throw this.#refusal('resume', "Can't resume a job that was not paused");
    }
    this.#accept('resume');
    this.#ioStatus = 'ok';
    this.#userPause = undefined;
    this.wake();
  }

  /** @param bytesPerSecond 0 is no limit. @throws {BlockError} `EPERM`, `EINVAL` for no speed. */
  setSpeed(bytesPerSecond: number): void {
    this.#accept('set-speed');
    this.#work?.setSpeed(bytesPerSecond);
    this.#speed = bytesPerSecond;
    this.wake();
  }

  /** Lets `change` alter what the work does. @throws {BlockError} `EPERM`, or what it refuses. */
  change(change: () => void): void {
    this.#accept('change');
    change();
    this.wake();
  }

  /** Lets the results of a pending job's transaction count. @throws {BlockError} `EPERM`. */
  finalize(): void {
    this.#accept('finalize');
    this.#transaction.finalize();
  }

  /** Forgets a concluded job. @throws {BlockError} `EPERM`. */
  dismiss(): void {
    this.#accept('dismiss');
    this.#become('null', 'it was dismissed');
    this.#forget();
  }

  get ending(): 'complete' | 'cancel' | undefined {
    return this.#ending;
  }

  get pausing(): boolean {
    return this.#userPause !== undefined || this.#drains > 0;
  }

  get isCancelled(): boolean {
    return this.#verdict === 'cancelled';
  }

  get isStopped(): boolean {
    return this.#ioStatus !== 'ok';
  }

  leaveIfCancelled(): void {
    if (this.isCancelled) throw new JobCancelled();
  }

  async pausePoint(): Promise<void> {
    this.leaveIfCancelled();
    if (!this.pausing) return;
    const atWork = this.#status;
    const why = this.#userPause ?? 'a drain of its disks';
    this.#become(atWork === 'ready' ? 'standby' : 'paused', why);
    this.#atPausePoint = true;
    this.#resting.notifyAll();
    while (this.pausing && !this.isCancelled) await this.#alarm.sleep();
    this.#atPausePoint = false;
    this.#become(atWork, this.isCancelled ? 'it was cancelled' : 'it goes on');
    this.leaveIfCancelled();
  }

  sleep(delayMs?: number): Promise<void> {
    return this.#alarm.sleep(delayMs);
  }

  wake(): void {
    this.#alarm.ring();
    if (this.isResting) this.#resting.notifyAll();
  }

  ready(): void {
    this.#become('ready', 'source and target have met');
    this.#onEvent({ event: 'BLOCK_JOB_READY', data: this.#info() });
  }

  failed({ operation, policy, error }: FailedRequest): ErrorAction {
    const action = errorAction(policy, error);
    this.#onEvent({
      event: 'BLOCK_JOB_ERROR',
      data: { device: this.id, operation, action },
    });
    if (action === 'stop' && this.#verdict === 'open') {
      this.#ioStatus = ioStatusAfter(this.#ioStatus, error);
      this.#userPause ??= `an error: ${error.message}`;
      this.wake();
    }
    return action;
  }

  async settle(): Promise<void> {
    this.leaveIfCancelled();
    this.#become('waiting', 'its work is done');
    this.#resting.notifyAll();
    this.#transaction.wait(this);
    while (this.#verdict === 'open') await this.#decided.wait();
    this.leaveIfCancelled();
  }

  pend(): void {
    this.#become('pending', 'all of its transaction are done');
    if (this.autoFinalize) return;
    this.#onEvent({ event: 'BLOCK_JOB_PENDING', data: { type: this.type, id: this.id } });
  }

  decide(): void {
    if (this.#verdict !== 'open') return;
    this.#verdict = 'decided';
    this.#decided.notifyAll();
  }

  abandon(): void {
    // One that was only created may be on its way to be started: it is cancelled as soon as it is.
    if (this.#verdict === 'open') this.#cancelNow('another job of its transaction has failed');
  }

  beginRest(): void {
    this.#drains += 1;
    this.wake();
  }

  endRest(): void {
    this.#drains -= 1;
    this.wake();
  }

  get isResting(): boolean {
    // What a forced cancel gave up may be in flight for ever; nobody waits for it.
    if (this.#isOver) return true;
    if (this.#work && this.#work.inFlight > 0) return false;
    const isAtWork = this.#status !== 'created' && WHILE_AT_WORK.includes(this.#status);
    return this.#atPausePoint || !isAtWork || this.#verdict !== 'open';
  }

  async whenResting(): Promise<void> {
    while (!this.isResting) await this.#resting.wait();
  }

  get #isOver(): boolean {
    return this.#status === 'concluded' || this.#status === 'null';
  }

  #cancelNow(why: string): void {
    assert(this.#verdict === 'open', `a result that counts stays: ${why}`);
    this.#verdict = 'cancelled';
    this.#ioStatus = 'ok';
    this.#userPause = undefined;
    this.#work?.giveUp();
    this.#decided.notifyAll();
    this.wake();
  }

  async #main(work: JobWork): Promise<JobOutcome> {
    try {
      await work.run(this);
    } catch (error) {
      return this.#abort(error);
    }
    assert(this.#status === 'pending', 'the work of a job settles before it returns');
    this.#onEvent({ event: 'BLOCK_JOB_COMPLETED', data: this.#info() });
    this.#conclude('it has completed');
    return { status: 'completed' };
  }

  #abort(error: unknown): JobOutcome {
    const isCancel = error instanceof JobCancelled;
    this.#become('aborting', isCancel ? 'it was cancelled' : `it failed: ${String(error)}`);
    this.#transaction.fail(this);
    if (isCancel) {
      this.#error = new BlockError('ECANCELED', `finish the job "${this.id}"`, 'it was cancelled');
      this.#onEvent({ event: 'BLOCK_JOB_CANCELLED', data: this.#info() });
      this.#conclude('it was cancelled');
      return { status: 'cancelled' };
    }
    if (error instanceof BlockError) this.#error = error;
    const text = this.#error?.description ?? String(error);
    this.#onEvent({ event: 'BLOCK_JOB_COMPLETED', data: { ...this.#info(), error: text } });
    this.#conclude('it has failed');
    if (!this.#error) throw error;
    return { status: 'failed', error: this.#error };
  }

  #conclude(why: string): void {
    this.#become('concluded', why);
    this.#resting.notifyAll();
    if (this.autoDismiss) this.dismiss();
  }

  #become(status: JobStatus, reason: string): void {
    const from = this.#status;
    assert(TRANSITIONS[from].includes(status), `a job may go from ${from} to ${status}`);
    this.#status = status;
    this.#tell(reason);
  }

  #tell(reason: string): void {
    const data = { id: this.id, status: this.#status };
    this.#onEvent({ event: 'JOB_STATUS_CHANGE', data, reason });
  }

  #info(): BlockJobInfo {
    const { offset, len } = this.progress;
    return { type: this.type, device: this.id, len, offset, speed: this.#speed };
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
