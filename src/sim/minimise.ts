/**
 * Makes a failing run short: fewer requests, no faults, few choices that are not the natural ones.
 *
 * First the scenario is made smaller, piece by piece, as long as the same invariant is broken by
 * the old schedule, taken leniently, or by one of some that are tried by chance. Then the schedule:
 * its end is cut off, its choices are set to 0, which is the natural continuation, and what is left
 * is taken out in ever smaller pieces (delta debugging: Zeller and Hildebrandt, 2002).
 */

import type { Chooser } from './chooser.ts';
import { lenientReplay } from './choosers/replay.ts';
import { seededChooser } from './choosers/seeded.ts';
import { type Failure, type LedRun, runOnce } from './explorer.ts';
import type { Scenario } from './scenario.ts';
import type { WorldOptions } from './world.ts';

export interface MinimiseOptions extends Omit<WorldOptions, 'guide' | 'state' | 'trace'> {
  /** Runs at most. @default 2000 */
  readonly runsMax?: number;
  /** Schedules tried by chance for each smaller scenario. @default 60 */
  readonly chances?: number;
  /** Makes the schedule shorter only, and leaves the scenario as it is. @default false */
  readonly keepsScenario?: boolean;
}

/** A failure made small, with the keys of its moves. */
export interface MinimalFailure extends Failure {
  readonly moves: readonly string[];
  /** How many runs it took. */
  readonly runs: number;
}

/** What a run breaks that takes too many steps. */
const ENDLESS = 'I17 everything ends';

/** @returns The smallest failure that was found; the given one when nothing smaller fails. */
export async function minimise(
  failure: Failure,
  options: MinimiseOptions,
): Promise<MinimalFailure> {
  const { keepsScenario = false, ...rest } = options;
  const search = new Minimiser(failure, rest);
  await search.first();
  if (!keepsScenario) await search.shrinkScenario();
  await search.shrinkSchedule();
  return search.result();
}

class Minimiser {
  #best: Failure;
  #moves: readonly string[] = [];
  /** How many moves the best run takes until it goes wrong. */
  #length = 0;
  #runs = 0;
  /** Where a run is given up. */
  #stepsMax = Number.POSITIVE_INFINITY;
  readonly #run: Omit<MinimiseOptions, 'runsMax' | 'chances'>;
  readonly #runsMax: number;
  readonly #chances: number;

  constructor(failure: Failure, options: MinimiseOptions) {
    const { runsMax = 2000, chances = 60, ...run } = options;
    this.#best = failure;
    this.#run = run;
    this.#runsMax = runsMax;
    this.#chances = chances;
  }

  result(): MinimalFailure {
    return { ...this.#best, moves: this.#moves, runs: this.#runs };
  }

  /** Runs the given failure, for its choices as they were. */
  async first(): Promise<void> {
    await this.#try(this.#best.scenario, lenientReplay(this.#best.schedule));
    // What does not go wrong by then is no shorter; unless that it does not end is what is wrong.
    if (this.#best.violation.invariant !== ENDLESS) this.#stepsMax = 4 * this.#length + 100;
  }

  async shrinkScenario(): Promise<void> {
    for (let isSmaller = true; isSmaller; ) {
      isSmaller = false;
      for (const scenario of smaller(this.#best.scenario)) {
        if (!(await this.#failsAnyhow(scenario))) continue;
        isSmaller = true;
        break;
      }
    }
  }

  async shrinkSchedule(): Promise<void> {
    for (let isShorter = true; isShorter; ) {
      const before = weight(this.#best.schedule);
      await this.#zeroChoices();
      await this.#cutPieces();
      isShorter = weight(this.#best.schedule) < before;
    }
  }

  async #failsAnyhow(scenario: Scenario): Promise<boolean> {
    if (await this.#try(scenario, lenientReplay(this.#best.schedule))) return true;
    for (let seed = 0; seed < this.#chances; seed += 1) {
      if (await this.#try(scenario, seededChooser(seed))) return true;
    }
    return false;
  }

  async #zeroChoices(): Promise<void> {
    for (let at = 0; at < this.#best.schedule.length; at += 1) {
      const { schedule } = this.#best;
      if (schedule[at] === 0) continue;
      await this.#tryShorter(schedule.map((index, place) => (place === at ? 0 : index)));
    }
  }

  async #cutPieces(): Promise<void> {
    for (let length = this.#best.schedule.length; length >= 1; length = Math.floor(length / 2)) {
      for (let at = 0; at < this.#best.schedule.length; ) {
        const { schedule } = this.#best;
        const rest = [...schedule.slice(0, at), ...schedule.slice(at + length)];
        if (!(await this.#tryShorter(rest))) at += length;
      }
    }
  }

  async #tryShorter(schedule: readonly number[]): Promise<boolean> {
    const { scenario } = this.#best;
    return this.#try(scenario, lenientReplay(schedule), weight(this.#best.schedule));
  }

  /** Takes a run for the best one if it breaks the same and, of the same scenario, weighs less. */
  async #try(scenario: Scenario, chooser: Chooser, below?: number): Promise<boolean> {
    if (this.#runs >= this.#runsMax) return false;
    this.#runs += 1;
    const stepsMax = Math.min(scenario.stepsMax, this.#stepsMax);
    const run: LedRun = await runOnce({ ...scenario, stepsMax }, chooser, this.#run);
    const { violation } = run;
    if (violation?.invariant !== this.#best.violation.invariant) return false;
    const schedule = withoutEnd(run.schedule);
    if (below !== undefined && weight(schedule) >= below) return false;
    this.#best = { scenario, schedule, violation };
    this.#moves = run.moves.slice(0, schedule.length);
    this.#length = run.moves.length;
    return true;
  }
}

/** A lenient replay chooses 0 behind the end. */
function withoutEnd(schedule: readonly number[]): readonly number[] {
  let length = schedule.length;
  while (length > 0 && schedule[length - 1] === 0) length -= 1;
  return schedule.slice(0, length);
}

/** Short schedules are light, and those with few choices that are not natural lighter. */
function weight(schedule: readonly number[]): number {
  return schedule.reduce((sum, index) => sum + 1 + (index > 0 ? 2 : 0) + index / 100, 0);
}

/** Scenarios that lack one thing each, those that lack much first. */
function* smaller(scenario: Scenario): Generator<Scenario> {
  const { guest, faults, verbs, hasteMax } = scenario;
  if (faults.length > 0) yield { ...scenario, faults: [] };
  for (const at of faults.keys()) yield { ...scenario, faults: without(faults, at) };
  for (const at of guest.requests.keys()) {
    yield { ...scenario, guest: { ...guest, requests: without(guest.requests, at) } };
  }
  // The last one ends the job.
  for (const at of verbs.slice(0, -1).keys()) yield { ...scenario, verbs: without(verbs, at) };
  if (hasteMax > 0) yield { ...scenario, hasteMax: 0 };
  if (scenario.start === 'any') yield { ...scenario, start: 'first' };
  for (const name of ['source', 'target'] as const) {
    const disk = scenario[name];
    if (disk.stages === 2) yield { ...scenario, [name]: { ...disk, stages: 1 } };
    if (disk.operations) yield { ...scenario, [name]: { ...disk, operations: undefined } };
  }
}

function without<T>(items: readonly T[], at: number): readonly T[] {
  return items.filter((_, index) => index !== at);
}
