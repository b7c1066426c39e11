/**
 * One run of `mirrordisk mirror`, from opening the disk to the proof.
 *
 * Two sides go on at once: the mirror, from start to end, and the guest, who begins once the mirror
 * has started (so that a wrong target harms nobody) and stops when the plan says so. Whatever could
 * be wrong with the plan is looked at before the target is touched.
 */

import { BlockError } from '../base/errors.ts';
import { alignUp } from '../base/ranges.ts';
import { SECTOR_SIZE } from '../device/request.ts';
import type { Clock } from '../env/env.ts';
import { type Disk, openDisk } from '../machine/disk.ts';
import type { Mirror, MirrorOutcome } from '../machine/mirror.ts';
import { sleepUntil } from '../sync/alarm.ts';
import { type Guest, runGuest } from '../workload/guest.ts';
import { type GuestOptions, planGuest } from '../workload/guest-options.ts';
import type { GuestLog } from '../workload/oracle.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { comparing } from './comparing.ts';
import { Interrupted, type InterruptHandler, Interrupts } from './interrupts.ts';
import type { MirrorWishes } from './mirror-options.ts';
import { MirrorReport, type ReportOptions } from './mirror-report.ts';
import type { RunEnd, Verdict } from './mirror-summary.ts';
import { prove } from './proof.ts';
import { counted } from './words.ts';

/** How long a guest without limits goes on after it was switched. */
const AFTER_SWITCH_MS = 1000;
/** How often to look whether an error has stopped the mirror. */
const LOOK_MS = 100;

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
    const mirror = await startMirror(plan, disk, io);
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

async function startMirror(plan: MirrorPlan, disk: Disk, io: CommandIo): Promise<Mirror> {
  const { source, target } = plan;
  const action = `mirror "${source}" to "${target}"`;
  const found = await io.env.files.status(target);
  if (found?.kind === 'other') {
    const reason = 'the target is neither a regular file nor a block device';
    throw new BlockError('EINVAL', action, reason);
  }
  if (found && found.kind !== 'directory' && alignUp(found.size, SECTOR_SIZE) !== disk.size) {
    const reason = `the target has ${counted(found.size, 'byte')} and the source ${disk.size}`;
    throw new BlockError('EINVAL', action, reason);
  }
  try {
    return await disk.mirror(target, plan.mirror);
  } catch (error) {
    if (!(error instanceof BlockError && error.code === 'EEXIST')) throw error;
    const reason = 'the target exists and may hold data; --force writes over it';
    throw new BlockError('EEXIST', action, reason, { cause: error });
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
    if (ending === 'finish') {
      if (isBounded) await Promise.race([guest?.finished, mirror.finished]);
      await guest?.stop();
    }
    await unlessOver(mirror, () => (ending === 'finish' ? mirror.finish() : mirror.switch()));
  }
  const outcome = await mirror.finished;
  if (guest && outcome.status === 'completed' && outcome.switched) {
    if (isBounded) await guest.finished;
    else await sleepUntil(clock, AFTER_SWITCH_MS, guest.finished);
  }
  await guest?.stop();
  return outcome;
}

/** Goes on with a mirror that an error has stopped, some time after each stop, until it is over. */
async function retry({ retryMs }: MirrorPlan, mirror: Mirror, clock: Clock): Promise<void> {
  let stoppedMs: number | undefined;
  while (mirror.status !== 'null') {
    await sleepUntil(clock, LOOK_MS, mirror.finished);
    const nowMs = clock.nowMs();
    stoppedMs = isStopped(mirror) ? (stoppedMs ?? nowMs) : undefined;
    if (nowMs - (stoppedMs ?? Infinity) < retryMs || stoppedMs === undefined) continue;
    mirror.resume();
    stoppedMs = undefined;
  }
}

/** Whether it waits for somebody to mend what went wrong. */
function isStopped(mirror: Mirror): boolean {
  const { status, ioStatus } = mirror.state;
  const canResume = ['running', 'paused', 'ready', 'standby'].includes(status);
  return canResume && ioStatus !== 'ok';
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

/**
 * The first Ctrl-C ends the mirror well if it can; the second by force. What is persistent and does
 * not end well is left for another run, once the guest has stopped.
 */
function interrupter(mirror: Mirror, guest: Guest | undefined): InterruptHandler {
  let hasStopped = guest === undefined;
  const note = () => {
    hasStopped = true;
  };
  // That it could not go on is told by whoever waits for it.
  guest?.finished.then(note, note);
  return (count) => {
    const { phase } = mirror.progress;
    // What an error has stopped cannot end well now.
    const force = count > 1 || isStopped(mirror);
    const keeps = mirror.isPersistent && (phase === 1 || force);
    const end = async () => {
      if (count === 1) await guest?.stop();
      if (keeps && hasStopped) mirror.keep();
      await unlessOver(mirror, () => mirror.cancel({ force }));
    };
    const isOver = mirror.status === 'null';
    void end();
    if (isOver && hasStopped) return 'waiting for the disks to close; once more ends at once';
    if (isOver) return 'stopping the guest';
    const once = force ? 'once more ends at once' : 'once more leaves it as it is';
    if (keeps && count === 1) return `stopping, for the same command to go on; ${once}`;
    if (force) return `leaving the copy as it is; ${once}`;
    return phase === 2 ? `finishing the copy; ${once}` : 'cancelling';
  };
}
