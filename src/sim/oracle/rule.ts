/** What a rule of the oracle is, and what it may look at. */

import { SECTOR_SIZE } from '../../device/request.ts';
import type { SimDisk } from '../disk.ts';
import type { Guest, GuestRecord } from '../guest.ts';
import type { JobNews, MirrorView } from '../mirror-view.ts';
import type { Verb } from '../move.ts';
import type { Scenario } from '../scenario.ts';
import type { DiskName, Passage } from '../turnstile.ts';
import type { Violation } from './violation.ts';

/** The guest as a rule sees it. */
export type GuestView = Pick<Guest, 'records' | 'unfinished'>;

/** A world as a rule sees it. */
export interface OracleView {
  readonly scenario: Scenario;
  readonly source: SimDisk;
  readonly target: SimDisk;
  readonly guest: GuestView;
  /** The mirror, once it has started. */
  readonly mirror: MirrorView | undefined;
  /** The requests that wait at the turnstile. */
  readonly held: readonly Passage[];
  /** The disk that the guest's requests go to now. */
  readonly guestDisk: DiskName;
  /** The time of the world. */
  readonly clock: { nowMs(): number };
  /** The verbs that the job has accepted so far. */
  readonly accepted: readonly Verb[];
  report(violation: Omit<Violation, 'step'>): void;
}

/**
 * One rule; it is told what happens at the moment at which it happens, and keeps what it needs of
 * that. All but `step` are also called while an earlier run is repeated.
 */
export interface Rule {
  heard?(news: JobNews): void;
  /** A request has come to a disk, has taken effect, or was answered. */
  arrived?(passage: Passage): void;
  tookEffect?(passage: Passage): void;
  answered?(passage: Passage): void;
  submitted?(record: GuestRecord): void;
  completed?(record: GuestRecord): void;
  /** Everything that goes on by itself has done so. */
  step?(): void;
  /** The world has come to its end, and nothing is in flight. */
  end?(): void;
}

export type RuleFactory = (view: OracleView) => Rule;

/**
 * Finds out when the mirror knows what it has to copy: by its first read, or when it is ready. What
 * its bitmap says before is not meant to be true.
 */
export class PlanWatch {
  #isMade = false;

  get isMade(): boolean {
    return this.#isMade;
  }

  arrived({ call }: Passage): void {
    this.#isMade ||= call.disk === 'source' && call.operation === 'read' && call.origin === 'job';
  }

  heard({ name }: JobNews): void {
    this.#isMade ||= name === 'BLOCK_JOB_READY';
  }
}

/** Whether the mirror sends the guest's writes to both disks, or may begin to. */
export function isWriteBlocking({ mirror, verbs }: Scenario): boolean {
  const { copyMode = 'background' } = mirror;
  return copyMode !== 'background' || verbs.some(({ verb }) => verb === 'write-blocking');
}

/** What QEMU and we take when nothing is said, in bytes. */
export const DEFAULT_GRANULARITY = 65_536;

/**
 * Whether a request of a disk is on behalf of a write of the guest that is in flight: one that
 * shares a granule with it.
 */
export function isActive(view: OracleView, { call }: Passage): boolean {
  if (!isWriteBlocking(view.scenario)) return false;
  const unit = (view.scenario.mirror.granularity ?? DEFAULT_GRANULARITY) / SECTOR_SIZE;
  const [start, end] = [call.offset / SECTOR_SIZE, (call.offset + call.length) / SECTOR_SIZE];
  return view.guest.unfinished.some(({ step }) => {
    if (step.type === 'read' || step.type === 'flush') return false;
    const first = Math.floor(step.sector / unit) * unit;
    const last = Math.ceil((step.sector + step.sectors) / unit) * unit;
    return first < end && start < last;
  });
}

/** The requests of the copying in the background that wait. */
export function backgroundOf(view: OracleView): readonly Passage[] {
  return view.held.filter((passage) => isBackground(view, passage));
}

/** Whether a request is one of the copying in the background. */
export function isBackground(view: OracleView, passage: Passage): boolean {
  const { disk, operation, origin } = passage.call;
  if (origin === 'guest' || operation === 'blockStatus' || isActive(view, passage)) return false;
  // The mirror reads the source, and writes and flushes the target.
  return disk === 'source' ? operation === 'read' && origin === 'job' : operation !== 'read';
}

/** Whether the job was told to leave at once, and may leave its target as it is. */
export function isGivenUp({ accepted, mirror }: OracleView): boolean {
  const isReady = mirror?.status === 'ready' || mirror?.status === 'standby';
  if (accepted.includes('cancel-force') || accepted.includes('quit')) return true;
  return accepted.includes('cancel') && !isReady;
}
