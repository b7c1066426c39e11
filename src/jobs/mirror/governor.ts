/**
 * What keeps a guest alive beside its mirror: it watches the guest and the copies, and turns two
 * knobs; the second one only if the mirror is to be adaptive.
 *
 * - The ration is how many bytes of copies may be in flight. Copies and the guest share disks, so a
 *   long queue of copies is the guest's latency. As long as the guest's 99th percentile is within
 *   the budget the ration grows by a quarter at a time; when it is not, it is halved, down to one
 *   granule: the mirror always goes on.
 * - Guest writes go to both disks while copies alone would not make the two meet: because most of
 *   what is copied gets dirty again, while the job wants to get ready or to end, or because what
 *   remains grows. From then on nothing gets dirty any more, so what remains can only shrink: the
 *   two meet for certain. Once they have, and when the guest is slow enough for copies to keep up,
 *   its writes go to the source alone again.
 */

import { LatencyHistogram } from '../../base/histogram.ts';
import { alignDown } from '../../base/ranges.ts';
import type { Copier } from './copier.ts';
import type { MirrorPair } from './pair.ts';
import type { MirrorRates } from './rates.ts';

/** How often the ration is looked at, in milliseconds. */
const ADJUST_MS = 200;
/** How long copies must not have been enough before guest writes go to both disks. */
const PATIENCE_MS = 1000;
/** How long the guest must have been slow before they go to the source alone again. */
const CALM_MS = 5000;
/** The part of the copy rate above which a guest that dirties so fast keeps the two apart. */
const ENOUGH = 0.75;
/** The part of the copies' best rate below which a guest is slow. */
const SLOW = 0.5;
/** The ration when guest writes begin to go to both disks, in granules: it will soon grow. */
const FIRST_GRANULES = 8;
/** The part of the budget below which there is room for more copies. */
const ROOM = 0.6;

export interface GovernorOptions {
  readonly pair: MirrorPair;
  readonly copier: Copier;
  /** The guest's 99th percentile is to be below, in milliseconds. */
  readonly budgetMs: number;
  /** It may change how guest writes reach the target. */
  readonly isAdaptive: boolean;
}

/** What the mirror knows of itself. */
export interface MirrorSituation {
  readonly rates: MirrorRates;
  /** Source and target have to meet, rather than to stay close. */
  readonly wantsToMeet: boolean;
}

export class Governor {
  readonly #pair: MirrorPair;
  readonly #copier: Copier;
  readonly #budgetMs: number;
  readonly #isAdaptive: boolean;
  readonly #latencies = new LatencyHistogram();
  readonly #rationMax: number;
  #ration: number;
  #adjustedMs: number | undefined;
  #written = 0;
  /** How fast copies were when there were plenty to make, in bytes a second. */
  #capacity = 0;
  #hopelessMs: number | undefined;
  #calmMs: number | undefined;

  constructor({ pair, copier, budgetMs, isAdaptive }: GovernorOptions) {
    this.#pair = pair;
    this.#copier = copier;
    this.#budgetMs = budgetMs;
    this.#isAdaptive = isAdaptive;
    this.#rationMax = copier.rationMax;
    this.#ration = this.#rationMax;
  }

  /** A guest's request has completed. @param written Bytes; 0 for a read. */
  note(latencyMs: number, written: number): void {
    this.#latencies.record(latencyMs);
    this.#written += written;
  }

  /** Turns the knobs if it is time to. */
  adjust(nowMs: number, situation: () => MirrorSituation): void {
    const sinceMs = nowMs - (this.#adjustedMs ?? Number.NEGATIVE_INFINITY);
    if (sinceMs < ADJUST_MS) return;
    this.#adjustedMs = nowMs;
    this.#adjustRation();
    if (this.#isAdaptive) this.#adjustMode(nowMs, (this.#written * 1000) / sinceMs, situation());
    this.#written = 0;
  }

  #adjustRation(): void {
    const p99Ms = this.#latencies.percentile(99);
    this.#latencies.reset();
    const unit = this.#pair.dirty.granularity;
    if (p99Ms > this.#budgetMs) {
      this.#setRation(Math.max(alignDown(this.#ration / 2, unit), unit));
    } else if (p99Ms < ROOM * this.#budgetMs) {
      // Also without a request of the guest, which then has no latency to lose.
      this.#setRation(this.#ration + Math.max(this.#ration / 4, unit));
    }
  }

  /** Sends guest writes to both disks, where only few copies shall be before them at first. */
  #activate(): void {
    if (this.#pair.isActive) return;
    this.#pair.setActive(true);
    this.#setRation(Math.min(this.#ration, this.#firstRation));
  }

  #setRation(bytes: number): void {
    this.#ration = Math.min(bytes, this.#rationMax);
    this.#copier.setRation(this.#ration);
  }

  get #firstRation(): number {
    return FIRST_GRANULES * this.#pair.dirty.granularity;
  }

  #adjustMode(nowMs: number, guestRate: number, situation: MirrorSituation): void {
    const { rates, wantsToMeet } = situation;
    const { outlook, copyRate, dirtyRate } = rates;
    const isSlow = outlook !== 'unknown' && dirtyRate > ENOUGH * copyRate;
    const isHopeless = outlook === 'diverges' || (isSlow && wantsToMeet);
    this.#hopelessMs = isHopeless ? (this.#hopelessMs ?? nowMs) : undefined;
    if (this.#pair.remaining > this.#rationMax) this.#capacity = copyRate;
    // Not before the two have met: it may be its way to both disks that makes the guest slow.
    const isCalm = !wantsToMeet && guestRate < SLOW * this.#capacity;
    this.#calmMs = isCalm ? (this.#calmMs ?? nowMs) : undefined;
    if (nowMs - (this.#hopelessMs ?? nowMs) >= PATIENCE_MS) this.#activate();
    else if (nowMs - (this.#calmMs ?? nowMs) >= CALM_MS) this.#pair.setActive(false);
  }
}
