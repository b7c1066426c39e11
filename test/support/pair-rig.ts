/** The two halves of a mirror without a job: disks, pair, filter and copier in the test's hands. */

import { seededRandom } from '../../src/base/random.ts';
import { DirtyBitmap } from '../../src/bitmap/dirty-bitmap.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { type ErrorAction, errorAction } from '../../src/block/error-policy.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { Copier } from '../../src/jobs/mirror/copier.ts';
import { MirrorFilter } from '../../src/jobs/mirror/filter.ts';
import { GuestWrites } from '../../src/jobs/mirror/guest-writes.ts';
import {
  checkOptions,
  type MirrorOptions,
  type MirrorSettings,
} from '../../src/jobs/mirror/options.ts';
import { MirrorPair } from '../../src/jobs/mirror/pair.ts';
import { type FailedRequest, JobCancelled, type JobControl } from '../../src/jobs/work.ts';
import { Alarm } from '../../src/sync/alarm.ts';
import { nodeOf, pattern, TestDisk, type TestDiskOptions } from './drivers.ts';
import { FakeClock } from './fake-clock.ts';
import { settle, type Watched, watch } from './settle.ts';

/** The world of a job that does what the test says. */
export class TestControl implements JobControl {
  ending: 'complete' | 'cancel' | undefined;
  pausing = false;
  isCancelled = false;
  isStopped = false;
  /** How often the work has come to rest. */
  rests = 0;
  readonly failures: FailedRequest[] = [];
  readonly #alarm: Alarm;

  constructor(clock: FakeClock) {
    this.#alarm = new Alarm(clock);
  }

  leaveIfCancelled(): void {
    if (this.isCancelled) throw new JobCancelled();
  }

  async pausePoint(): Promise<void> {
    this.leaveIfCancelled();
    if (!this.pausing) return;
    this.rests += 1;
    while (this.pausing && !this.isCancelled) await this.#alarm.sleep();
    this.leaveIfCancelled();
  }

  sleep(delayMs?: number): Promise<void> {
    return this.#alarm.sleep(delayMs);
  }

  wake(): void {
    this.#alarm.ring();
  }

  ready(): void {}

  failed(request: FailedRequest): ErrorAction {
    this.failures.push(request);
    const action = errorAction(request.policy, request.error);
    if (action === 'stop') this.isStopped = true;
    return action;
  }

  async settle(): Promise<void> {}
}

export interface PairRigOptions extends MirrorOptions {
  /** @default 4096 */
  readonly size?: number;
  /** @default 1024 */
  readonly granularity?: number;
  /** Bytes that the target gets whole at first. */
  readonly cluster?: number;
  readonly targetDisk?: Partial<TestDiskOptions>;
  readonly detectZeroes?: 'off' | 'unmap';
}

export class PairRig {
  readonly clock = new FakeClock();
  readonly control = new TestControl(this.clock);
  readonly sourceDisk: TestDisk;
  readonly targetDisk: TestDisk;
  readonly source: BlockNode;
  readonly target: BlockNode;
  readonly dirty: DirtyBitmap;
  readonly settings: MirrorSettings;
  readonly pair: MirrorPair;
  readonly guestWrites: GuestWrites;
  readonly filter: MirrorFilter;
  readonly copier: Copier;
  /** The guest's way in, over the filter. */
  readonly guest: BlockEdge;

  /** The disks hold different bytes everywhere; nothing is dirty. */
  constructor(options: PairRigOptions = {}) {
    const { size = 4096, granularity = 1024, cluster, targetDisk, detectZeroes, ...rest } = options;
    this.sourceDisk = new TestDisk({ size });
    this.targetDisk = new TestDisk({ size, ...targetDisk });
    this.sourceDisk.bytes = pattern(size, 1);
    this.targetDisk.bytes = pattern(size, 100);
    this.source = nodeOf(this.sourceDisk, { name: 'source', unmap: true });
    const common = { name: 'target', unmap: true };
    this.target = nodeOf(this.targetDisk, { ...common, detectZeroes: detectZeroes ?? 'off' });
    this.dirty = new DirtyBitmap(size, granularity);
    this.source.track(this.dirty);
    const mirror = { copyMode: 'write-blocking', granularity, ...rest } as const;
    this.settings = checkOptions(mirror, this.target);
    const { clock, dirty, settings, control } = this;
    const edge = (node: BlockNode) => new BlockEdge(node, { name: 'mirror0', kind: 'job' });
    const edges = { source: edge(this.source), target: edge(this.target) };
    this.pair = new MirrorPair({ ...edges, dirty, settings, cluster });
    this.pair.begin(control, clock);
    this.pair.open();
    const { pair } = this;
    this.guestWrites = new GuestWrites(pair, clock);
    const child = new BlockEdge(this.source, { name: 'filter' });
    const target = new BlockEdge(this.target, { name: 'filter' });
    const { guestWrites } = this;
    const { unmap } = settings;
    this.filter = new MirrorFilter({ child, target, pair, guestWrites, unmap, clock });
    this.guest = new BlockEdge(nodeOf(this.filter, { name: 'filter', unmap: true }), {
      name: 'vda',
      kind: 'device',
    });
    const env = { ...nodeEnv(), clock, random: seededRandom(1) };
    this.copier = new Copier({ env, control, pair, settings });
  }

  /** The granules that are dirty, by their numbers. */
  get dirtyGranules(): readonly number[] {
    const { granularity, size } = this.dirty;
    const all = Array.from({ length: Math.ceil(size / granularity) }, (_, index) => index);
    return all.filter((index) => this.dirty.test(index * granularity));
  }

  /** Holds the requests that come to either disk from now on. */
  hold(): void {
    this.sourceDisk.gate.mode = 'held';
    this.targetDisk.gate.mode = 'held';
  }

  /** Lets go what is held at either disk, and what comes. */
  release(): void {
    for (const { gate } of [this.sourceDisk, this.targetDisk]) {
      gate.mode = 'sync';
      for (const held of [...gate.held]) held.complete();
    }
  }

  /** Lets time pass in small steps until `isOver`, with everything that follows from it. */
  async runUntil(isOver: () => boolean, stepMs = 10): Promise<void> {
    for (let step = 0; !isOver(); step += 1) {
      if (step > 20_000) throw new Error('Nothing comes of waiting');
      await settle();
      await this.clock.advance(stepMs);
      await settle();
    }
  }
}

/** A rig of which everything is dirty, in background mode. */
export function dirtyRig(options: PairRigOptions): PairRig {
  const rig = new PairRig({ copyMode: 'background', ...options });
  rig.dirty.markAll();
  return rig;
}

/** Copies until nothing is left; the guest is quiet. */
export function copyAll(rig: PairRig): Watched {
  return watch(() => rig.copier.copyUntil(() => rig.copier.isClean));
}
