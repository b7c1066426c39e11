/**
 * One machine: a graph of disks, the devices and jobs on it, and one stream of events.
 *
 * This is the only place that joins the parts; it does none of their work.
 */

import { BlockError } from '../base/errors.ts';
import { DirtyBitmaps } from '../block/dirty-bitmaps.ts';
import type { DriverRegistry } from '../block/driver.ts';
import { BlockEdge } from '../block/edge.ts';
import { BlockGraph } from '../block/graph.ts';
import type { Permission } from '../block/parent.ts';
import type { DeviceEvent } from '../device/events.ts';
import { VirtioBlockDevice, type VirtioBlockOptions } from '../device/virtio-blk.ts';
import { driversOf } from '../drivers/index.ts';
import type { Env } from '../env/env.ts';
import type { ExportEvent } from '../exports/events.ts';
import { filtersOf } from '../filters/index.ts';
import { ThrottleGroups } from '../filters/throttle-groups.ts';
import type { JobEvent } from '../jobs/events.ts';
import { Job } from '../jobs/job.ts';
import type { MirrorJournal } from '../jobs/mirror/hold.ts';
import { MirrorWork } from '../jobs/mirror/mirror.ts';
import type { MirrorOptions } from '../jobs/mirror/options.ts';
import type { JobTransaction } from '../jobs/transaction.ts';
import { sleepUntil } from '../sync/alarm.ts';
import { MachineExports } from './exports.ts';
import { RunState, type RunStateEvent, type ShutdownReason } from './run-state.ts';
import { TlsCredentialStore } from './tls-credentials.ts';

/** All that a machine tells, as QMP does. */
export type MachineEvent = Stamped<JobEvent | DeviceEvent | ExportEvent | RunStateEvent>;

