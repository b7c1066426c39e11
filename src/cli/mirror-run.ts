/**
 * One run of `mirrordisk mirror`, from opening the disk to the proof.
 *
 * Two sides go on at once: the mirror, from start to end, and the guest, who begins once the mirror
 * has started (so that a wrong target harms nobody) and stops when the plan says so.
 */

import { BlockError } from '../base/errors.ts';
import { formatSize } from '../base/units.ts';
import type { Clock } from '../env/env.ts';
import { type DiskMirrorOptions, openDisk } from '../machine/disk.ts';
import type { Mirror, MirrorOutcome } from '../machine/mirror.ts';
import { sleepUntil } from '../sync/alarm.ts';
import { type Guest, runGuest } from '../workload/guest.ts';
import type { GuestStatistics } from '../workload/guest-accounts.ts';
import type { GuestOptions } from '../workload/guest-options.ts';
import type { GuestLog } from '../workload/oracle.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { MirrorReport, type ReportOptions } from './mirror-report.ts';
import { prove } from './proof.ts';

/** How long a guest without limits goes on after it was switched. */
const AFTER_SWITCH_MS = 1000;

export interface MirrorPlan extends ReportOptions {
  /** How to end once source and target have met; when asked to, if not given. */
  readonly ending: 'complete' | 'cancel' | undefined;
  /** How long to stay in phase 2 before that. */
  readonly replicateMs: number;
  readonly mirror: DiskMirrorOptions;
  readonly guest: GuestOptions | undefined;
  readonly compare: boolean;
}

/** What is left of a run when the disk is closed. */
interface Result {
  readonly outcome: MirrorOutcome;
  readonly log: GuestLog | undefined;
  readonly guest: GuestStatistics | undefined;
}

/** @throws {BlockError} What could not be done; the target is then as the mirror left it. */
export async function runMirror(plan: MirrorPlan, io: CommandIo): Promise<ExitCode> {
  const report = new MirrorReport(plan, io);
  const { outcome, log, guest } = await mirrorWithGuest(plan, report, io);
  if (outcome.status === 'failed') {
    report.summarise(outcome, guest);
    throw outcome.error;
  }
  if (outcome.status === 'cancelled' || !plan.compare || plan.mirror.sync === 'none') {
    report.summarise(outcome, guest);
    return outcome.status === 'cancelled' ? 1 : 0;
  }
  const { source, target } = plan;
  const onProgress = (bytes: number) => io.show(`compared ${formatSize(bytes)}`);
  const { switched } = outcome;
  const proof = await prove(io.env, { source, target, switched, log, onProgress });
  io.show('');
  report.summarise(outcome, guest, proof);
  const isGuestWell = guest === undefined || guest.errors + guest.mismatches.count === 0;
  return proof.holds && isGuestWell ? 0 : 1;
}

async function mirrorWithGuest(
  plan: MirrorPlan,
  report: MirrorReport,
  io: CommandIo,
): Promise<Result> {
  const readOnly = plan.guest === undefined;
  const { direct = false } = plan.mirror;
  const disk = await openDisk(plan.source, { readOnly, direct, env: io.env });
  try {
    const mirror = await disk.mirror(plan.target, plan.mirror);
    const guest = plan.guest && runGuest(disk.device, io.env.clock, plan.guest);
    const release = io.onInterrupt(interrupter(mirror, guest));
    try {
      const following = report.follow(mirror, guest);
      const outcome = await carryOut(plan, mirror, guest, io.env.clock);
      await following;
      return { outcome, log: guest?.log, guest: guest?.statistics() };
    } finally {
      release();
      await guest?.stop();
    }
  } finally {
    await disk.close();
  }
}

/** Ends the mirror and the guest as the plan says. @returns How the mirror ended. */
async function carryOut(
  plan: MirrorPlan,
  mirror: Mirror,
  guest: Guest | undefined,
  clock: Clock,
): Promise<MirrorOutcome> {
  const { ending } = plan;
  const isBounded = plan.guest?.seconds !== undefined || plan.guest?.bytes !== undefined;
  const hasMet = await mirror.ready.then(
    () => true,
    () => false,
  );
  if (hasMet && ending) {
    await sleepUntil(clock, plan.replicateMs, mirror.finished);
    if (ending === 'cancel') {
      if (isBounded) await Promise.race([guest?.finished, mirror.finished]);
      await guest?.stop();
    }
    await unlessOver(mirror, () => (ending === 'cancel' ? mirror.cancel() : mirror.complete()));
  }
  const outcome = await mirror.finished;
  if (guest && outcome.status === 'completed' && outcome.switched) {
    if (isBounded) await guest.finished;
    else await sleepUntil(clock, AFTER_SWITCH_MS, guest.finished);
  }
  await guest?.stop();
  return outcome;
}

/** Asks for an end, unless an interrupt asked for one before. */
async function unlessOver(mirror: Mirror, end: () => Promise<MirrorOutcome>): Promise<void> {
  try {
    await end();
  } catch (error) {
    // What the job failed with is in its outcome; a verb that came too late changes nothing.
    if (!(error instanceof BlockError)) throw error;
    await mirror.finished;
  }
}

/** The first Ctrl-C ends the mirror well if it can; the second by force. */
function interrupter(mirror: Mirror, guest: Guest | undefined): () => void {
  let count = 0;
  return () => {
    count += 1;
    const force = count > 1;
    const end = async () => {
      if (!force) await guest?.stop();
      await unlessOver(mirror, () => mirror.cancel({ force }));
    };
    void end();
  };
}
