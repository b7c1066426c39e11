/**
 * A running mirror in the hands of the program that started it.
 *
 * Beside steering the job it looks after the target's file: it gets its name when source and target
 * have met, it is removed when the job ends without that, and whichever disk the guest is not on at
 * the end is closed.
 */

import { BlockError } from '../base/errors.ts';
import type { Clock } from '../env/env.ts';
import type { JobEvent, JobOutcome, JobState } from '../jobs/events.ts';
import type { Job } from '../jobs/job.ts';
import type { MirrorJournal } from '../jobs/mirror/hold.ts';
import type { MirrorProgress, MirrorWork } from '../jobs/mirror/mirror.ts';
import type { CopyMode } from '../jobs/mirror/options.ts';
import type { JobStatus } from '../jobs/states.ts';
import { sleepUntil } from '../sync/alarm.ts';
import { Channel } from '../sync/channel.ts';
import type { MachineJobs, MirrorStart, StartedMirror } from './jobs.ts';
import type { Machine, MachineEvent, Stamped } from './machine.ts';

/** Events kept for a consumer that is slow or has not begun. */
const EVENTS_MAX = 1024;
/** How often progress is given unless asked otherwise, in milliseconds. */
const PROGRESS_MS = 500;

/** How a mirror ended. */
export type MirrorOutcome =
  | {
      readonly status: 'completed';
      /** Whether the guest is on the target now. */
      readonly switched: boolean;
    }
  /** The target may be inconsistent; a file that the mirror made is gone. */
  | { readonly status: 'cancelled' }
  | { readonly status: 'failed'; readonly error: BlockError };

/** What is to be done around the job. */
export interface MirrorUpkeep {
  /** Source and target have met for the first time. @throws {BlockError} Which fails the mirror. */
  met(): Promise<void>;
  /** The job is over. */
  ended(outcome: MirrorOutcome, mirror: Mirror): Promise<void>;
}

/** What a mirror is put together from. */
interface MirrorParts {
  readonly events: Channel<Stamped<JobEvent>>;
  /** Resolves when source and target first meet. */
  readonly met: Promise<void>;
  readonly upkeep: MirrorUpkeep;
  readonly unsubscribe: () => void;
  readonly journal: MirrorJournal | undefined;
}

export class Mirror {
  /** The id of the job. */
  readonly id: string;
  /** Resolves when source and target first meet; rejects when the job ends before that. */
  readonly ready: Promise<void>;
  /** Resolves when the job is over and everything around it is done. */
  readonly finished: Promise<MirrorOutcome>;
  readonly #clock: Clock;
  readonly #job: Job;
  readonly #work: MirrorWork;
  /** Whether a mirror of the same files could go on where this one is. */
  readonly isPersistent: boolean;
  /** Bytes that an earlier mirror has left to copy; `undefined` when this is the first. */
  readonly resumedBytes: number | undefined;
  readonly #events: Channel<Stamped<JobEvent>>;
  #isKept = false;

  /** Starts the job. @throws {BlockError} As {@link MachineJobs.startMirror}. */
  static async start(machine: Machine, start: MirrorStart, upkeep: MirrorUpkeep): Promise<Mirror> {
    const events = new Channel<Stamped<JobEvent>>({ lengthMax: EVENTS_MAX });
    let meet = () => {};
    const met = new Promise<void>((resolve) => {
      meet = resolve;
    });
    const unsubscribe = machine.subscribe((event) => {
      if (!isOfJob(event, start.id)) return;
      events.push(event);
      if (event.event === 'BLOCK_JOB_READY') meet();
    });
    try {
      const started = await machine.jobs.startMirror(start);
      const { journal } = start;
      const parts = { events, met, upkeep, unsubscribe, journal };
      return new Mirror(machine.env.clock, started, parts);
    } catch (error) {
      unsubscribe();
      throw error;
    }
  }

