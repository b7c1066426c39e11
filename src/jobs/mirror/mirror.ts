/**
 * The mirror job: copies a disk to a target while its guest goes on.
 *
 *     plan ── phase 1 ── meet ── phase 2 ── meet ── COMPLETED, the guest where it was (cancel)
 *                          │                  └─── COMPLETED, the guest on the target (complete)
 *                        READY
 *
 * In phase 1 everything is copied as fast as it can; a cancel there ends the job CANCELLED, and the
 * target may be anything. In phase 2 source and target have met and are kept together. To end well
 * they have to meet once more.
 *
 * Meeting is one procedure, used for READY and for the end:
 *
 *   1. Copy until nothing is dirty, or until so little is that a guest can wait for it.
 *   2. Flush the target while the guest goes on: that is the long flush.
 *   3. Drain the source: no guest write is in flight, none can begin. Copy what was dirtied
 *      meanwhile (if that is too much, let the guest go on and return to 1), and flush that: the
 *      short flush.
 *   4. Now, under the drain, source and target are equal and the target is durable. Say READY; or
 *      settle the job and, for a complete, let the guest's edges point at the target.
 *
 * So READY and COMPLETED are said at a moment when they are true, and no write can slip between the
 * last look and the switch. A guest that never rests cannot keep the two from meeting, as long as
 * copying is faster than dirtying.
 *
 * The bitmap is on the source's node from the first moment on, before any status is asked for, and
 * so sees the writes of every parent.
 */

import { BlockError } from '../../base/errors.ts';
import { alignUp, isPowerOfTwo } from '../../base/ranges.ts';
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { drained } from '../../block/drain.ts';
import { BlockEdge } from '../../block/edge.ts';
import type { BlockGraph } from '../../block/graph.ts';
import type { BlockNode } from '../../block/node.ts';
import type { Env } from '../../env/env.ts';
import type { JobProgress } from '../events.ts';
import type { JobControl, JobWork } from '../job.ts';
import { Copier, TRANSFER_MAX } from './copier.ts';
import { planFullCopy } from './plan.ts';
import { type MirrorRates, RateMeter } from './rates.ts';

const DEFAULT_GRANULARITY = 64 * 1024;
const DEFAULT_BUF_SIZE = 16 * 1024 * 1024;
/** In phase 2, how long to let dirty parts gather before they are copied, in milliseconds. */
const IDLE_MS = 100;
/** How long a guest may have to wait for the last copies, in ms: at first, and at most. */
const HOLD_MS = 100;
const HOLD_MAX_MS = 2000;
/** How long to try to meet without holding the guest, once little enough is left. */
const CHASE_MS = 100;

/** How to mirror; QEMU's arguments of blockdev-mirror by their names in camel case. */
export interface MirrorOptions {
  /** `full`: the whole disk. `none`: only what is written after the start. */
  readonly sync?: 'full' | 'none';
  /**
   * Bytes that one bit of the dirty bitmap stands for: a power of two from 512 to 64 MiB.
   *
   * @default 65536
   */
  readonly granularity?: number;
  /**
   * Bytes of buffer for copies in flight.
   *
   * @default 16777216
   */
  readonly bufSize?: number;
  /**
   * The limit of phase 1 in bytes a second; 0 is none.
   *
   * @default 0
   */
  readonly speed?: number;
  /**
   * Zeroes may be unmapped on the target.
   *
   * @default true
   */
  readonly unmap?: boolean;
}

/** How far a mirror is. */
export interface MirrorProgress extends JobProgress, MirrorRates {
  /** 1 until source and target have first met, then 2. */
  readonly phase: 1 | 2;
  /** Bytes that are dirty or on their way: `len - offset`. */
  readonly remaining: number;
}

export interface MirrorContext {
  readonly env: Env;
  readonly graph: BlockGraph;
  /** The id of the job, for the edges. */
  readonly id: string;
  readonly source: BlockNode;
  readonly target: BlockNode;
}

