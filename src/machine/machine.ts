/**
 * One machine: a graph of disks, the devices and jobs on it, and one stream of events.
 *
 * This is the only place that joins the parts; it does none of their work.
 */

import { assert } from '../base/assert.ts';
import { DirtyBitmaps } from '../block/dirty-bitmaps.ts';
import type { DriverRegistry } from '../block/driver.ts';
import type { BlockEvent } from '../block/events.ts';
import { BlockGraph } from '../block/graph.ts';
import type { BlockNode } from '../block/node.ts';
import type { DeviceEvent } from '../device/events.ts';
import type { VirtioBlockDevice } from '../device/virtio-blk.ts';
import { driversOf } from '../drivers/index.ts';
import type { Env } from '../env/env.ts';
import type { ExportEvent } from '../exports/events.ts';
import { filtersOf } from '../filters/index.ts';
import { ThrottleGroups } from '../filters/throttle-groups.ts';
import type { JobEvent } from '../jobs/events.ts';
import { sleepUntil } from '../sync/alarm.ts';
import { Devices, type VirtioBlockPlug } from './devices.ts';
import { Drives } from './drives.ts';
import { MachineExports } from './exports.ts';
import { MachineJobs } from './jobs.ts';
import { MachineObjects } from './objects.ts';
import { RunState, type RunStateEvent, type ShutdownReason } from './run-state.ts';
import { TlsCredentialStore } from './tls-credentials.ts';

/** All that a machine tells, as QMP does. */
export type MachineEvent = Stamped<
  BlockEvent | JobEvent | DeviceEvent | ExportEvent | RunStateEvent
>;

/** An event with its time. */
export type Stamped<Event> = Event & {
  /** UTC since 1970. */
  readonly timestamp: { readonly seconds: number; readonly microseconds: number };
};

export interface MachineOptions {
  /** The guest runs from the beginning; else from the first cont. @default true */
  readonly autostart?: boolean;
  /** Told of what users should know and that is no error. */
  readonly onWarning?: (text: string) => void;
}

/** A device, and how it gets on with others. */
export interface DeviceOptions extends Omit<VirtioBlockPlug, 'id' | 'hasBackend'> {
  /** Of the device and of its drive. */
  readonly name: string;
}

/** How long the requests of a guest may take to end when the machine closes, in milliseconds. */
export const CLOSE_MS = 5000;

export class Machine implements AsyncDisposable {
  readonly env: Env;
  /** What its users call it. */
  name: string | undefined;
  /** Tells users something. */
  readonly warn: (text: string) => void;
  readonly graph: BlockGraph;
  /** Limits that several disks share. */
  readonly throttleGroups = new ThrottleGroups();
  /** Dirty bitmaps with names. */
  readonly bitmaps = new DirtyBitmaps();
  /** What stands between devices and disks. */
  readonly drives: Drives;
  readonly devices: Devices;
  /** What is at work on disks. */
  readonly jobs: MachineJobs;
  /** What is offered to others. */
  readonly exports: MachineExports;
  /** What connections prove themselves by. */
  readonly credentials: TlsCredentialStore;
  /** What there is besides, by ids. */
  readonly objects: MachineObjects;
  /** Whether the guest runs. */
  readonly runState: RunState;
  readonly #listeners = new Set<(event: MachineEvent) => void>();

