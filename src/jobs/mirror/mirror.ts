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
 *      meanwhile, and flush that: the short flush. If it is too much, or the target takes too long
 *      for it, let the guest go on and return to 1.
 *   4. Now, under the drain, source and target are equal and the target is durable. Say READY; or
 *      settle the job and, for a complete, let the guest's edges point at the target.
 *
 * So READY and COMPLETED are said at a moment when they are true, and no write can slip between the
 * last look and the switch. A guest that never rests cannot keep the two from meeting, as long as
 * copying is faster than dirtying.
 *
 * The bitmap is on the source's node from the first moment on, before any status is asked for, and
 * so sees the writes of every parent. The filter over the source is there from the beginning as
 * well, whatever the copy mode, so that the mode can change at any time.
 */

import { BlockError } from '../../base/errors.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { nextLayer } from '../../block/allocation.ts';
import { drained } from '../../block/drain.ts';
import type { Timer } from '../../env/env.ts';
import { sleepUntil } from '../../sync/alarm.ts';
import type { JobProgress } from '../events.ts';
import type { JobControl, JobWork } from '../work.ts';
import { checkBacking, checkEnds, checkFree, checkReplaced, sizesDiffer } from './checks.ts';
import { Copier } from './copier.ts';
import { Governor } from './governor.ts';
import { type MirrorContext, type MirrorParts, type MirrorStage, takeHold } from './hold.ts';
import { JournalKeeper } from './journal-keeper.ts';
import {
  type CopyMode,
  checkOptions,
  checkSpeed,
  type MirrorOptions,
  type MirrorSettings,
} from './options.ts';
import { CopyFailed, type MirrorPair } from './pair.ts';
import { plan } from './plan.ts';
import { type MirrorRates, RateMeter } from './rates.ts';

/** In phase 2, how long to let dirty parts gather before they are copied, in milliseconds. */
const IDLE_MS = 100;
/** How long a guest may have to wait for the last copies, in ms: at first, and at most. */
const HOLD_MS = 100;
const HOLD_MAX_MS = 2000;
/**
 * When a target takes too long while the guest is held, in milliseconds: the first time, and then
 * twice as long as the last time. It may be lost, and come back in an hour.
 */
const LATE_MS = 2 * HOLD_MAX_MS;
/** How long to try to meet without holding the guest, once little enough is left. */
const CHASE_MS = 100;

/** How long a forced cancel waits for a target that may never answer, in milliseconds. */
const GIVE_UP_MS = 1000;

/** How far a mirror is. */
export interface MirrorProgress extends JobProgress, MirrorRates {
  /** 1 until source and target have first met, then 2. */
  readonly phase: 1 | 2;
  /** Bytes that are dirty or on their way: `len - offset`. */
  readonly remaining: number;
  /** Guest writes go to both disks, and both are equal but for those under way. */
  readonly activelySynced: boolean;
}

export class MirrorWork implements JobWork {
  readonly #context: MirrorContext;
  readonly #settings: MirrorSettings;
  readonly #parts: MirrorParts;
  readonly #rates = new RateMeter();
  #copyMode: CopyMode;
  #speed: number;
  #copier: Copier | undefined;
  #governor: Governor | undefined;
  #keeper: JournalKeeper | undefined;
  #keepsJournal = false;
  #isPlanning = false;
  #phase: 1 | 2 = 1;
  #switched = false;
  #patience: Timer | undefined;

  /**
   * Checks what is asked for, as far as that can be done without a job.
   *
   * @throws {BlockError} `EINVAL` for options out of range or disks that cannot be mirrored so,
   *   `EBUSY` for one that is in use, `ENODEV` for a node to replace that is not there.
   */
  static check(context: MirrorStage, options: MirrorOptions): MirrorSettings {
    const { graph, target } = context;
    const settings = checkOptions(options, target);
    checkFree(context);
    const { replaces, filterNodeName } = settings;
    if (replaces !== undefined) checkReplaced(graph.find(replaces), context);
    checkEnds(context);
    checkBacking(target, settings);
    if (filterNodeName !== undefined) graph.names.demand(filterNodeName);
    return settings;
  }

  /**
   * Takes hold of both disks; once this resolves no write is missed.
   *
   * @throws {BlockError} `EINVAL` for what is no speed, `EPERM` for a target that is read-only,
   *   `EBUSY` for one that others use.
   */
  static async start(context: MirrorContext, settings: MirrorSettings): Promise<MirrorWork> {
    checkSpeed(settings.speed);
    return new MirrorWork(context, settings, await takeHold(context, settings));
  }

  private constructor(context: MirrorContext, settings: MirrorSettings, parts: MirrorParts) {
    this.#context = context;
    this.#settings = settings;
    this.#parts = parts;
    this.#copyMode = settings.copyMode;
    this.#speed = settings.speed;
  }

  /** Whether the guest has gone over to the target. */
  get switched(): boolean {
    return this.#switched;
  }

  get copyMode(): CopyMode {
    return this.#copyMode;
  }

