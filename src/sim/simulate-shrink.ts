/**
 * Makes the choices of a failing run few: as long as the same part of the program fails with an
 * error of the same kind, its choices become the natural ones, and what is left is taken out in
 * ever smaller pieces (delta debugging: Zeller and Hildebrandt, 2002).
 */

import { type Leader, lenientLeader, RecordingLeader, seededLeader } from './simulate-leader.ts';
import type { RunFailure, SimulateRun } from './simulate-world.ts';

/** Runs that are led by chance at most, to find what goes wrong sooner. */
const CHANCES = 100;

/** Runs the world once. */
export type RunOnce = (leader: RecordingLeader) => Promise<SimulateRun>;

/** A failing run, and its choices. */
export interface Failing {
  readonly schedule: readonly number[];
  readonly run: SimulateRun;
  /** How many runs it took. */
  readonly runs: number;
}

/** @returns The lightest failing run that was found. */
export async function shrink(
  found: Omit<Failing, 'runs'>,
  runOnce: RunOnce,
  runsMax: number,
): Promise<Failing> {
  let { schedule, run } = found;
  let runs = 0;
  const attempt = (shorter: readonly number[]) => follow(lenientLeader(shorter));
  const follow = async (one: Leader): Promise<boolean> => {
    if (runs >= runsMax) return false;
    runs += 1;
    const leader = new RecordingLeader(one);
    const tried = await runOnce(leader);
    if (!isSameFailure(tried.failure, run.failure)) return false;
    if (!isLighter({ schedule: leader.schedule, run: tried }, { schedule, run })) return false;
    ({ schedule, run } = { schedule: leader.schedule, run: tried });
    return true;
  };
  // An exhaustive search finds first what goes wrong late.
  const length = schedule.length + 1;
  const chances = Math.min(CHANCES, Math.floor(runsMax / 4));
  for (let seed = 0; seed < chances; seed += 1) await follow(seededLeader({ seed, length }));
  for (let isLess = true; isLess && runs < runsMax; ) {
    isLess = false;
    for (let length = schedule.length; length >= 1; length = Math.floor(length / 2)) {
      for (let at = 0; at < schedule.length; ) {
        const rest = [...schedule.slice(0, at), ...schedule.slice(at + length)];
        if (await attempt(rest)) isLess = true;
        else at += length;
      }
    }
    for (let at = 0; at < schedule.length; at += 1) {
      // What goes wrong later may go wrong sooner, though not at all in between.
      const zeroes = zeroesFrom(schedule, at);
      for (let kept = 0; kept < zeroes; kept += 1) {
        if (!(await attempt([...schedule.slice(0, at + kept), ...schedule.slice(at + zeroes)]))) {
          continue;
        }
        isLess = true;
        break;
      }
      at += zeroesFrom(schedule, at);
    }
    for (let at = 0; at < schedule.length; at += 1) {
      const index = schedule[at] ?? 0;
      for (const less of index === 0 ? [] : [0, 1, index - 1]) {
        if (less >= (schedule[at] ?? 0)) continue;
        const changed = schedule.map((one, place) => (place === at ? less : one));
        if (await attempt(changed)) isLess = true;
      }
    }
  }
  return { schedule, run, runs };
}

/** How many zeroes there are from some place on. */
function zeroesFrom(schedule: readonly number[], at: number): number {
  let end = at;
  while (schedule[end] === 0) end += 1;
  return end - at;
}

function isSameFailure(left: RunFailure | undefined, right: RunFailure | undefined): boolean {
  return left?.phase === right?.phase && nameOf(left?.error) === nameOf(right?.error);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

/** Few steps are light, and then few choices that are not natural, and then small ones. */
function isLighter(left: Omit<Failing, 'runs'>, right: Omit<Failing, 'runs'>): boolean {
  const [one, two] = [weigh(left), weigh(right)];
  const at = one.findIndex((value, place) => value !== two[place]);
  return at >= 0 && (one[at] ?? 0) < (two[at] ?? 0);
}

function weigh({ schedule, run }: Omit<Failing, 'runs'>): readonly number[] {
  const unnatural = schedule.filter((index) => index > 0);
  const sum = unnatural.reduce((total, index) => total + index, 0);
  return [
    run.steps + run.mishaps.length + unnatural.length,
    unnatural.length,
    schedule.length,
    sum,
  ];
}
