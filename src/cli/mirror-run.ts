/**
 * One run of `mirrordisk mirror`, from opening the disk to the proof.
 *
 * Two sides go on at once: the mirror, from start to end, and the guest, who begins once the mirror
 * has started (so that a wrong target harms nobody) and stops when the plan says so. Whatever could
 * be wrong with the plan is looked at before the target is touched.
 */

import { openDisk } from '../machine/disk.ts';
import { runGuest } from '../workload/guest.ts';
import { type GuestOptions, planGuest } from '../workload/guest-options.ts';
import type { GuestLog } from '../workload/oracle.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { comparing } from './comparing.ts';
import { Interrupted, Interrupts } from './interrupts.ts';
import type { MirrorWishes } from './mirror-options.ts';
import { MirrorReport, type ReportOptions } from './mirror-report.ts';
import { carryOut, interrupter, retry, startMirror } from './mirror-steering.ts';
import type { RunEnd, Verdict } from './mirror-summary.ts';
import { prove } from './proof.ts';

export interface MirrorPlan extends ReportOptions, MirrorWishes {
  /** The path of the source, which may have another name for the user. */
  readonly image: string;
  readonly guest: GuestOptions | undefined;
  readonly compare: boolean;
}

/** What is left of a run when the disk is closed. */
interface Result extends RunEnd {
  readonly log: GuestLog | undefined;
}

/** @throws {BlockError} What could not be done; the target is then as the mirror left it. */
export async function runMirror(plan: MirrorPlan, io: CommandIo): Promise<ExitCode> {
  const report = new MirrorReport(plan, io);
  const interrupts = new Interrupts(io);
  try {
    const result = await mirrorWithGuest(plan, { report, interrupts, io });
    report.ended(result);
    if (result.outcome.status === 'failed') throw result.outcome.error;
    const verdict = await judge(plan, result, { interrupts, io });
    report.summarise(verdict);
    return isAsAsked(plan, result, verdict) ? 0 : 1;
  } catch (error) {
    if (error instanceof Error) report.fail(error);
    throw error;
  } finally {
    interrupts.close();
  }
}

interface Surroundings {
  readonly interrupts: Interrupts;
  readonly io: CommandIo;
}

function isAsAsked(plan: MirrorPlan, { outcome, guest }: Result, verdict: Verdict): boolean {
  if (outcome.status !== 'completed' || verdict === 'interrupted') return false;
  if (plan.ending === 'switch' && !outcome.switched) return false;
  if (guest && guest.errors + guest.mismatches.count > 0) return false;
  return typeof verdict === 'string' || verdict.holds;
}

async function judge(
  plan: MirrorPlan,
  { outcome, log }: Result,
  { interrupts, io }: Surroundings,
): Promise<Verdict> {
  if (outcome.status !== 'completed' || !plan.compare) return 'unasked';
  if (plan.mirror.sync === 'none') return 'partial';
  const goOn = interrupts.guard('leaving out the rest of the comparison');
  const show = comparing(io);
  const onProgress = (bytes: number, size: number) => {
    goOn();
    show(bytes, size);
  };
  const { image: source, target } = plan;
  const { switched } = outcome;
  try {
    return await prove(io.env, { source, target, switched, log, onProgress });
  } catch (error) {
    if (error instanceof Interrupted) return 'interrupted';
    throw error;
  } finally {
    io.show([]);
  }
}

async function mirrorWithGuest(
  plan: MirrorPlan,
  { report, interrupts, io }: Surroundings & { readonly report: MirrorReport },
): Promise<Result> {
  const { clock } = io.env;
  const readOnly = plan.guest === undefined;
  const { direct = false } = plan.mirror;
  const disk = await openDisk(plan.image, { readOnly, direct, env: io.env });
  try {
    if (plan.guest) planGuest(disk.device, plan.guest);
    const mirror = await startMirror(plan, disk, io.env.files);
    const guest = plan.guest && runGuest(disk.device, clock, plan.guest);
    interrupts.handle(interrupter(mirror, guest));
    try {
      const following = report.follow(mirror, guest, disk.size);
      const ending = carryOut(plan, mirror, guest, clock);
      const [outcome] = await Promise.all([ending, following, retry(plan, mirror, clock)]);
      const { isKept, resumedBytes } = mirror;
      const log = guest?.log;
      return { outcome, log, guest: guest?.statistics(), isKept, resumedBytes };
    } finally {
      await guest?.stop();
    }
  } finally {
    await disk.close();
  }
}