  private constructor(clock: Clock, { job, work }: StartedMirror, parts: MirrorParts) {
    const { events, met, upkeep, unsubscribe, journal } = parts;
    this.id = job.id;
    this.isPersistent = journal !== undefined;
    this.resumedBytes = journal?.resumed?.dirtyBytes;
    this.#clock = clock;
    this.#events = events;
    this.#job = job;
    this.#work = work;
    const kept = met.then(() => this.#keep(upkeep));
    this.finished = this.#end(kept, upkeep, unsubscribe);
    this.ready = Promise.race([kept.then(() => {}), this.finished.then(refuseReady)]);
    // Nobody has to wait for it: that a mirror failed is told by `finished` as well.
    this.ready.catch(() => {});
  }

  get status(): JobStatus {
    return this.#job.status;
  }

  /** What QEMU's `query-block-jobs` tells of it, counted at this moment. */
  get state(): JobState {
    return this.#job.state;
  }

  /** How far the mirror is, counted at this moment. */
  get progress(): MirrorProgress {
    return this.#work.progress();
  }

  /** The limit of phase 1 in bytes a second; 0 is none. */
  get speed(): number {
    return this.#job.speed;
  }

  /**
   * The job's events from its start to its end, once; a consumer that is far behind misses some.
   */
  events(): AsyncIterable<Stamped<JobEvent>> {
    return this.#events;
  }

  /** Gives the progress now, every `everyMs` milliseconds, and a last time when the job is over. */
  async *watch({
    everyMs = PROGRESS_MS,
  }: {
    readonly everyMs?: number;
  } = {}): AsyncGenerator<MirrorProgress, void> {
    let isOver = false;
    const over = this.finished.then(() => {
      isOver = true;
    });
    while (!isOver) {
      yield this.progress;
      await sleepUntil(this.#clock, everyMs, over);
    }
    yield this.progress;
  }

  /**
   * Switches the guest to the target and ends: what it writes from then on goes there.
   *
   * @throws {BlockError} As {@link Mirror.complete}, which is QEMU's name for it.
   */
  switch(): Promise<MirrorOutcome> {
    return this.complete();
  }

  /**
   * Ends with a consistent copy, the guest staying on the source: once both are equal and still.
   *
   * @throws {BlockError} `EPERM` when source and target have not met yet, for there is no such
   *   copy; else as {@link Mirror.cancel}, which is QEMU's name for it in phase 2.
   */
  async finish(): Promise<MirrorOutcome> {
    if (this.#work.progress().phase === 1) {
      const reason = 'source and target have not met yet';
      throw new BlockError('EPERM', `finish the mirror "${this.id}"`, reason);
    }
    return this.cancel();
  }

  /** Ends at once, also when the target never answers; what the target holds is anybody's guess. */
  abort(): Promise<MirrorOutcome> {
    return this.cancel({ force: true });
  }

  /**
   * Ends a ready mirror with the guest on the target.
   *
   * @throws {BlockError} `EPERM` when source and target have not met yet or a cancel is under way;
   *   what the job failed with, if it does.
   */
  async complete(): Promise<MirrorOutcome> {
    this.#job.complete();
    return this.#outcome();
  }

  /**
   * Ends the mirror with the guest on the source. Before source and target have met, or with
   * `force`, the outcome is cancelled; else the job runs on until they are equal, and is completed.
   *
   * @throws {BlockError} `EPERM` when the job is over, or paused and not forced; what the job
   *   failed with, if it does.
   */
  async cancel({ force = false }: { readonly force?: boolean } = {}): Promise<MirrorOutcome> {
    this.#job.cancel({ force });
    return this.#outcome();
  }

  /** Whether its files are kept for a mirror that goes on from here. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /**
   * Keeps the files for a mirror that goes on from here, if this one is persistent and ends before
   * it is complete. Nobody may write to the source from now on.
   */
  keep(): void {
    if (!this.isPersistent) return;
    this.#isKept = true;
    this.#work.keepJournal();
  }

  /** Stops copying soon; the guest goes on. @throws {BlockError} `EPERM` when it is paused. */
  pause(): void {
    this.#job.pause();
  }

  /** @throws {BlockError} `EPERM` when it is not paused. */
  resume(): void {
    this.#job.resume();
  }

  /** Changes how guest writes reach the target. @throws {BlockError} `EPERM` when it is over. */
  setCopyMode(copyMode: CopyMode): void {
    this.#job.change(() => this.#work.setCopyMode(copyMode));
  }

  /** Lets the result of a mirror without `autoFinalize` count. @throws {BlockError} `EPERM`. */
  finalize(): void {
    this.#job.finalize();
  }

  /**
   * Changes the limit of phase 1.
   *
   * @param bytesPerSecond 0 is none.
   * @throws {BlockError} `EINVAL` for what is no speed, `EPERM` when the job is over.
   */
  setSpeed(bytesPerSecond: number): void {
    this.#job.setSpeed(bytesPerSecond);
  }

  async #outcome(): Promise<MirrorOutcome> {
    const outcome = await this.finished;
    if (outcome.status === 'failed') throw outcome.error;
    return outcome;
  }

  /** @returns What went wrong, which ends the mirror. */
  async #keep(upkeep: MirrorUpkeep): Promise<BlockError | undefined> {
    try {
      await upkeep.met();
      return undefined;
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      if (this.status !== 'null') this.#job.cancel({ force: true });
      return error;
    }
  }

  async #end(
    kept: Promise<BlockError | undefined>,
    upkeep: MirrorUpkeep,
    unsubscribe: () => void,
  ): Promise<MirrorOutcome> {
    const ended = await this.#job.finished;
    unsubscribe();
    const hasMet = this.#work.progress().phase === 2;
    const error = hasMet ? await kept : undefined;
    const outcome = error ? ({ status: 'failed', error } as const) : this.#describe(ended);
    await upkeep.ended(outcome, this);
    this.#events.close();
    return outcome;
  }

  #describe(ended: JobOutcome): MirrorOutcome {
    if (ended.status !== 'completed') return ended;
    return { status: 'completed', switched: this.#work.switched };
  }
}

function refuseReady(outcome: MirrorOutcome): never {
  if (outcome.status === 'failed') throw outcome.error;
  throw new BlockError('ECANCELED', 'wait for the mirror', `it was ${outcome.status}`);
}

function isOfJob(event: MachineEvent, id: string): event is Stamped<JobEvent> {
  switch (event.event) {
    case 'JOB_STATUS_CHANGE':
    case 'BLOCK_JOB_PENDING':
      return event.data.id === id;
    case 'BLOCK_JOB_READY':
    case 'BLOCK_JOB_COMPLETED':
    case 'BLOCK_JOB_CANCELLED':
    case 'BLOCK_JOB_ERROR':
      return event.data.device === id;
    default:
      return false;
  }
}
