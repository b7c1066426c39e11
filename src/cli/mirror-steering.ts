/** A mirror that a command has started: kept going, and ended as it was asked. */

import { BlockError } from '../base/errors.ts';
import { alignUp } from '../base/ranges.ts';
import { SECTOR_SIZE } from '../device/request.ts';
import type { Clock } from '../env/env.ts';
import type { Files } from '../env/files.ts';
import type { Disk } from '../machine/disk.ts';
import type { Mirror, MirrorOutcome } from '../machine/mirror.ts';
import { sleepUntil } from '../sync/alarm.ts';
import type { Guest } from '../workload/guest.ts';
import type { GuestOptions } from '../workload/guest-options.ts';
import type { InterruptHandler } from './interrupts.ts';
import type { MirrorWishes } from './mirror-options.ts';
import { counted } from './words.ts';

/** How long a guest without limits goes on after it was switched. */
const AFTER_SWITCH_MS = 1000;
/** How often to look whether an error has stopped the mirror. */
const LOOK_MS = 100;

/** What to mirror to what, and how. */
export interface MirrorTask extends MirrorWishes {
  /** What to call the source. */
  readonly source: string;
  readonly target: string;
}

/** Starts a mirror. @throws {BlockError} What is wrong with the target, in words for people. */
export async function startMirror(plan: MirrorTask, disk: Disk, files: Files): Promise<Mirror> {
  const { source, target } = plan;
  const action = `mirror "${source}" to "${target}"`;
  const found = await files.status(target);
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
export async function carryOut(
  plan: MirrorWishes & { readonly guest?: GuestOptions | undefined },
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
export async function retry(
  { retryMs }: MirrorWishes,
  mirror: Mirror,
  clock: Clock,
): Promise<void> {
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
export function interrupter(
  mirror: Mirror,
  guest: Pick<Guest, 'finished' | 'stop'> | undefined,
): InterruptHandler {
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
