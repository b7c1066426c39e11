/**
 * Runs a program on simulated disks that lose power, tear and reorder writes, fail and stall, and
 * says with which choices it goes wrong.
 *
 *     natural run, twice ── the same? ── seeds, or everything ── failure, twice ── shrink ── throw
 *
 * A program is run many times, each time from the beginning. It must do the same whenever the same
 * happens to it: one that asks for real time, real chance or real I/O does not, and is told so
 * where that shows.
 */

import { nodeEnv } from '../env/node.ts';
import { DivergenceError } from './choosers/replay.ts';
import {
  BoundError,
  type Replay,
  readReplay,
  SimulationError,
  writeReplay,
} from './simulate-failure.ts';
import {
  ExhaustiveLeader,
  type Leader,
  lenientLeader,
  naturalLeader,
  RecordingLeader,
  seededLeader,
} from './simulate-leader.ts';
import { demandCount, type SimulateOptions } from './simulate-options.ts';
import { shrink } from './simulate-shrink.ts';
import { type SimulateRun, SimulateWorld } from './simulate-world.ts';

const SEEDS_DEFAULT = 100;
const SEED_MAX = 2 ** 52;
const EXECUTIONS_MAX = 20_000;
const SHRINK_MAX = 1000;

/** What a simulation that found nothing has come to. */
export interface SimulationReport {
  /**
   * `proved`: everything that can happen, within what the options allow, has happened. `bounded`:
   * an exhaustive search was cut off, and nothing is proved. `passed`: some runs went well.
   */
  readonly verdict: 'proved' | 'bounded' | 'passed';
  readonly runs: number;
  readonly steps: number;
  /** How often the power failed, in all runs. */
  readonly powerCuts: number;
  /** Of the last run; the same for the same options and program. */
  readonly trace: string;
  /** Repeats the last run. */
  readonly replay: string;
  /** How a replay has not been the run that it was written of; with `onDivergence` only. */
  readonly divergence?: string;
}

/** A program that does not do the same whenever the same happens to it. */
export class NondeterminismError extends Error {
  override readonly name = 'NondeterminismError';

  constructor(difference: string, options: ErrorOptions = {}) {
    super(
      'Cannot simulate: the program does not do the same when the same happens to it. Real time, ' +
        `real chance, real I/O or what an earlier run has left do that. It was ${difference}`,
      options,
    );
  }
}

/**
 * Runs a program under faults; rejects when it finds something.
 *
 * @example
 * ```ts
 * await simulate({
 *   model: () => ({ saved: false }),
 *   async guest({ disk, model }) {
 *     await disk.write(0, new Uint8Array(512).fill(1));
 *     await disk.flush();
 *     model.saved = true;
 *   },
 *   async check({ disk, model }) {
 *     const [byte] = await disk.read(0, 512);
 *     if (model.saved && byte !== 1) throw new Error('what was saved is lost');
 *   },
 * });
 * ```
 *
 * @throws {SimulationError} What went wrong, made short, with what repeats it.
 * @throws {NondeterminismError} For a program that does something else each time.
 * @throws {BoundError} When `explore` could not look at everything.
 * @throws {DivergenceError} When `replay` repeats nothing: the program is another one now.
 * @throws {RangeError} For options out of range.
 */
export async function simulate<Model = undefined>(
  options: SimulateOptions<Model>,
): Promise<SimulationReport> {
  checkModes(options);
  const simulation = new Simulation(options);
  const { replay, schedule, explore, seed = 0, seeds } = options;
  if (replay !== undefined) return simulation.replay(readReplay(replay));
  if (schedule) return simulation.lead(() => lenientLeader(schedule), seed, 'by its schedule');
  const length = await simulation.begin(seed);
  if (explore) return simulation.explore(explore === true ? {} : explore, seed);
  const count = seeds ?? (options.seed === undefined ? SEEDS_DEFAULT : 1);
  return simulation.search(seed, count, length);
}

class Simulation<Model> {
  readonly #options: SimulateOptions<Model>;
  readonly #settle: () => Promise<void>;
  #runs = 0;
  #steps = 0;
  #powerCuts = 0;

  constructor(options: SimulateOptions<Model>) {
    this.#options = options;
    const { clock } = nodeEnv();
    this.#settle = () => clock.turn();
  }

  /** Runs the natural course twice. @returns About how often the power could fail in a run. */
  async begin(seed: number): Promise<number> {
    const leader = new RecordingLeader(naturalLeader);
    const first = await this.#run(leader, seed);
    const second = await this.#run(naturalLeader, seed);
    this.#demandSame(first, second);
    if (first.failure) await this.#fail(first, [], seed, 'in the natural course of things');
    return leader.cuts;
  }

