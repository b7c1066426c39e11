/**
 * A process of a crash round: mirrors one file to another under guests, until it is killed or done.
 *
 * It is given its task as JSON, and ends with 0 when the mirror ended as it was told.
 */

import { closeSync, openSync } from 'node:fs';
import { sleep } from '../src/env/env.ts';
import { nodeEnv } from '../src/env/node.ts';
import { type DiskMirrorOptions, openDisk } from '../src/index.ts';
import { sleepUntil } from '../src/sync/alarm.ts';
import { CrashRecorder, replay } from './soak-crash-log.ts';
import { Changer } from './soak-guests.ts';
import { ChangeLog } from './soak-log.ts';
import type { ChangerOptions, CrashPlan } from './soak-plan.ts';

/** What the process is told. */
export interface CrashTask {
  readonly source: string;
  readonly target: string;
  readonly record: string;
  /** The how-manieth process of its round it is, from 1. */
  readonly life: number;
  readonly guests: readonly ChangerOptions[];
  readonly mirror: DiskMirrorOptions;
  /** When it is not given, the mirror goes on until the process is killed. */
  readonly ending: CrashPlan['ending'] | undefined;
}

/** What the process tells its parent. */
export interface CrashReport {
  readonly resumedBytes: number | undefined;
  /** What its guests read wrong, and how often they failed; at the end. */
  readonly wrong?: readonly string[];
  readonly errors?: number;
}

/** How long it may take source and target to meet before they are helped, in milliseconds. */
const GRACE_MS = 3000;
/** How long guests go on after a switch, in milliseconds. */
const AFTER_MS = 150;

const [text] = process.argv.slice(2);
if (text !== undefined) await main(JSON.parse(text));

async function main(task: CrashTask): Promise<void> {
  const { clock } = nodeEnv();
  const logs = task.guests.map((options) => new ChangeLog(options));
  await replay(task.record, logs);
  const descriptor = openSync(task.record, 'a');
  const recorder = new CrashRecorder(descriptor, task.life);
  const disk = await openDisk(task.source);
  const mirror = await disk.mirror(task.target, task.mirror);
  tell({ resumedBytes: mirror.resumedBytes });
  const guests = logs.map((log, index) => {
    log.onRecord = (record) => recorder.change(index, record);
    const options = task.guests[index];
    if (!options) throw new TypeError('Cannot start a guest without options');
    const seed = options.seed + task.life;
    return new Changer(disk.device, clock, { ...options, seed }, log);
  });
  for (const guest of guests) guest.start();
  const { ending } = task;
  if (!ending) return;
  await sleepUntil(clock, GRACE_MS, mirror.ready);
  // A guest that changes more than the limit lets be copied keeps the two from meeting.
  if (mirror.progress.phase === 1) mirror.setSpeed(0);
  await sleepUntil(clock, GRACE_MS, mirror.ready);
  if (mirror.progress.phase === 1) await Promise.all(guests.map((guest) => guest.stop()));
  await mirror.ready;
  await sleep(clock, ending.afterMs);
  if (ending.kind === 'finish') {
    await Promise.all(guests.map((guest) => guest.stop()));
    await mirror.finish();
  } else {
    await mirror.switch();
  }
  recorder.finish();
  await sleep(clock, AFTER_MS);
  await Promise.all(guests.map((guest) => guest.stop()));
  await disk.close();
  closeSync(descriptor);
  const totals = guests.map((guest) => guest.totals());
  const errors = totals.reduce((sum, each) => sum + each.errors, 0);
  const wrong = totals.flatMap((each) => each.wrong);
  tell({ resumedBytes: mirror.resumedBytes, wrong, errors });
  process.disconnect?.();
}

function tell(report: CrashReport): void {
  process.send?.(report);
}
