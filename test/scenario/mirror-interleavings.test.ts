/**
 * Random worlds: guest writes, copies, verbs and the completion of every single request, in an
 * order that a seed decides. The guest remembers what it wrote; nobody asks the source what is
 * right.
 */

import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Job } from '../../src/jobs/job.ts';
import { type HeldRequest, pattern } from '../support/drivers.ts';
import { Rig } from '../support/rig.ts';
import { settle } from '../support/settle.ts';

const SIZE = 3 * 1024 + 100;
const GRANULARITY = 512;
const WRITES = 12;

/** One world. What the guest's disk must read as is `content`; unacknowledged writes are open. */
class World {
  readonly random: Random;
  readonly rig: Rig;
  readonly content: Uint8Array;
  readonly busy: { readonly offset: number; readonly length: number }[] = [];
  /** Called when the job settles. */
  onSettled: () => void = () => {};
  readonly copyMode: 'background' | 'write-blocking';
  /** It goes over to the other mode while it runs. */
  readonly switches: boolean;
  begun = 0;

  constructor(seed: number, rig: Rig) {
    this.random = seededRandom(seed);
    this.copyMode = seed % 3 === 0 ? 'background' : 'write-blocking';
    this.switches = seed % 6 === 0;
    this.rig = rig;
    rig.sourceDisk.bytes = pattern(SIZE, 1);
    rig.targetDisk.bytes = pattern(SIZE, 100);
    this.content = rig.sourceDisk.bytes.slice();
    rig.sourceDisk.gate.mode = 'held';
    rig.targetDisk.gate.mode = 'held';
    rig.onTold = (word) => {
      if (word === 'BLOCK_JOB_READY' || word === 'pending') this.demandEqual();
      if (word === 'pending') this.onSettled();
    };
  }

  /** What READY and COMPLETED promise: both are equal, nothing is in flight, all is flushed. */
  demandEqual(): void {
    const { sourceDisk, targetDisk, target, source } = this.rig;
    expect(same(sourceDisk.bytes, targetDisk.bytes)).toBe(true);
    expect([source.inFlight, target.inFlight]).toEqual([0, 0]);
    const { operations } = targetDisk;
    const written = Math.max(
      operations.lastIndexOf('write'),
      operations.lastIndexOf('writeZeroes'),
    );
    expect(operations.lastIndexOf('flush')).toBeGreaterThan(written);
  }

  /** Begins a write, zeroing or discard that overlaps none in flight. */
  begin(): void {
    const offset = this.random.below(SIZE);
    const length = 1 + this.random.below(Math.min(SIZE - offset, 1200));
    const isFree = this.busy.every(
      (other) => offset >= other.offset + other.length || other.offset >= offset + length,
    );
    if (!isFree) return;
    const range = { offset, length };
    this.busy.push(range);
    this.begun += 1;
    const isZero = this.random.below(4) === 0;
    const bytes = isZero ? new Uint8Array(length) : pattern(length, this.random.below(250));
    const done = isZero
      ? this.rig.guest.writeZeroes(offset, length)
      : this.rig.guest.write(offset, bytes);
    void Promise.resolve(done).then(() => {
      this.content.set(bytes, offset);
      this.busy.splice(this.busy.indexOf(range), 1);
    });
  }

  /** Lets one held request take effect or complete. @returns Whether there was one. */
  step(): boolean {
    const held: HeldRequest[] = [
      ...this.rig.sourceDisk.gate.held,
      ...this.rig.targetDisk.gate.held,
    ];
    const chosen = held[this.random.below(Math.max(held.length, 1))];
    if (!chosen) return false;
    if (this.random.below(2) === 0) chosen.takeEffect();
    else chosen.complete();
    return true;
  }

  /** Does what chance says until nothing is left to do. */
  async run(verb: (job: Job) => void): Promise<void> {
    const sizes = { granularity: GRANULARITY, bufSize: 16 * GRANULARITY };
    const { job, work } = await this.rig.start({ ...sizes, copyMode: this.copyMode });
    const switchAfter = this.random.below(200);
    const verbAfter = this.random.below(60);
    for (let index = 0, asked = false; job.status !== 'null' || this.busy.length > 0; index += 1) {
      if (index > 20_000) throw new Error(`It does not end: ${this.rig.told.join(' ')}`);
      await settle();
      if (index === switchAfter && this.switches) work.setCopyMode('write-blocking');
      const isReady = job.status === 'ready' && !asked;
      if (isReady && index > verbAfter) {
        verb(job);
        asked = true;
      }
      const writeNow = this.begun < WRITES && this.random.below(3) === 0;
      if (writeNow) this.begin();
      else if (!this.step()) await this.rig.clock.advance(10);
    }
  }

  get disk(): Uint8Array {
    return this.rig.guest.node === this.rig.target
      ? this.rig.targetDisk.bytes
      : this.rig.sourceDisk.bytes;
  }
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

describe('in any order of requests', () => {
  it('a completed mirror leaves the guest on a disk with every write it was promised', async () => {
    for (let seed = 0; seed < 240; seed += 1) {
      const world = new World(seed, await Rig.open({ size: SIZE, zeroesFast: seed % 2 === 0 }));
      await world.run((job) => job.complete());
      expect(world.rig.guest.node, `seed ${seed}`).toBe(world.rig.target);
      expect(same(world.disk, world.content), `seed ${seed}`).toBe(true);
    }
  });

  it('a mirror cancelled in phase 2 leaves a target as the source was at one moment', async () => {
    for (let seed = 0; seed < 240; seed += 1) {
      const world = new World(seed, await Rig.open({ size: SIZE, zeroesFast: seed % 2 === 0 }));
      let moment: Uint8Array | undefined;
      // When the job settles the source is drained, and no write of the guest is in flight.
      world.onSettled = () => {
        moment = world.content.slice();
      };
      await world.run((job) => job.cancel({ force: false }));
      expect(world.rig.guest.node, `seed ${seed}`).toBe(world.rig.source);
      expect(moment && same(world.rig.targetDisk.bytes, moment), `seed ${seed}`).toBe(true);
      expect(same(world.disk, world.content), `seed ${seed}`).toBe(true);
    }
  });
});