  /** @param extra Drivers beside those of this program, such as a simulation's disks. */
  constructor(env: Env, extra: DriverRegistry = {}, options: MachineOptions = {}) {
    const { autostart = true, onWarning = () => {} } = options;
    this.warn = onWarning;
    this.env = env;
    this.credentials = new TlsCredentialStore(env.files);
    const { throttleGroups, credentials } = this;
    this.objects = new MachineObjects({ files: env.files, throttleGroups, credentials });
    const drivers = driversOf((id) => this.credentials.find(id, 'client'));
    const filters = filtersOf(this.throttleGroups);
    // Not spread: that makes shapes anew for every machine, of which a simulation has thousands.
    this.graph = new BlockGraph(env, Object.assign({}, drivers, filters, extra));
    const { graph, bitmaps } = this;
    const onEvent = (event: ExportEvent | JobEvent) => this.#emit(event);
    this.jobs = new MachineJobs({ env, graph, onEvent });
    this.exports = new MachineExports({ env, graph, bitmaps, onEvent });
    this.drives = new Drives({
      graph,
      groups: this.throttleGroups,
      clock: env.clock,
      onEject: (drive) => this.exports.removeOf(drive),
    });
    this.devices = new Devices({
      drives: this.drives,
      clock: env.clock,
      onEvent: (event) => this.#emit(event),
      mayLeave: () => this.runState.running || this.runState.status === 'prelaunch',
      onStop: () => this.runState.stopForError(),
      onPlug: (device) => this.runState.admit(device),
    });
    this.runState = new RunState({
      devices: this.devices,
      flushAll: () => this.#flushAll(),
      onEvent: (event) => this.#emit(event),
      autostart,
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
  addDevice(nodeName: string, { name, ...options }: DeviceOptions): VirtioBlockDevice {
    const node = this.graph.entryOf(this.graph.find(nodeName));
    // Errors are told of by the name of the device, which is all that the program has given.
    const drive = this.drives.add({ name, isForDevice: true });
    try {
      drive.insert(node);
      const { front } = this.devices.plug(drive, { id: name, ...options });
      assert(front !== undefined, 'a virtio device has a front');
      return front;
    } catch (error) {
      this.drives.discard(drive);
      throw error;
    }
  }

  /** Takes a device out of the machine, once what its guest asked for has ended. */
  async unplug(front: VirtioBlockDevice): Promise<void> {
    const device = this.devices.all.find((each) => each.front === front);
    if (device) await this.devices.unplug(device);
  }

  /**
   * Tells when a write to a node is the first to reach beyond a mark.
   *
   * @param offset In bytes; 0 for no mark any more.
   */
  setWriteThreshold({ name, writes }: BlockNode, offset: number): void {
    const onExceeded = (bytes: number) => {
      const data = { 'node-name': name, 'amount-exceeded': bytes, 'write-threshold': offset };
      this.#emit({ event: 'BLOCK_WRITE_THRESHOLD', data });
    };
    writes.watch(offset === 0 ? undefined : { offset, onExceeded });
  }

  /**
   * Ends the machine as QEMU's quit does: stops the guest, lets jobs come to rest, and closes all.
   *
   * @param reason Why the guest ends; nothing when there is none, whose end would be told of.
   * @throws {BlockError} What the disks could not be flushed for; all is closed then.
   */
  async shutdown(reason: ShutdownReason | undefined): Promise<void> {
    // What waits for throttle limits is carried out, and does not hold the end up.
    for (const drive of this.drives.all) drive.throttle?.member.beginDrain();
    try {
      if (reason) await this.runState.shutdown(reason);
    } finally {
      const jobs = this.jobs.all;
      for (const job of jobs) job.beginRest();
      const resting = Promise.all(jobs.map((job) => job.whenResting()));
      // A job that waits for a target that never answers is ended by force all the same.
      await sleepUntil(this.env.clock, CLOSE_MS, resting);
      await this.close();
    }
  }

  /** Ends everything: cancels and forgets jobs, waits for requests in flight, closes all nodes. */
  async close(): Promise<void> {
    for (const job of this.jobs.all.toReversed()) {
      // While one is waited for, another may end.
      if (job.status !== 'concluded' && job.status !== 'null') job.cancel({ force: true });
      await job.finished;
      if (job.status === 'concluded') job.dismiss();
    }
    const leaving = this.devices.all.map((device) => device.close());
    const closing = Promise.all([...leaving, this.exports.stop()]);
    // What does not end by itself, such as a request that a fault holds, is ended.
    await sleepUntil(this.env.clock, CLOSE_MS, closing);
    for (const node of this.graph.nodes) if (node.inFlight > 0) node.cancelInFlight();
    await closing;
    await Promise.all(this.drives.all.map((drive) => this.drives.remove(drive)));
    await this.graph.closeAll();
    this.#listeners.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #flushAll(): Promise<void> {
    await Promise.all(this.graph.nodes.map((node) => node.flush()));
  }

  #emit(event: BlockEvent | JobEvent | DeviceEvent | ExportEvent | RunStateEvent): void {
    const microseconds = Math.floor(this.env.clock.wallMs() * 1000);
    const timestamp = {
      seconds: Math.floor(microseconds / 1e6),
      microseconds: microseconds % 1e6,
    };
    for (const listener of this.#listeners) listener({ timestamp, ...event });
  }
}
