/**
 * One machine: a graph of disks, the devices and jobs on it, and one stream of events.
 *
 * This is the only place that joins the parts; it does none of their work.
 */

import { BlockError } from '../base/errors.ts';
import type { DriverRegistry } from '../block/driver.ts';
import { BlockEdge } from '../block/edge.ts';
import { BlockGraph } from '../block/graph.ts';
import { VirtioBlockDevice, type VirtioBlockOptions } from '../device/virtio-blk.ts';
import { drivers } from '../drivers/index.ts';
import type { Env } from '../env/env.ts';
import { filters } from '../filters/index.ts';
import type { JobEvent } from '../jobs/events.ts';
import { Job } from '../jobs/job.ts';
import { type MirrorOptions, MirrorWork } from '../jobs/mirror/mirror.ts';

/** An event with its time, as QMP sends it. */
export type MachineEvent = JobEvent & {
  /** UTC since 1970. */
  readonly timestamp: { readonly seconds: number; readonly microseconds: number };
};

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
}

const JOB_ID = /^[A-Za-z][A-Za-z0-9._-]*$/;

export class Machine {
  readonly env: Env;
  readonly graph: BlockGraph;
  readonly #devices = new Set<VirtioBlockDevice>();
  readonly #jobs = new Map<string, Job>();
  readonly #listeners = new Set<(event: MachineEvent) => void>();

  /** @param extra Drivers beside those of this program, such as a simulation's disks. */
  constructor(env: Env, extra: DriverRegistry = {}) {
    this.env = env;
    this.graph = new BlockGraph(env, { ...drivers, ...filters, ...extra });
  }

  /** Calls `listener` with each event, in order and at once. @returns What ends that. */
  subscribe(listener: (event: MachineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Gives a guest a disk to use. @throws {BlockError} `ENODEV` when there is no such node. */
  addDevice(nodeName: string, options: VirtioBlockOptions): VirtioBlockDevice {
    const edge = new BlockEdge(this.graph.find(nodeName), { name: options.name });
    const device = new VirtioBlockDevice(edge, this.env.clock, options);
    this.#devices.add(device);
    return device;
  }

  /**
   * Starts a mirror job; writes that come after this returns are not missed.
   *
   * @throws {BlockError} `EINVAL` for options that are wrong, `EEXIST` for an id in use, `ENODEV`
   *   for a node that is not there, `EBUSY` for a target in use.
   */
  startMirror({ id, source, target, ...options }: MirrorStart): StartedMirror {
    this.#demandId(id);
    const { graph, env } = this;
    const nodes = { source: graph.find(source), target: graph.find(target) };
    const work = new MirrorWork({ env, graph, id, ...nodes }, options);
    const onEvent = (event: JobEvent) => this.#emit(event);
    const job = new Job({ id, speed: options.speed ?? 0, clock: env.clock, onEvent }, work);
    this.#jobs.set(id, job);
    job.start();
    const forget = () => this.#jobs.delete(id);
    job.finished.then(forget, forget);
    return { job, work };
  }

  /** Ends everything: cancels jobs by force, lets requests in flight finish, closes all nodes. */
  async close(): Promise<void> {
    for (const job of this.#jobs.values()) {
      if (job.status !== 'null') job.cancel({ force: true });
      await job.finished;
    }
    for (const device of this.#devices) await device.close();
    this.#devices.clear();
    await this.graph.closeAll();
    this.#listeners.clear();
  }

  #demandId(id: string): void {
    if (!JOB_ID.test(id)) {
      throw new BlockError('EINVAL', 'start the job', `Invalid job ID '${id}'`);
    }
    if (this.#jobs.has(id)) {
      throw new BlockError('EEXIST', 'start the job', `Job ID '${id}' already in use`);
    }
  }

  #emit(event: JobEvent): void {
    const microseconds = Math.floor(this.env.clock.wallMs() * 1000);
    const timestamp = {
      seconds: Math.floor(microseconds / 1e6),
      microseconds: microseconds % 1e6,
    };
    for (const listener of this.#listeners) listener({ ...event, timestamp });
  }
}
