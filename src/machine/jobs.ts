/** The jobs of a machine: started, found by their ids, and forgotten when they are over. */

import { BlockError } from '../base/errors.ts';
import { isIdentifier } from '../base/identifier.ts';
import type { BlockGraph } from '../block/graph.ts';
import type { Env } from '../env/env.ts';
import { CreateWork } from '../jobs/create.ts';
import type { JobEvent } from '../jobs/events.ts';
import { Job } from '../jobs/job.ts';
import type { MirrorJournal } from '../jobs/mirror/hold.ts';
import { MirrorWork } from '../jobs/mirror/mirror.ts';
import type { MirrorOptions } from '../jobs/mirror/options.ts';
import type { JobTransaction } from '../jobs/transaction.ts';
import type { JobOptions } from '../jobs/work.ts';

/** A mirror job and what it knows beyond a job. */
export interface StartedMirror {
  readonly job: Job;
  readonly work: MirrorWork;
}

export interface MirrorStart extends MirrorOptions {
  /** QEMU's rule: a letter, then letters, digits, `-`, `.` and `_`. */
  readonly id: string;
  /** The name of the node to copy. */
  readonly source: string;
  /** The name of the node to copy to; nobody else may use it. */
  readonly target: string;
  /** The result counts without {@link Job.finalize}. @default true */
  readonly autoFinalize?: boolean;
  /** The job is forgotten when it is over, without {@link Job.dismiss}. @default true */
  readonly autoDismiss?: boolean;
  /** With whom it counts. @default With nobody. */
  readonly transaction?: JobTransaction;
  /** Records what may differ, for a mirror after a crash. */
  readonly journal?: MirrorJournal | undefined;
}

/** The parts of a machine that jobs need. */
export interface JobsParts {
  readonly env: Env;
  readonly graph: BlockGraph;
  readonly onEvent: (event: JobEvent) => void;
}

export class MachineJobs {
  readonly #parts: JobsParts;
  readonly #jobs = new Map<string, Job>();
  /** What those do that mirror. */
  readonly #mirrors = new WeakMap<Job, MirrorWork>();

  constructor(parts: JobsParts) {
    this.#parts = parts;
  }

  /** Those that are not forgotten yet, the oldest first. */
  get all(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  find(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** What a job does, if it is a mirror that has started. */
  mirrorOf(job: Job): MirrorWork | undefined {
    return this.#mirrors.get(job);
  }

  /**
   * Starts a mirror job; writes that come after this has resolved are not missed.
   *
   * @throws {BlockError} `EINVAL` for options that are wrong, `EEXIST` for an id in use, `ENODEV`
   *   for a node that is not there, `EBUSY` for a disk in use, `EPERM` for a read-only target.
   */
  async startMirror(start: MirrorStart): Promise<StartedMirror> {
    try {
      return await this.#startMirror(start);
    } catch (error) {
      start.transaction?.giveUp();
      throw error;
    }
  }

  /**
   * Starts a job that makes an image, and that stays when it is over until it is dismissed.
   *
   * @param create As {@link CreateWork}'s.
   * @throws {BlockError} `EINVAL` for what is no id, `EEXIST` for one in use.
   */
  startCreate(id: string, create: () => Promise<void>): Job {
    const { onEvent } = this.#parts;
    const job = this.#add({ id, type: 'create', speed: 0, autoDismiss: false }, (event) => {
      if (event.event === 'JOB_STATUS_CHANGE') onEvent(event);
    });
    job.start(new CreateWork(create));
    return job;
  }

  async #startMirror(start: MirrorStart): Promise<StartedMirror> {
    const { source, target, id, autoFinalize, autoDismiss, transaction, journal, ...rest } = start;
    const { graph, env } = this.#parts;
    const stage = { graph, source: graph.find(source), target: graph.find(target) };
    const settings = MirrorWork.check(stage, rest);
    const { speed } = settings;
    const options = { id, speed, autoFinalize, autoDismiss, transaction };
    const job = this.#add({ type: 'mirror', ...options }, this.#parts.onEvent);
    try {
      const work = await MirrorWork.start({ env, id, parent: job, journal, ...stage }, settings);
      this.#mirrors.set(job, work);
      job.start(work);
      return { job, work };
    } catch (error) {
      job.discard();
      throw error;
    }
  }

  #add(options: Omit<JobOptions, 'clock' | 'onEvent'>, onEvent: (event: JobEvent) => void): Job {
    const { id } = options;
    this.#demandId(id);
    const job = new Job({
      clock: this.#parts.env.clock,
      onEvent: (event) => {
        // Before anybody is told, who may start another one by that id.
        if (event.event === 'JOB_STATUS_CHANGE' && event.data.status === 'null') {
          this.#jobs.delete(id);
        }
        onEvent(event);
      },
      ...options,
    });
    this.#jobs.set(id, job);
    return job;
  }

  #demandId(id: string): void {
    if (!isIdentifier(id)) {
      throw new BlockError('EINVAL', 'start the job', `Invalid job ID '${id}'`);
    }
    if (this.#jobs.has(id)) {
      throw new BlockError('EEXIST', 'start the job', `Job ID '${id}' already in use`);
    }
  }
}
