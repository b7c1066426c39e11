/**
 * The mirror as the simulation knows it: the one place that depends on what jobs look like.
 */

import { BlockError } from '../base/errors.ts';
import type { ByteRange } from '../base/ranges.ts';
import type { JobProgress } from '../jobs/events.ts';
import type { MirrorPair } from '../jobs/mirror/pair.ts';
import type { JobStatus } from '../jobs/states.ts';
import type { MachineJobs, MirrorStart } from '../machine/jobs.ts';
import type { Machine, MachineEvent } from '../machine/machine.ts';
import type { JobVerb } from './move.ts';

/** Which granules are dirty, as far as the oracle asks. */
export interface DirtyView {
  readonly size: number;
  readonly granularity: number;
  readonly dirtyBytes: number;
  test(offset: number): boolean;
}

/** The inside of a mirror at one moment. */
export interface Inspection {
  readonly dirty: DirtyView;
  /** Whether a copy or a write of the guest has claimed a byte of the range, or waits for it. */
  isClaimed(range: ByteRange): boolean;
  /** Guest writes go to both disks, and both are equal but for those under way. */
  readonly activelySynced: boolean;
  /** A guest write that came now would go to both disks. */
  readonly isActive: boolean;
  /** Bytes of guest writes that are on their way to both disks. */
  readonly mirroring: number;
}

/** What a job of the machine told, as far as the oracle asks. */
export interface JobNews {
  /** By QEMU's name. */
  readonly name: string;
  readonly status?: string;
  readonly offset?: number;
  readonly len?: number;
  readonly error?: string;
  readonly operation?: string;
  readonly action?: string;
}

/** How a job was, when it was over. */
export type Ending = 'completed' | 'cancelled' | 'failed';

export interface MirrorView {
  readonly status: JobStatus;
  readonly progress: JobProgress;
  /** How it ended, once it has. */
  readonly ending: Ending | undefined;
  /** What went wrong that is nobody's fault but the program's. */
  readonly defect: unknown;
  inspect(): Inspection;
  /** Says something to the job. @returns What it refused it with, if it did. */
  say(verb: JobVerb, value?: number): BlockError | undefined;
}

type StartedMirror = Awaited<ReturnType<MachineJobs['startMirror']>>;

/** @throws {BlockError} What the start failed with. */
export async function startMirror(machine: Machine, options: MirrorStart): Promise<MirrorView> {
  return new StartedView(await machine.jobs.startMirror(options));
}

/** A class: an object literal with getters has a shape of its own each time it is made. */
class StartedView implements MirrorView {
  readonly #started: StartedMirror;
  readonly #inside: Inspection;
  #ending: Ending | undefined;
  #defect: unknown;

  constructor(started: StartedMirror) {
    this.#started = started;
    this.#inside = new Inside(started.work);
    started.job.finished.then(
      (outcome) => {
        this.#ending = outcome.status;
      },
      (error: unknown) => {
        this.#ending = 'failed';
        this.#defect = error;
      },
    );
  }

  get status(): JobStatus {
    return this.#started.job.status;
  }

  get progress(): JobProgress {
    return this.#started.job.progress;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  get defect(): unknown {
    return this.#defect;
  }

  inspect(): Inspection {
    return this.#inside;
  }

  say(verb: JobVerb, value = 0): BlockError | undefined {
    try {
      // A verb may one day wait for something; that it is over is seen by what the job does.
      Promise.resolve(this.#speak(verb, value)).catch(() => {});
      return undefined;
    } catch (error) {
      if (error instanceof BlockError) return error;
      throw error;
    }
  }

  #speak(verb: JobVerb, value: number): unknown {
    const { job, work } = this.#started;
    switch (verb) {
      case 'complete':
        return job.complete();
      case 'cancel':
        return job.cancel({ force: false });
      case 'cancel-force':
        return job.cancel({ force: true });
      case 'pause':
        return job.pause();
      case 'resume':
        return job.resume();
      case 'finalize':
        return job.finalize();
      case 'set-speed':
        return job.setSpeed(value);
      case 'background':
      case 'write-blocking':
        return job.change(() => work.setCopyMode(verb));
    }
  }
}

class Inside implements Inspection {
  readonly dirty: DirtyView;
  readonly #work: StartedMirror['work'];
  readonly #pair: MirrorPair;

  constructor(work: StartedMirror['work']) {
    const { dirty, pair } = work.inspect();
    this.dirty = dirty;
    this.#work = work;
    this.#pair = pair;
  }

  isClaimed(range: ByteRange): boolean {
    return this.#pair.claims.isBusy(range);
  }

  get isActive(): boolean {
    return this.#pair.isActive;
  }

  get mirroring(): number {
    return this.#pair.mirroring;
  }

  // Asked for by need: it takes the mirror's rates to be computed.
  get activelySynced(): boolean {
    return this.#work.progress().activelySynced;
  }
}

/** @returns What a job told; `undefined` for what others tell. */
export function newsOf(event: MachineEvent): JobNews | undefined {
  switch (event.event) {
    case 'JOB_STATUS_CHANGE':
    case 'BLOCK_JOB_READY':
    case 'BLOCK_JOB_PENDING':
    case 'BLOCK_JOB_COMPLETED':
    case 'BLOCK_JOB_CANCELLED':
    case 'BLOCK_JOB_ERROR':
      return { name: event.event, ...event.data };
    default:
      return undefined;
  }
}

/** Whether a job in this status may accept a verb. */
export function mayAccept(status: JobStatus, verb: JobVerb): boolean {
  const isReady = status === 'ready' || status === 'standby';
  const isAtWork = isReady || status === 'created' || status === 'running' || status === 'paused';
  if (verb === 'finalize') return status === 'pending';
  return verb === 'complete' ? isReady : isAtWork;
}