  async search(firstSeed: number, count: number, length: number): Promise<SimulationReport> {
    let report: SimulationReport | undefined;
    for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
      const how = `by seed ${seed}, in run ${seed - firstSeed + 1} of ${count}`;
      report = await this.lead(() => seededLeader({ seed, length }), seed, how);
    }
    if (!report) throw new RangeError('Cannot simulate: there are no seeds');
    return report;
  }

  /** One run; throws what it finds. */
  async lead(leaderOf: () => Leader, seed: number, how: string): Promise<SimulationReport> {
    const leader = new RecordingLeader(leaderOf());
    const run = await this.#run(leader, seed);
    if (run.failure) await this.#fail(run, leader.schedule, seed, how);
    return this.#report('passed', run, { seed, schedule: leader.schedule });
  }

  async explore(
    { executionsMax = EXECUTIONS_MAX, onBound = 'throw' }: ExploreBound,
    seed: number,
  ): Promise<SimulationReport> {
    const guide = new ExhaustiveLeader();
    let report: SimulationReport | undefined;
    for (let executions = 0; guide.begin(); executions += 1) {
      if (executions >= executionsMax) {
        if (onBound === 'throw' || !report) throw new BoundError(executions);
        return { ...report, verdict: 'bounded' };
      }
      const leader = new RecordingLeader(guide);
      const run = await this.#run(leader, seed);
      // What threw out of the leader has ended the run as an error of the program would.
      if (run.failure?.error instanceof DivergenceError) {
        const { error } = run.failure;
        throw new NondeterminismError(`another one: ${error.message}`, { cause: error });
      }
      if (run.failure) {
        await this.#fail(run, leader.schedule, seed, `in run ${executions + 1} of all there are`);
      }
      this.#end(guide);
      report = this.#report('proved', run, { seed, schedule: leader.schedule });
    }
    if (!report) throw new RangeError('Cannot simulate: explore.executionsMax must be 1 or more');
    return report;
  }

  /** Repeats a run: throws what it found then, or how it is another one now. */
  async replay({ seed, schedule, digest }: Replay): Promise<SimulationReport> {
    const leader = new RecordingLeader(lenientLeader(schedule));
    const run = await this.#run(leader, seed);
    const isSame = run.trace.digest === digest;
    if (run.failure) {
      const how = isSame ? 'again, by its replay' : 'by a replay whose run was another one';
      throw new SimulationError(run, { seed, schedule, digest: run.trace.digest }, how);
    }
    const report = this.#report('passed', run, { seed, schedule: leader.schedule });
    if (isSame) return report;
    const rule =
      leader.schedule.length < schedule.length
        ? `only ${leader.schedule.length} of its ${schedule.length} choices were there to be made`
        : 'its trace is another one, and nothing fails in it';
    const divergence = new DivergenceError(leader.schedule.length, rule);
    if (this.#options.onDivergence !== 'report') throw divergence;
    return { ...report, divergence: divergence.message };
  }

  /** Makes a failure short, sees that it can be repeated, and throws it. */
  async #fail(
    run: SimulateRun,
    schedule: readonly number[],
    seed: number,
    how: string,
  ): Promise<never> {
    const { shrinkMax = SHRINK_MAX } = this.#options;
    const again = await this.#run(lenientLeader(schedule), seed);
    this.#demandSame(run, again);
    const once = (leader: RecordingLeader) => this.#run(leader, seed);
    const least = await shrink({ schedule, run }, once, shrinkMax);
    const digest = least.run.trace.digest;
    const short = `${how}; made short in ${least.runs} runs`;
    throw new SimulationError(least.run, { seed, schedule: least.schedule, digest }, short);
  }

  async #run(leader: Leader, seed: number): Promise<SimulateRun> {
    const settle = this.#settle;
    const run = await new SimulateWorld(this.#options, { leader, seed, settle }).run();
    this.#runs += 1;
    this.#steps += run.steps;
    this.#powerCuts += run.powerCuts;
    return run;
  }

  #demandSame(first: SimulateRun, second: SimulateRun): void {
    const difference = first.trace.differenceFrom(second.trace);
    if (difference !== undefined) throw new NondeterminismError(difference);
  }

  #end(guide: ExhaustiveLeader): void {
    try {
      guide.end();
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error;
      throw new NondeterminismError(`another one: ${error.message}`, { cause: error });
    }
  }

  #report(
    verdict: SimulationReport['verdict'],
    { trace }: SimulateRun,
    { seed, schedule }: Omit<Replay, 'digest'>,
  ): SimulationReport {
    const [runs, steps, powerCuts] = [this.#runs, this.#steps, this.#powerCuts];
    const replay = writeReplay({ seed, schedule, digest: trace.digest });
    return { verdict, runs, steps, powerCuts, trace: trace.draw(), replay };
  }
}

type ExploreBound = Exclude<SimulateOptions<unknown>['explore'], boolean | undefined>;

function checkModes<Model>(options: SimulateOptions<Model>): void {
  const { seed = 0, seeds = 1, explore, schedule, replay, shrinkMax = 0 } = options;
  demandCount('seed', seed, 0);
  demandCount('seeds', seeds, 1);
  demandCount('shrinkMax', shrinkMax, 0);
  if (seed + seeds > SEED_MAX) throw new RangeError('Cannot simulate: seeds must be below 2^52');
  if (typeof explore === 'object') demandCount('executionsMax', explore.executionsMax ?? 1, 1);
  const modes = { seeds: options.seeds !== undefined, explore, schedule, replay };
  const given = Object.entries(modes).filter(([, value]) => value !== undefined && value !== false);
  if (given.length <= 1) return;
  const names = given.map(([name]) => name).join(' and ');
  throw new RangeError(`Cannot simulate: ${names} exclude each other`);
}
