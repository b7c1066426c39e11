/** A machine whose disks, time and events are in the hands of the test. */

import { seededRandom } from '../../src/base/random.ts';
import { type DriverDefinition, defineDriver } from '../../src/block/driver.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { unsigned } from '../../src/block/options.ts';
import type { VirtioBlockDevice } from '../../src/device/virtio-blk.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { blkdebugOf } from '../../src/filters/blkdebug.ts';
import type { BlkdebugControl } from '../../src/filters/blkdebug-control.ts';
import type { MirrorStart } from '../../src/machine/jobs.ts';
import { type DeviceOptions, Machine, type MachineEvent } from '../../src/machine/machine.ts';
import { type Operation, pattern, TestDisk, type TestDiskOptions } from './drivers.ts';
import { FakeClock } from './fake-clock.ts';
import { settle } from './settle.ts';

/** Bytes of a disk, and of one bit of the bitmap, unless the test says otherwise. */
export const SIZE = 64 * 1024;
export const GRANULARITY = 4 * 1024;

/** As of {@link TestDisk}, and which pattern it is full of. */
export interface RigDiskOptions extends Partial<TestDiskOptions> {
  readonly start?: number;
}

/** Rules of blkdebug, as `inject-error` has them. */
export type FaultRules = readonly Readonly<Record<string, unknown>>[];

export class MachineRig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly machine: Machine;
  /** The test disks, by the names of their nodes. */
  readonly disks = new Map<string, TestDisk>();
  readonly events: MachineEvent[] = [];
  /** Called with each event, at its moment. */
  onEvent: (event: MachineEvent) => void = () => {};
  #diskOptions: TestDiskOptions = { size: SIZE };
  #start = 1;

  constructor() {
    const test: DriverDefinition = defineDriver(() => ({ size: unsigned }), {
      summary: 'A disk in an array, full of a pattern',
      open: async ({ size }, { name }) => {
        const disk = new TestDisk(this.#diskOptions);
        disk.bytes.set(pattern(size, this.#start));
        this.disks.set(name, disk);
        return disk;
      },
    });
    const { clock } = this;
    const env = { ...nodeEnv(), clock, random: seededRandom(1) };
    this.machine = new Machine(env, { test });
    this.machine.subscribe((event) => {
      this.events.push(event);
      this.onEvent(event);
    });
  }

  /** Opens a test disk full of a pattern; by default it cannot zero without being sent zeroes. */
  async open(name: string, options: RigDiskOptions = {}): Promise<TestDisk> {
    const { start = 1, size = SIZE, ...more } = options;
    this.#diskOptions = { size, operations: ['discard', 'blockStatus', 'resize'], ...more };
    this.#start = start;
    const tree = { driver: 'test', 'node-name': name, size, discard: 'unmap' };
    await this.machine.graph.open(tree);
    return this.disk(name);
  }

  /** Opens a test disk `<name>-disk` and a blkdebug called `name` over it. */
  async openFaulty(
    name: string,
    rules: FaultRules = [],
    options: RigDiskOptions = {},
  ): Promise<{ readonly disk: TestDisk; readonly control: BlkdebugControl }> {
    const disk = await this.open(`${name}-disk`, options);
    const filter = { driver: 'blkdebug', 'node-name': name, seed: 1, 'inject-error': rules };
    const image = `${name}-disk`;
    const node = await this.machine.graph.open({ ...filter, image, discard: 'unmap' });
    const control = blkdebugOf(node);
    if (!control) throw new Error('the node is no blkdebug');
    return { disk, control };
  }

  disk(name: string): TestDisk {
    const disk = this.disks.get(name);
    if (!disk) throw new Error(`there is no test disk "${name}"`);
    return disk;
  }

  node(name: string): BlockNode {
    return this.machine.graph.find(name);
  }

  /** Plugs in a device called `vda` on a node. */
  plug(nodeName: string, options: Partial<DeviceOptions> = {}): VirtioBlockDevice {
    return this.machine.addDevice(nodeName, { name: 'vda', ...options });
  }

  /** Starts a mirror called `job0` from `source` to `target`. */
  async mirror(options: Partial<MirrorStart> = {}) {
    const usual = { id: 'job0', source: 'source', target: 'target', granularity: GRANULARITY };
    return this.machine.jobs.startMirror({ ...usual, ...options });
  }

  /** The same, having waited until source and target have met. */
  async readyMirror(options: Partial<MirrorStart> = {}) {
    const started = await this.mirror(options);
    await this.runUntil(() => started.job.status === 'ready');
    return started;
  }

  /** The events of a job as short words: statuses as they are, others by name. */
  toldOf(id: string): readonly string[] {
    return this.events.flatMap((event) => {
      if (event.event === 'JOB_STATUS_CHANGE') {
        return event.data.id === id ? [event.data.status] : [];
      }
      const data: object = 'data' in event ? event.data : {};
      const names = [...Object.entries(data)].filter(([key]) => key === 'id' || key === 'device');
      return names.some(([, name]) => name === id) ? [event.event] : [];
    });
  }

  /** The words of the only job. */
  get told(): readonly string[] {
    return this.toldOf('job0');
  }

  /** The data of all events of one name. */
  dataOf<Name extends MachineEvent['event']>(name: Name): readonly object[] {
    return this.events.flatMap((event) =>
      event.event === name && 'data' in event ? [event.data] : [],
    );
  }

  /** Lets time pass in small steps until `isOver`, with everything that follows from it. */
  async runUntil(isOver: () => boolean, stepMs = 10): Promise<void> {
    for (let step = 0; !isOver(); step += 1) {
      if (step > 10_000) throw new Error(`Nothing comes of waiting: ${this.told.join(' ')}`);
      await settle();
      await this.clock.advance(stepMs);
      await settle();
    }
  }

  /** Completes what waits at a disk's gate, but for one operation. */
  completeHeld(name: string, except?: Operation): void {
    for (const held of [...this.disk(name).gate.held]) {
      if (held.operation !== except) held.complete();
    }
  }

  /** Completes what waits at a disk's gate until requests of that operation wait there. */
  async reach(name: string, operation: Operation, count = 1): Promise<void> {
    await this.runUntil(() => {
      this.completeHeld(name, operation);
      return this.disk(name).gate.held.length >= count;
    });
  }

  /** Lets that much time pass, with everything that follows from it. */
  async pass(durationMs: number): Promise<void> {
    await settle();
    await this.clock.advance(durationMs);
    await settle();
  }

  /** Lets every request go, and closes the machine. */
  async [Symbol.asyncDispose](): Promise<void> {
    let isClosed = false;
    const closing = this.machine.close().finally(() => {
      isClosed = true;
    });
    closing.catch(() => {});
    await this.runUntil(() => {
      for (const { gate } of this.disks.values()) {
        gate.mode = 'sync';
        for (const held of [...gate.held]) held.complete();
      }
      return isClosed;
    });
    await closing;
  }
}
