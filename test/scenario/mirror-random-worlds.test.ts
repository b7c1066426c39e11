/**
 * Random worlds in which much happens at once: guest requests that overlap, zeroes and discards,
 * other copy modes, pauses, drains by others, and errors of either disk.
 *
 * Of requests that overlap in time nobody can say which comes last, so each byte has a set of
 * values that it may have: those of requests after whose end no other one began and succeeded.
 */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { drained } from '../../src/block/drain.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { passThrough } from '../../src/filters/pass-through.ts';
import type { Job } from '../../src/jobs/job.ts';
import type { MirrorWork } from '../../src/jobs/mirror/mirror.ts';
import { type HeldRequest, pattern } from '../support/drivers.ts';
import { Rig } from '../support/rig.ts';
import { settle } from '../support/settle.ts';

const SIZE = 3 * 1024 + 100;
const GRANULARITY = 512;
const REQUESTS = 16;
const MODES = ['background', 'write-blocking', 'adaptive'] as const;
const STEPS_MAX = 40_000;

/** What a guest asked for. */
interface GuestRequest {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** It leaves its bytes there for certain: it has succeeded, and was no discard. */
  isCertain: boolean;
  readonly beganAt: number;
  endedAt: number;
}

interface Dimensions {
  readonly errors: 'ignore' | 'stop' | 'none';
  readonly drains: boolean;
  readonly pauses: boolean;
  readonly sync: 'full' | 'none';
  readonly ending: 'complete' | 'cancel';
}

class World {
  readonly random: Random;
  readonly rig: Rig;
  readonly dimensions: Dimensions;
  readonly requests: GuestRequest[] = [];
  readonly before: Uint8Array;
  #now = 0;
  #inFlight = 0;
  /** What an outsider found wrong. */
  #complaint: unknown;
  #outsiders = 0;
  #drainsLeft = 4;
  #pausesLeft = 4;

  constructor(seed: number, rig: Rig, dimensions: Dimensions) {
    this.random = seededRandom(seed);
    this.rig = rig;
    this.dimensions = dimensions;
    rig.sourceDisk.bytes = pattern(SIZE, 1);
    rig.targetDisk.bytes = pattern(SIZE, dimensions.sync === 'none' ? 1 : 100);
    this.before = rig.sourceDisk.bytes.slice();
    rig.sourceDisk.gate.mode = 'held';
    rig.targetDisk.gate.mode = 'held';
    rig.onTold = (word) => {
      if (word === 'BLOCK_JOB_READY' || word === 'pending') this.#demandEqual();
    };
  }