export class MirrorWork implements JobWork {
  readonly type = 'mirror';
  readonly #context: MirrorContext;
  readonly #options: Required<MirrorOptions>;
  readonly #source: BlockEdge;
  readonly #target: BlockEdge;
  readonly #dirty: DirtyBitmap;
  readonly #rates = new RateMeter();
  #copier: Copier | undefined;
  #phase: 1 | 2 = 1;
  #switched = false;

  /**
   * @throws {BlockError} `EINVAL` for options out of range or a disk mirrored into itself, `EBUSY`
   *   for a target that is in use.
   */
  constructor(context: MirrorContext, options: MirrorOptions) {
    this.#context = context;
    this.#options = checkOptions(options);
    checkNodes(context);
    const { source, target, id } = context;
    this.#dirty = new DirtyBitmap(source.size, this.#options.granularity);
    this.#source = new BlockEdge(source, { name: id, stays: true });
    this.#target = new BlockEdge(target, { name: id, stays: true });
  }

  /** Whether the guest has gone over to the target. */
  get switched(): boolean {
    return this.#switched;
  }

  progress(): MirrorProgress {
    const { copied, inFlight } = this.#copier?.progress ?? { copied: 0, inFlight: 0 };
    const remaining = this.#dirty.dirtyBytes + inFlight;
    const counters = { offset: copied, len: copied + remaining };
    const rates = this.#rates.rates(counters, this.#context.env.clock.nowMs());
    return { ...counters, ...rates, remaining, phase: this.#phase };
  }

  setSpeed(bytesPerSecond: number): void {
    checkSpeed(bytesPerSecond);
    this.#copier?.setSpeed(bytesPerSecond);
  }

  async run(control: JobControl): Promise<void> {
    const { source, target } = this.#context;
    source.track(this.#dirty);
    const copier = this.#newCopier(control);
    this.#copier = copier;
    try {
      if (source.size !== target.size) throw sizesDiffer(this.#context);
      await this.#plan(control);
      this.#rates.reset();
      await this.#meet(control, copier, async () => {
        this.#phase = 2;
        control.ready();
      });
      copier.unlimit();
      await this.#replicate(control, copier);
      await this.#meet(control, copier, () => this.#conclude(control));
    } finally {
      await copier.idle();
      source.untrack(this.#dirty);
      this.#source.close();
      this.#target.close();
    }
  }

  #newCopier(control: JobControl): Copier {
    const { env } = this.#context;
    const { bufSize, speed, unmap } = this.#options;
    const [source, target, dirty] = [this.#source, this.#target, this.#dirty];
    return new Copier({ env, control, source, target, dirty, bufSize, speed, unmap });
  }

  async #plan(control: JobControl): Promise<void> {
    if (this.#options.sync === 'none') return;
    const [source, target, dirty] = [this.#source, this.#target, this.#dirty];
    const { clock } = this.#context.env;
    await planFullCopy({ source, target, dirty, control, clock, unmap: this.#options.unmap });
  }

  /** Phase 2: keeps the target close until the job is asked to end. */
  async #replicate(control: JobControl, copier: Copier): Promise<void> {
    while (!control.ending) {
      await copier.copyUntil(() => copier.isClean || control.ending !== undefined);
      if (!control.ending && !control.pausing) await control.sleep(IDLE_MS);
    }
  }

  /** Brings source and target to the same bytes, and runs `body` while nothing can change them. */
  async #meet(control: JobControl, copier: Copier, body: () => Promise<void>): Promise<void> {
    const source = this.#source.node;
    // Each attempt that found too much may hold the guest for longer: so one succeeds.
    let holdMs = HOLD_MS;
    for (let met = false; !met; holdMs = Math.min(2 * holdMs, HOLD_MAX_MS)) {
      await copier.copyUntil(this.#closeEnough(copier, holdMs));
      await copier.idle();
      await this.#flush(control);
      const { copied } = copier.progress;
      const meetNow = async () => {
        if (copier.remaining > this.#copiedWithin(holdMs)) return false;
        await copier.copyRest();
        if (copier.progress.copied > copied) await this.#flush(control);
        await body();
        return true;
      };
      met = await drained(source, meetNow, this.#source);
    }
  }

  /** Everything is clean; or little enough is left, and has been for a while. */
  #closeEnough(copier: Copier, holdMs: number): () => boolean {
    const { clock } = this.#context.env;
    let sinceMs: number | undefined;
    return () => {
      const nowMs = clock.nowMs();
      this.#rates.sample(this.#counters(copier), nowMs);
      if (copier.isClean) return true;
      if (copier.remaining > this.#copiedWithin(holdMs)) sinceMs = undefined;
      else sinceMs ??= nowMs;
      return sinceMs !== undefined && nowMs - sinceMs >= CHASE_MS;
    };
  }

  #counters(copier: Copier): JobProgress {
    const { copied } = copier.progress;
    return { offset: copied, len: copied + copier.remaining };
  }

  /** How many bytes can be copied in that time at the best rate seen; one granule always can. */
  #copiedWithin(ms: number): number {
    return Math.max((this.#rates.bestCopyRate * ms) / 1000, this.#options.granularity);
  }

  async #conclude(control: JobControl): Promise<void> {
    const { graph, target } = this.#context;
    await control.settle();
    if (control.ending !== 'complete') return;
    await graph.replace(this.#source.node, target);
    this.#switched = true;
  }

  async #flush(control: JobControl): Promise<void> {
    try {
      await this.#target.flush();
    } catch (error) {
      if (error instanceof BlockError) control.report('write');
      throw error;
    }
  }
}

function checkOptions(options: MirrorOptions): Required<MirrorOptions> {
  const { sync = 'full', granularity = 0, bufSize = 0, speed = 0, unmap = true } = options;
  if (granularity !== 0) {
    if (!(granularity >= 512 && granularity <= 64 * 1024 * 1024)) {
      throw refusal("Parameter 'granularity' expects a value in range [512B, 64MB]");
    }
    if (!isPowerOfTwo(granularity)) {
      throw refusal("Parameter 'granularity' expects a power of 2");
    }
  }
  if (!Number.isSafeInteger(bufSize) || bufSize < 0) {
    throw refusal("Invalid parameter 'buf-size'");
  }
  checkSpeed(speed);
  const unit = granularity || DEFAULT_GRANULARITY;
  return {
    sync,
    granularity: unit,
    bufSize: alignUp(bufSize || DEFAULT_BUF_SIZE, Math.min(unit, TRANSFER_MAX)),
    speed,
    unmap,
  };
}

function checkSpeed(speed: number): void {
  if (Number.isSafeInteger(speed) && speed >= 0) return;
  throw refusal("Parameter 'speed' expects a non-negative value");
}

/** One job a source, and a target for the job alone. */
function checkNodes({ source, target }: MirrorContext): void {
  if (source === target) throw refusal("Can't mirror node into itself");
  const job = [...source.parents].find(({ parent }) => parent.stays);
  if (job) throw busy(source, `block device is in use by block job: ${job.parent.name}`);
  const [user] = target.parents;
  if (user) throw busy(target, `it is in use by '${user.parent.name}'`);
}

function busy(node: BlockNode, reason: string): BlockError {
  return new BlockError('EBUSY', 'start the mirror', `Node '${node.name}' is busy: ${reason}`);
}

function sizesDiffer({ source, target }: MirrorContext): BlockError {
  const reason = `Source and target image have different sizes: ${source.size} and ${target.size}`;
  return new BlockError('EINVAL', `mirror "${source.name}" to "${target.name}"`, reason);
}

function refusal(reason: string): BlockError {
  return new BlockError('EINVAL', 'start the mirror', reason);
}