  get inFlight(): number {
    const { requests } = this.#parts.pair;
    return requests + (this.#copier?.inFlight ?? 0) + (this.#keeper?.isBusy ? 1 : 0);
  }

  /** What a simulation watches: what is dirty, and what is claimed by copies and guest writes. */
  inspect(): { readonly dirty: DirtyBitmap; readonly pair: MirrorPair } {
    const { dirty, pair } = this.#parts;
    return { dirty, pair };
  }

  progress(): MirrorProgress {
    const { pair } = this.#parts;
    const counters = this.#counters();
    const { offset, len } = counters;
    const remaining = len - offset;
    const nowMs = this.#context.env.clock.nowMs();
    const { copyRate, dirtyRate, outlook, secondsLeft } = this.#rates.rates(counters, nowMs);
    const activelySynced = pair.isActive && this.#phase === 2 && remaining === pair.mirroring;
    // Key by key: made of two spreads, it would take most of a simulation's memory.
    return {
      offset,
      len,
      copyRate,
      dirtyRate,
      outlook,
      secondsLeft,
      remaining,
      phase: this.#phase,
      activelySynced,
    };
  }

  #counters(): JobProgress {
    const { copied, remaining } = this.#parts.pair;
    // Until it is known what has to be copied, it is everything: never nothing of nothing.
    const isUnknown = this.#isPlanning && this.#settings.sync !== 'none';
    return { offset: copied, len: copied + (isUnknown ? this.#context.source.size : remaining) };
  }

  setSpeed(bytesPerSecond: number): void {
    checkSpeed(bytesPerSecond);
    this.#copier?.setSpeed(bytesPerSecond);
    const before = this.#speed;
    this.#speed = bytesPerSecond;
    const isLimited = before > 0 && bytesPerSecond > 0;
    this.#parts.guestWrites.relimit(isLimited ? before / bytesPerSecond : 0);
  }

  /** Changes how guest writes reach the target that come from now on. */
  setCopyMode(copyMode: CopyMode): void {
    this.#copyMode = copyMode;
    this.#parts.pair.setActive(copyMode === 'write-blocking');
    this.#govern();
  }

  /**
   * Leaves the journal for a mirror that goes on from here, if this one ends before it is complete:
   * nobody writes to the source after this call.
   */
  keepJournal(): void {
    this.#keepsJournal = true;
  }

  giveUp(): void {
    const { pair, guestWrites } = this.#parts;
    pair.giveUp();
    guestWrites.giveUp();
    this.#patience ??= this.#context.env.clock.after(GIVE_UP_MS, () => pair.abandon());
    this.#context.target.cancelInFlight();
  }

  async run(control: JobControl): Promise<void> {
    const { env, source, target } = this.#context;
    const { pair } = this.#parts;
    env.trace?.('mirror_start', `bs ${source.name} s ${pair.target.parent.name}`);
    pair.begin(control, env.clock);
    const copier = new Copier({ env, control, pair, settings: this.#settings });
    this.#copier = copier;
    this.#govern();
    const { clock } = env;
    const { journal, resumed } = this.#context.journal ?? {};
    this.#keeper = journal && new JournalKeeper({ journal, pair, control, clock });
    if (this.#settings.limits === 'everything') {
      this.#parts.guestWrites.limit((length) => copier.delayFor(length));
    }
    try {
      control.leaveIfCancelled();
      if (source.size !== target.size) throw sizesDiffer(this.#context);
      this.#isPlanning = true;
      await plan({ pair, settings: this.#settings, control, clock, resumed });
      pair.open();
      this.#isPlanning = false;
      this.#rates.reset();
      await this.#meet(control, copier, async () => {
        this.#phase = 2;
        control.ready();
      });
      // All that was copied is the same now, and can be recorded so.
      this.#keeper?.hasten();
      if (this.#settings.limits === 'initial-copy') copier.unlimit();
      await this.#replicate(control, copier);
      await this.#meet(control, copier, () => this.#conclude(control));
    } catch (error) {
      // Whoever has only just started the job is told so first.
      await clock.turn();
      // What a request failed with is the job's failure; that it failed has been told.
      const failure = error instanceof CopyFailed ? error.cause : error;
      // But not when it was given up: the job was cancelled, whatever came of its requests.
      if (failure instanceof BlockError) control.leaveIfCancelled();
      throw failure;
    } finally {
      await copier.idle();
      try {
        await this.#keeper?.end(this.#keepsJournal ? 'keep' : 'invalid');
      } finally {
        await this.#letGo();
      }
    }
  }

  /** Has the mirror governed, if guest writes go, or may come to go, to both disks. */
  #govern(): void {
    const { pair, driver } = this.#parts;
    const copier = this.#copier;
    const { latencyBudgetMs: budgetMs } = this.#settings;
    if (!copier) return;
    copier.setRation(copier.rationMax);
    const isAdaptive = this.#copyMode === 'adaptive';
    const governor =
      this.#copyMode === 'background'
        ? undefined
        : new Governor({ pair, copier, budgetMs, isAdaptive });
    this.#governor = governor;
    driver.watch(governor && ((latencyMs, written) => governor.note(latencyMs, written)));
  }

  /** Takes notice of how it goes; called whenever a copy has ended. */
  #observe(wantsToMeet: boolean): void {
    const nowMs = this.#context.env.clock.nowMs();
    const counters = this.#counters();
    this.#rates.sample(counters, nowMs);
    this.#keeper?.tick();
    this.#governor?.adjust(nowMs, () => ({
      rates: this.#rates.rates(counters, nowMs),
      wantsToMeet,
    }));
  }

  /** Phase 2: keeps the target close until the job is asked to end. */
  async #replicate(control: JobControl, copier: Copier): Promise<void> {
    while (!control.ending) {
      await copier.copyUntil(() => {
        this.#observe(false);
        return copier.isClean || control.ending !== undefined;
      });
      if (!control.ending && !control.pausing) await control.sleep(IDLE_MS);
    }
  }