  /** What READY and COMPLETED promise: both are equal, nothing is in flight, all is flushed. */
  #demandEqual(): void {
    const { sourceDisk, targetDisk, target, source } = this.rig;
    expect(same(sourceDisk.bytes, targetDisk.bytes)).toBe(true);
    expect([source.inFlight, target.inFlight]).toEqual([0, 0]);
    const { operations } = targetDisk;
    const written = Math.max(
      ...(['write', 'writeZeroes', 'discard'] as const).map((each) => operations.lastIndexOf(each)),
    );
    // Where nothing was written there is nothing to flush.
    if (written >= 0) expect(operations.lastIndexOf('flush')).toBeGreaterThan(written);
  }

  /** Begins a request of the guest, wherever others are in flight. */
  async #begin(): Promise<void> {
    const offset = this.random.below(SIZE);
    const length = 1 + this.random.below(Math.min(SIZE - offset, 1200));
    const kind = (['write', 'write', 'zeroes', 'discard'] as const)[this.random.below(4)];
    const bytes = {
      write: pattern(length, this.random.below(250)),
      zeroes: new Uint8Array(length),
      discard: new Uint8Array(length).fill(0xdd),
    }[kind ?? 'write'];
    const beganAt = ++this.#now;
    const request = { offset, bytes, isCertain: false, beganAt, endedAt: Number.MAX_VALUE };
    this.requests.push(request);
    this.#inFlight += 1;
    const { guest } = this.rig;
    try {
      if (kind === 'write') await guest.write(offset, bytes);
      else if (kind === 'zeroes') await guest.writeZeroes(offset, length);
      else await guest.discard(offset, length);
      request.isCertain = kind !== 'discard';
    } catch (error) {
      expect(error).toBeInstanceOf(BlockError);
    }
    request.endedAt = ++this.#now;
    this.#inFlight -= 1;
  }

  /** Somebody else drains a disk: to put a filter on it and to take it out, or just so. */
  async #disturb(node: BlockNode): Promise<void> {
    this.#outsiders += 1;
    const { graph } = this.rig;
    if (this.random.below(2) === 0) {
      await drained(node, () => this.#watchStillness(node));
    } else {
      const pass = { driver: 'pass' };
      const filter = await graph.insertFilter(node, pass, (child) => passThrough(child));
      for (let left = this.random.below(20); left > 0; left -= 1) await settle();
      await graph.removeFilter(filter);
    }
    this.#outsiders -= 1;
  }

  /** Nothing reaches a disk while it is drained. */
  async #watchStillness(node: BlockNode): Promise<void> {
    const { source, sourceDisk, targetDisk } = this.rig;
    const disk = node === source ? sourceDisk : targetDisk;
    const asked = disk.calls.length;
    for (let left = this.random.below(40); left > 0; left -= 1) await settle();
    expect(disk.calls.length).toBe(asked);
  }

  /** Lets one held request take effect, complete or fail. @returns Whether there was one. */
  #step(): boolean {
    const { sourceDisk, targetDisk } = this.rig;
    const held: HeldRequest[] = [...sourceDisk.gate.held, ...targetDisk.gate.held];
    const chosen = held[this.random.below(Math.max(held.length, 1))];
    if (!chosen) return false;
    // What fails in the plan's walk fails the job: it has no policy.
    const mayFail = this.dimensions.errors !== 'none' && chosen.operation !== 'blockStatus';
    if (mayFail && this.random.below(40) === 0)
      chosen.fail(new BlockError('EIO', chosen.operation, 'by chance'));
    else if (this.random.below(2) === 0) chosen.takeEffect();
    else chosen.complete();
    return true;
  }

  #disturbSometimes(job: Job, work: MirrorWork): void {
    const { drains, pauses } = this.dimensions;
    const dice = this.random.below(60);
    const isAtWork = ['running', 'paused', 'ready', 'standby'].includes(job.status);
    if (dice === 0 && drains && this.#drainsLeft > 0) {
      this.#drainsLeft -= 1;
      const node = this.random.below(2) === 0 ? this.rig.source : this.rig.target;
      this.#disturb(node).catch((error: unknown) => {
        this.#complaint ??= error;
      });
    } else if (dice === 1 && isAtWork) {
      const mode = MODES[this.random.below(3)] ?? 'background';
      job.change(() => work.setCopyMode(mode));
    } else if (dice === 2 && isAtWork && pauses && this.#pausesLeft > 0 && !job.state.paused) {
      this.#pausesLeft -= 1;
      job.pause();
    }
  }

  async run(): Promise<void> {
    const { errors, ending, sync } = this.dimensions;
    const policy = errors === 'none' ? 'report' : errors;
    const { job, work } = await this.rig.start({
      granularity: GRANULARITY,
      bufSize: 16 * GRANULARITY,
      copyMode: MODES[this.random.below(3)] ?? 'background',
      onSourceError: policy,
      onTargetError: policy,
      sync,
    });
    const endAfter = this.random.below(300);
    let asked = false;
    for (let index = 0; ; index += 1) {
      if (job.status === 'null' && this.#inFlight === 0 && this.#outsiders === 0) return;
      if (index > STEPS_MAX) throw new Error(`It does not end: ${this.rig.told.join(' ')}`);
      await settle();
      if (this.#complaint !== undefined) throw this.#complaint;
      this.#disturbSometimes(job, work);
      if (job.status === 'ready' && !asked && index > endAfter && !job.state.paused) {
        asked = true;
        if (ending === 'complete') job.complete();
        else job.cancel({ force: false });
      }
      const writeNow = this.requests.length < REQUESTS && this.random.below(4) === 0;
      if (writeNow) void this.#begin();
      else if (!this.#step()) await this.#rest(job);
    }
  }

  /** Nothing goes on by itself: time passes, or whoever paused the job resumes it. */
  async #rest(job: Job): Promise<void> {
    const isStill = job.status === 'paused' || job.status === 'standby';
    try {
      if (isStill) job.resume();
    } catch (error) {
      // Only a drain has paused it.
      expect(error).toBeInstanceOf(BlockError);
    }
    await this.rig.clock.advance(10);
  }

  /** @returns The first byte of the guest's disk that it may not have, if there is one. */
  wrongByte(): number | undefined {
    const { guest, target, targetDisk, sourceDisk } = this.rig;
    const { bytes } = guest.node === target ? targetDisk : sourceDisk;
    for (let at = 0; at < SIZE; at += 1) {
      const touching = this.requests.filter(
        ({ offset, bytes: { length } }) => offset <= at && at < offset + length,
      );
      const last = (endedAt: number) =>
        !touching.some((later) => later.isCertain && later.beganAt > endedAt);
      const allowed = touching
        .filter(({ endedAt }) => last(endedAt))
        .map((each) => each.bytes[at - each.offset]);
      if (last(0)) allowed.push(this.before[at]);
      if (!allowed.includes(bytes[at])) return at;
    }
    return undefined;
  }
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

async function explore(seeds: number, dimensions: (seed: number) => Dimensions): Promise<void> {
  for (let seed = 0; seed < seeds; seed += 1) {
    const rig = await Rig.open({ size: SIZE, zeroesFast: seed % 2 === 0 });
    const world = new World(seed, rig, dimensions(seed));
    const place = `seed ${seed}`;
    await world.run().catch((error: unknown) => {
      throw new Error(`${place}: ${String(error)}`, { cause: error });
    });
    expect(world.wrongByte(), place).toBeUndefined();
    const isOnTarget = world.dimensions.ending === 'complete';
    expect(rig.guest.node, place).toBe(isOnTarget ? rig.target : rig.source);
    const [left, other] = isOnTarget ? [rig.source, rig.target] : [rig.target, rig.source];
    expect([left.parents.size, other.parents.size, rig.clock.timers], place).toEqual([0, 1, 0]);
  }
}

describe('a mirror that ends well loses nothing of what its guest was promised', () => {
  const plain = { errors: 'none', drains: false, pauses: false } as const;
  const ending = (seed: number) => (seed % 3 === 0 ? 'cancel' : 'complete');
  const sync = (seed: number) => (seed % 5 === 0 ? 'none' : 'full');

  it('whatever order overlapping writes, zeroes and discards come in', async () => {
    await explore(150, (seed) => ({ ...plain, ending: ending(seed), sync: sync(seed) }));
  });

  it('though it is paused and resumed', async () => {
    await explore(80, (seed) => ({
      ...plain,
      pauses: true,
      ending: ending(seed),
      sync: sync(seed),
    }));
  });

  it('though others drain either disk, put filters on it and take them out', async () => {
    await explore(150, (seed) => ({
      ...plain,
      drains: true,
      pauses: seed % 2 === 0,
      ending: ending(seed),
      sync: sync(seed),
    }));
  });

  it.each(['ignore', 'stop'] as const)(
    'though either disk fails now and then: %s',
    async (errors) => {
      await explore(100, (seed) => ({
        errors,
        drains: seed % 2 === 0,
        pauses: seed % 4 === 1,
        ending: ending(seed),
        sync: sync(seed),
      }));
    },
  );
});
