/**
 * Doing to a mirror what its plan says, at the times it says, and bringing it to its end.
 *
 * A verb that the job refuses is no fault: the plan does not know what state it will find. But a
 * mirror that nothing holds up any more, its guests stopped, its limits lifted, must end.
 */

import { BlockError } from '../src/base/errors.ts';
import type { Clock } from '../src/env/env.ts';
import type { JobStatus } from '../src/index.ts';
import type { JobState } from '../src/jobs/events.ts';
import type { CopyMode } from '../src/jobs/mirror/options.ts';
import { sleepUntil } from '../src/sync/alarm.ts';
import type { Counts } from './soak-counts.ts';
import type { Action, Ending } from './soak-plan.ts';

/** A mirror in the hands of the script. Its verbs reject with `EPERM` when they are refused. */
export interface Handle {
  readonly status: JobStatus;
  readonly state: JobState;
  /** Resolves when it is over. */
  readonly over: Promise<unknown>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  setSpeed(speed: number): Promise<void>;
  setCopyMode(copyMode: CopyMode): Promise<void>;
  complete(): Promise<void>;
  cancel(options: { readonly force: boolean }): Promise<void>;
  finalize(): Promise<void>;
}

/** What the script needs beside the mirror. */
export interface Stage {
  readonly clock: Clock;
  readonly counts: Counts;
  readonly handle: Handle;
  /** Does what is not the job's. */
  act(action: Action): Promise<void>;
  stopGuests(): Promise<void>;
  /** Nothing is to hold the mirror up any more. */
  help(): void;
  readonly retryMs: number;
}

/** What was accepted of the verbs that end a mirror. */
export interface Asked {
  complete: boolean;
  cancel: boolean;
  force: boolean;
}

/** How long it may take a mirror to get ready by itself after its script is done. */
const GRACE_MS = 3000;
const NURSE_MS = 10;

/** Does what the plan says. @returns What was accepted, when the mirror is over. */
export async function perform(
  stage: Stage,
  { script, ending }: { readonly script: readonly Action[]; readonly ending: Ending },
): Promise<Asked> {
  const asked: Asked = { complete: false, cancel: false, force: false };
  const startMs = stage.clock.nowMs();
  const isOver = () => stage.handle.status === 'concluded' || stage.handle.status === 'null';
  const at = (ms: number) =>
    sleepUntil(stage.clock, Math.max(startMs + ms - stage.clock.nowMs(), 0), stage.handle.over);
  const acting = script.map(async (action) => {
    await at(action.atMs);
    if (!isOver()) await carryOut(stage, action);
  });
  const nursing = nurse(stage, isOver);
  const lastMs = Math.max(0, ...script.map(({ atMs }) => atMs));
  if ('atMs' in ending) {
    await at(ending.atMs);
    await insist(stage, ending.kind, asked, isOver);
  } else {
    await untilReady(stage, isOver, startMs + lastMs + GRACE_MS);
    await sleepUntil(stage.clock, ending.afterMs, stage.handle.over);
    // A machine that stands still when the mirror fails is continued only then.
    if (!ending.guestsRun) await Promise.race([stage.stopGuests(), stage.handle.over]);
    await insist(stage, ending.kind === 'switch' ? 'complete' : 'cancel', asked, isOver);
  }
  await Promise.all([nursing, ...acting]);
  return asked;
}

async function carryOut(stage: Stage, action: Action): Promise<void> {
  const { handle } = stage;
  switch (action.verb) {
    case 'pause':
      return attempt(stage, () => handle.pause());
    case 'resume':
      return attempt(stage, () => handle.resume());
    case 'speed':
      return attempt(stage, () => handle.setSpeed(action.speed));
    case 'copy-mode':
      return attempt(stage, () => handle.setCopyMode(action.copyMode));
    default:
      return stage.act(action);
  }
}

/** Asks for something that may be refused. @returns When it was accepted or refused. */
async function attempt(stage: Stage, ask: () => Promise<void>, onAccepted = () => {}) {
  try {
    await ask();
  } catch (error) {
    if (!(error instanceof BlockError && error.code === 'EPERM')) throw error;
    stage.counts.verbs.refused += 1;
    return;
  }
  stage.counts.verbs.accepted += 1;
  onAccepted();
}

/** Asks a mirror to end until it is over; helps it if that takes long. */
async function insist(
  stage: Stage,
  verb: 'complete' | 'cancel' | 'force',
  asked: Asked,
  isOver: () => boolean,
): Promise<void> {
  const { handle, clock } = stage;
  const helpMs = clock.nowMs() + GRACE_MS;
  let isHelped = false;
  const ask = {
    complete: () => handle.complete(),
    cancel: () => handle.cancel({ force: false }),
    force: () => handle.cancel({ force: true }),
  }[verb];
  while (!isOver()) {
    const accept = () => {
      asked[verb] = true;
    };
    if (!asked[verb]) await attempt(stage, ask, accept);
    if (!isHelped && clock.nowMs() > helpMs) {
      isHelped = true;
      stage.help();
      await attempt(stage, () => handle.setSpeed(0));
      await Promise.race([stage.stopGuests(), handle.over]);
    }
    await sleepUntil(clock, 20, handle.over);
  }
}

async function untilReady(stage: Stage, isOver: () => boolean, helpMs: number): Promise<void> {
  const { handle, clock } = stage;
  let isHelped = false;
  while (!isOver() && handle.status !== 'ready' && handle.status !== 'standby') {
    await sleepUntil(clock, NURSE_MS, handle.over);
    if (isHelped || clock.nowMs() < helpMs) continue;
    isHelped = true;
    stage.help();
    await attempt(stage, () => handle.setSpeed(0));
    await Promise.race([stage.stopGuests(), handle.over]);
  }
}

/** Goes on with a mirror that an error has stopped, and lets one that is pending count. */
async function nurse(stage: Stage, isOver: () => boolean): Promise<void> {
  const { handle, clock, retryMs } = stage;
  while (!isOver()) {
    if (handle.status === 'pending' && !handle.state.autoFinalize) {
      await sleepUntil(clock, retryMs, handle.over);
      if (handle.status === 'pending') await attempt(stage, () => handle.finalize());
    } else if (handle.state.ioStatus !== 'ok') {
      await sleepUntil(clock, retryMs, handle.over);
      if (!isOver()) await attempt(stage, () => handle.resume());
    }
    await sleepUntil(clock, NURSE_MS, handle.over);
  }
}