/** An event with its time. */
export type Stamped<Event> = Event & {
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
  /** The name of the node to copy to; nobody else may write to it. */
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

/** A device, and how it gets on with others. */
export interface DeviceOptions extends VirtioBlockOptions {
  /** Others may write to the disk as well: QEMU's share-rw. @default false */
  readonly shareRw?: boolean;
}

const READING: readonly Permission[] = ['consistent-read'];
const WRITING: readonly Permission[] = ['consistent-read', 'write'];
/** What a device that writes lets others do: two guests that write would not know of each other. */
const NOT_WRITING: readonly Permission[] = ['consistent-read', 'write-unchanged', 'resize'];

/** How long the requests of a guest may take to end when the machine closes, in milliseconds. */
export const CLOSE_MS = 5000;

const JOB_ID = /^[A-Za-z][A-Za-z0-9._-]*$/;

export class Machine {
  readonly env: Env;
  readonly graph: BlockGraph;
  /** Limits that several disks share. */
  readonly throttleGroups = new ThrottleGroups();
  /** Dirty bitmaps with names. */
  readonly bitmaps = new DirtyBitmaps();
  /** What is offered to others. */
  readonly exports: MachineExports;
  /** What connections prove themselves by. */
  readonly credentials: TlsCredentialStore;
  /** Whether the guest runs. */
  readonly runState: RunState;
  readonly #devices = new Set<VirtioBlockDevice>();
  readonly #jobs = new Map<string, Job>();
  readonly #listeners = new Set<(event: MachineEvent) => void>();

  /** @param extra Drivers beside those of this program, such as a simulation's disks. */
  constructor(env: Env, extra: DriverRegistry = {}) {
    this.env = env;
    this.credentials = new TlsCredentialStore(env.files);
    const drivers = driversOf((id) => this.credentials.find(id, 'client'));
    const filters = filtersOf(this.throttleGroups);
    this.graph = new BlockGraph(env, { ...drivers, ...filters, ...extra });
    const { graph, bitmaps } = this;
    const onEvent = (event: ExportEvent) => this.#emit(event);
    this.exports = new MachineExports({ env, graph, bitmaps, onEvent });
    this.runState = new RunState({
      devices: this.#devices,
      flushAll: () => this.#flushAll(),
      onEvent: (event) => this.#emit(event),
    });
  }

  /** Calls `listener` with each event, in order and at once. @returns What ends that. */
  subscribe(listener: (event: MachineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Gives a guest a disk to use. An error that its policies stop for stops the machine.
   *
   * @throws {BlockError} `ENODEV` when there is no such node, `EBUSY` for one that another writes
   *   to, `EPERM` for a read-only one; {@link RangeError} as the device's own options say.
   */
  addDevice(nodeName: string, options: DeviceOptions): VirtioBlockDevice {
    const node = this.graph.find(nodeName);
    const { name, readOnly = node.options.readOnly, shareRw = false } = options;
    const alone = shareRw ? {} : { shares: NOT_WRITING };
    const use = readOnly ? { needs: READING } : { needs: WRITING, ...alone };
    const edge = new BlockEdge(this.graph.entryOf(node), { name, kind: 'device', ...use });
    const onEvent = (event: DeviceEvent) => this.#emit(event);
    const onStop = () => this.runState.stopForError();
    try {
      const wired = { onEvent, onStop, ...options };
      const device = new VirtioBlockDevice(edge, this.env.clock, wired);
      this.#devices.add(device);
      this.runState.admit(device);
      return device;
    } catch (error) {
      edge.close();
      throw error;
    }
  }

  /** Takes a device out of the machine, once what its guest asked for has ended. */
  async unplug(device: VirtioBlockDevice): Promise<void> {
    await device.close();
    if (!this.#devices.delete(device)) return;
    const { name, path } = device;
    this.#emit({ event: 'DEVICE_DELETED', data: { path: `${path}/virtio-backend` } });
    this.#emit({ event: 'DEVICE_DELETED', data: { device: name, path } });
  }

  /** The jobs that are not forgotten yet, the oldest first. */
  get jobs(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  /**
   * Starts a mirror job; writes that come after this has resolved are not missed.
   *
   * @throws {BlockError} `EINVAL` for options that are wrong, `EEXIST` for an id in use, `ENODEV`
   *   for a node that is not there, `EBUSY` for a disk in use.
   */
  async startMirror(start: MirrorStart): Promise<StartedMirror> {
    const { id, source, target, autoFinalize, autoDismiss, transaction, journal, ...options } =
      start;
    this.#demandId(id);
    const { graph, env } = this;
    const nodes = { source: graph.find(source), target: graph.find(target) };
    const job = new Job({
      id,
      type: 'mirror',
      speed: options.speed ?? 0,
      clock: env.clock,
      onEvent: (event) => {
        // Before anybody is told, who may start another one by that id.
        if (event.event === 'JOB_STATUS_CHANGE' && event.data.status === 'null') {
          this.#jobs.delete(id);
        }
        this.#emit(event);
      },
      autoFinalize,
      autoDismiss,
      transaction,
    });
    this.#jobs.set(id, job);
    try {
      const context = { env, graph, id, parent: job, ...nodes, journal };
      const work = await MirrorWork.start(context, options);
      job.start(work);
      return { job, work };
    } catch (error) {
      job.discard();
      throw error;
    }
  }

  /**
   * Ends the machine as QEMU's quit does: stops the guest, lets jobs come to rest, and closes all.
   *
   * @throws {BlockError} What the disks could not be flushed for; all is closed then.
   */
  async shutdown(reason: ShutdownReason): Promise<void> {
    try {
      await this.runState.shutdown(reason);
    } finally {
      const { jobs } = this;
      for (const job of jobs) job.beginRest();
      const resting = Promise.all(jobs.map((job) => job.whenResting()));
      // A job that waits for a target that never answers is ended by force all the same.
      await sleepUntil(this.env.clock, CLOSE_MS, resting);
      await this.close();
    }
  }

  /** Ends everything: cancels jobs by force, lets requests in flight finish, closes all nodes. */
  async close(): Promise<void> {
    for (const job of this.jobs) {
      // While one is waited for, another may end.
      if (job.status !== 'concluded' && job.status !== 'null') job.cancel({ force: true });
      await job.finished;
    }
    const leaving = Array.from(this.#devices, (device) => device.close());
    const closing = Promise.all([...leaving, this.exports.stop()]);
    // What does not end by itself, such as a request that a fault holds, is ended.
    await sleepUntil(this.env.clock, CLOSE_MS, closing);
    for (const node of this.graph.nodes) if (node.inFlight > 0) node.cancelInFlight();
    await closing;
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

  async #flushAll(): Promise<void> {
    await Promise.all(this.graph.nodes.map((node) => node.flush()));
  }

  #emit(event: JobEvent | DeviceEvent | ExportEvent | RunStateEvent): void {
    const microseconds = Math.floor(this.env.clock.wallMs() * 1000);
    const timestamp = {
      seconds: Math.floor(microseconds / 1e6),
      microseconds: microseconds % 1e6,
    };
    for (const listener of this.#listeners) listener({ ...event, timestamp });
  }
}