  /** Brings source and target to the same bytes, and runs `body` while nothing can change them. */
  async #meet(control: JobControl, copier: Copier, body: () => Promise<void>): Promise<void> {
    const { pair, source } = this.#parts;
    const { env } = this.#context;
    // Each attempt that found too much may hold the guest for longer: so one succeeds.
    let holdMs = HOLD_MS;
    let lateMs = LATE_MS;
    for (let met = false; !met; holdMs = Math.min(2 * holdMs, HOLD_MAX_MS)) {
      await copier.copyUntil(this.#closeEnough(copier, holdMs));
      await copier.idle();
      await copier.backOff();
      if (control.pausing) continue;
      // Before the flush: what a guest's own write brings to the target meanwhile is not flushed.
      const { copied } = pair;
      if (!(await copier.flush())) continue;
      const { name } = pair.target.parent;
      env.trace?.('mirror_before_drain', `s ${name} dirty count ${pair.remaining}`);
      const meetNow = async () => {
        // Others may be waiting for the job to rest, which it cannot do in here.
        if (control.pausing || pair.remaining > this.#copiedWithin(holdMs)) return false;
        const endMs = env.clock.nowMs() + lateMs;
        const isCopied = await copier.copyRest(endMs);
        if (!isCopied || (pair.copied > copied && !(await copier.flush(endMs)))) {
          if (env.clock.nowMs() >= endMs) lateMs *= 2;
          return false;
        }
        if (control.pausing || !copier.isClean) return false;
        control.leaveIfCancelled();
        await body();
        return true;
      };
      met = await drained(source.node, meetNow, source);
    }
  }

  /** Everything is clean; or little enough is left, and has been for a while. */
  #closeEnough(copier: Copier, holdMs: number): () => boolean {
    const { pair } = this.#parts;
    const { clock } = this.#context.env;
    let sinceMs: number | undefined;
    return () => {
      const nowMs = clock.nowMs();
      this.#observe(true);
      if (copier.isClean) return true;
      if (pair.remaining > this.#copiedWithin(holdMs)) sinceMs = undefined;
      else sinceMs ??= nowMs;
      return sinceMs !== undefined && nowMs - sinceMs >= CHASE_MS;
    };
  }

  /** How many bytes can be copied in that time at the best rate seen; one granule always can. */
  #copiedWithin(ms: number): number {
    return Math.max((this.#rates.bestCopyRate * ms) / 1000, this.#settings.granularity);
  }

  /** Lets the result count; under the drain, with source and target equal. */
  async #conclude(control: JobControl): Promise<void> {
    const { graph, source, target } = this.#context;
    const { sync, targetBacking, replaces = source.name } = this.#settings;
    await control.settle();
    // What the guest writes from here on is nothing that the mirror lacks: `offset` stays `len`.
    source.untrack(this.#parts.dirty);
    // From here on the guest may write what nobody records.
    await this.#keeper?.end('finished');
    // Looked up first, lest it fail when half is done.
    const replaced = control.ending === 'complete' ? graph.find(replaces) : undefined;
    await this.#removeFilter();
    this.#parts.target.close();
    if (targetBacking === 'source') {
      const backing = { full: undefined, top: nextLayer(source), none: source }[sync];
      if (target.backing || backing) await graph.setBacking(target, backing);
    }
    if (!replaced) return;
    await graph.replace(replaced, target);
    this.#switched = true;
  }

  async #removeFilter(): Promise<void> {
    const { filter, guard } = this.#parts;
    if (!guard.isClosed) guard.close();
    await this.#context.graph.removeFilter(filter);
  }

  /** Leaves both disks as they are found without a mirror. */
  async #letGo(): Promise<void> {
    const { env, graph } = this.#context;
    const { source, target, dirty, filter } = this.#parts;
    if (!filter.isClosed) await this.#removeFilter();
    this.#patience?.cancel();
    this.#context.source.untrack(dirty);
    source.close();
    if (!target.isClosed) target.close();
    // Disks that were there for the job, or for a guest that has left; one that never answers does
    // not close either.
    await sleepUntil(env.clock, GIVE_UP_MS, graph.closeUnused());
  }
}
