/**
 * One run of a simulation: a program under test on simulated disks, led step by step.
 *
 *     prepare ── guest ──┬── check
 *                  power cut ── recover ──┬── check
 *                           power cut ────┘
 *
 * Between two steps every callback of a promise has run, so what is left waits for something that
 * only this world gives, and a run is a function of the program, the seed and the choices.
 */

import { type Random, seededRandom } from '../base/random.ts';
import { SimClock } from './clock.ts';
import { MediumDisk, type SimulatedDisk } from './simulate-disk.ts';
import { FileStore } from './simulate-files.ts';
import type { Leader, ReadyMove, SimulateMove } from './simulate-leader.ts';
import { Life } from './simulate-life.ts';
import { Medium } from './simulate-medium.ts';
import { SimulatedMirror } from './simulate-mirror.ts';
import { FaultMoves } from './simulate-moves.ts';
import {
  disksOf,
  type Faults,
  faultsOf,
  type Program,
  type SimulationContext,
  type WorldSetup,
} from './simulate-options.ts';
import { hasCause } from './simulate-power-cut.ts';
import type { HeldRequest } from './simulate-request.ts';
import { watchTask } from './simulate-task.ts';
import { SimulateTrace } from './simulate-trace.ts';

/** What went wrong in a run. */
export interface RunFailure {
  /** What was under way. */
  readonly phase: Phase;
  readonly error: unknown;
}

export interface SimulateRun {
  readonly trace: SimulateTrace;
  readonly steps: number;
  /** How often the power failed. */
  readonly powerCuts: number;
  readonly failure: RunFailure | undefined;
  /** In words, what went wrong that the world has done. */
  readonly mishaps: readonly string[];
}

export interface RunOptions {
  readonly leader: Leader;
  readonly seed: number;
  /** Resolves when every callback of a promise has run. */
  readonly settle: () => Promise<void>;
}

type Phase = 'prepare' | 'guest' | 'recover' | 'check';

/** How often a settled world may let a loop go on that only lets others run first. */
const TURNS_MAX = 10_000;
/** How long what is not the world's is waited for, in turns, before it counts as standing still. */
const PATIENCE_TURNS = 50;
const STEPS_MAX = 10_000;
/** After so much time a request goes on that has stalled, also when something else moves. */
const STALL_MS = 10_000;

/** A run that does not come to an end. */
export class StandstillError extends Error {
  override readonly name = 'StandstillError';
}

/** What the mirror was seen to do wrong. */
export class MirrorDefectError extends Error {
  override readonly name = 'MirrorDefectError';
}

export class SimulateWorld<Model> {
  readonly #setup: WorldSetup<Model>;
  readonly #options: RunOptions;
  readonly #faults: Faults;
  readonly #faultMoves: FaultMoves;
  readonly #time = new SimClock();
  readonly #store = new FileStore();
  readonly #media: readonly Medium[];
  readonly #trace = new SimulateTrace();
  readonly #random: Random;
  readonly #model: Model;
  readonly #mishaps: string[] = [];
  #life: Life;
  #mirror: SimulatedMirror | undefined;
  /** Where the first disk's bytes are; a mirror may have moved them. */
  #first: Medium;
  #phase: Phase = 'prepare';
  #step = 0;
  #powerCuts = 0;
  #isCut = false;
  #delays = 0;

  constructor(setup: WorldSetup<Model>, options: RunOptions) {
    this.#setup = setup;
    this.#options = options;
    this.#faults = faultsOf(setup.faults);
    this.#faultMoves = new FaultMoves(this.#faults, (text) => this.#mishap(text));
    this.#random = seededRandom(options.seed * 2 + 1);
    // Without one the model is `undefined`, and its type says so.
    this.#model = setup.model?.() as Model;
    this.#media = Object.entries(disksOf(setup)).map(([name, { size, content }]) => {
      const bytes = new Uint8Array(size);
      bytes.set(content);
      return new Medium(name, bytes);
    });
    this.#first = this.#media[0] as Medium;
    this.#life = this.#begin();
  }

  async run(): Promise<SimulateRun> {
    const failure = await this.#story();
    this.#life.close();
    // What is told of the end comes to an end itself before another world begins.
    await this.#settleDown();
    const [trace, steps, powerCuts] = [this.#trace, this.#step, this.#powerCuts];
    return { trace, steps, powerCuts, failure, mishaps: this.#mishaps };
  }

  async #story(): Promise<RunFailure | undefined> {
    const { prepare, guest, recover = () => {}, check } = this.#setup;
    try {
      if (prepare) {
        await this.#perform('prepare', prepare);
        for (const medium of [...this.#media, ...this.#store.media]) medium.settleAll();
        this.#reboot();
      }
      if (this.#setup.mirror) await this.#openMirror();
      await this.#perform('guest', guest);
      this.#first = this.#mirror?.medium ?? this.#first;
      for (let isWell = !this.#isCut; !isWell; ) {
        this.#mirror = undefined;
        this.#reboot();
        isWell = await this.#perform('recover', recover);
      }
      const after = this.#powerCuts > 0 ? 'power cut' : 'end';
      await this.#perform('check', (context) => check({ ...context, after }));
      return undefined;
    } catch (error) {
      this.#tell('program', `fails: ${String(error)}`);
      return { phase: this.#phase, error };
    }
  }

  /**
   * Runs a part of the program to its end, or to a power cut.
   *
   * @returns Whether that was its own end, and not for an error that was injected.
   */
  async #perform(phase: Phase, program: Program<Model>): Promise<boolean> {
    this.#phase = phase;
    this.#isCut = false;
    this.#tell('program', `— ${phase} —`);
    const task = watchTask(async () => program(await this.#context()));
    for (let patience = PATIENCE_TURNS; ; ) {
      await this.#settleDown();
      this.#demandHealth();
      if (task.failure && !this.#isOurs(task.failure.error)) throw task.failure.error;
      const isStill = this.#life.line.held.every(({ isStalled }) => isStalled);
      const isOver = task.isEnded && isStill && (this.#mirror?.isOver ?? true);
      const moves = this.#moves(isOver);
      if (moves.length === 0) {
        if (this.#moveOn()) continue;
        patience -= 1;
        if (patience > 0) continue;
        throw this.#standstill();
      }
      patience = PATIENCE_TURNS;
      const move = moves[moves.length === 1 ? 0 : this.#options.leader.next(moves)];
      if (!move) throw new RangeError('Cannot move: there is no such move');
      this.#countStep();
      move.do();
      // Where nothing is chosen, what has come meanwhile can as well go on together.
      if (!this.#isFree) for (const request of [...this.#life.line.held]) this.#let(request);
      if (this.#isCut) {
        // What the program asked for last comes to an end before another life begins.
        await this.#settleDown();
        return false;
      }
      if (isOver && move === moves[0]) return task.failure === undefined;
    }
  }

  #moves(isOver: boolean): readonly ReadyMove[] {
    const { line } = this.#life;
    const moves: ReadyMove[] = [];
    const add = (kind: SimulateMove['kind'], key: string, act: () => void) =>
      moves.push({ kind, key, do: act });
    if (isOver) add('course', 'the end', () => {});
    const verb = isOver ? undefined : this.#mirror?.next;
    if (verb === 'start the mirror') add('course', verb, () => this.#mirror?.goOn());
    const going = isOver ? [] : line.held.filter(({ isStalled }) => !isStalled);
    for (const request of this.#faults.reorder ? going : going.slice(0, 1)) {
      const isEffect = !request.isDone && line.isContested(request);
      const key = `${isEffect ? 'effect of' : 'answer to'} ${request.label}`;
      add('course', key, () => this.#let(request));
    }
    if (verb && verb !== 'start the mirror') add('course', verb, () => this.#mirror?.goOn());
    const hasTimer = this.#time.nextMs !== undefined && !isOver;
    if (hasTimer && moves.length === 0) add('course', 'time goes on', () => this.#fire());
    // What is not free takes its natural course, and nothing goes wrong.
    if (!this.#isFree) return moves.slice(0, 1);
    if (moves.length === 0) return moves;
    if (hasTimer && line.held.length > 0 && this.#delays < this.#faults.delays) {
      add('time', 'time goes on first', () => this.#hurry());
    }
    if (!isOver) moves.push(...this.#faultMoves.of(line));
    if (this.#powerCuts < this.#faults.powerCuts) {
      add('power cut', 'power cut', () => this.#cut());
    }
    return moves;
  }

  /** Whether the world is free to choose, and things may go wrong. */
  get #isFree(): boolean {
    return this.#phase === 'guest' || this.#phase === 'recover';
  }

  /** Lets a request go on: to its effect only where another one is about the same bytes. */
  #let(request: HeldRequest): void {
    const { line } = this.#life;
    if (!request.isDone && line.isContested(request)) line.takeEffect(request);
    else line.answer(request);
  }

  /** Nothing can be chosen: lets go on what waits for that. */
  #moveOn(): boolean {
    if (this.#time.nextMs !== undefined) {
      this.#countStep();
      this.#fire();
      return true;
    }
    const stalled = this.#life.line.held.find(({ isStalled }) => isStalled);
    if (stalled) {
      this.#release(stalled);
      return true;
    }
    return this.#mirror?.mend() ?? false;
  }

  #fire(): void {
    this.#time.fireNext();
    const nowMs = this.#time.nowMs();
    this.#tell('world', `it is ${nowMs} ms`);
    // Where somebody looks at the clock for ever, there is always something else to move.
    for (const request of this.#life.line.held.filter(({ isStalled }) => isStalled)) {
      request.stalledMs ??= nowMs;
      if (nowMs - request.stalledMs >= STALL_MS) this.#release(request);
    }
  }

  #release(request: HeldRequest): void {
    this.#tell('world', `${request.label} stalls no more`);
    request.isStalled = false;
  }

  #hurry(): void {
    this.#delays += 1;
    this.#mishap('time goes on before a request does');
    this.#fire();
  }

  #cut(): void {
    this.#powerCuts += 1;
    this.#isCut = true;
    this.#mishap('the power fails');
    const { line } = this.#life;
    if (this.#mirror) this.#first = this.#mirror.medium;
    // Of a mirrored disk only the half is seen again that the guest was on.
    for (const medium of [this.#first, ...this.#media.slice(1), ...this.#store.media]) {
      const inFlight = line.changesOf(medium);
      const { tear } = this.#faults;
      const choose = (what: string, versions: readonly string[]) =>
        this.#options.leader.next([
          { kind: 'survivor', key: `${what} is lost` },
          ...versions.map((label) => ({ kind: 'survivor', key: `${what}: ${label}` }) as const),
        ]);
      for (const text of medium.cut({ inFlight, tear, choose })) this.#mishap(text);
    }
    this.#life.close();
  }

  async #openMirror(): Promise<void> {
    const { mirror } = this.#setup;
    const setup = typeof mirror === 'object' ? mirror : {};
    const note = (text: string) => this.#tell('world', text);
    const trustsFlushes = this.#faults.lies.times === 0;
    const parts = { life: this.#life, source: this.#first, setup, note, trustsFlushes };
    this.#mirror = new SimulatedMirror(parts);
    this.#mirrored = await this.#mirror.open();
  }
  #mirrored: SimulatedDisk | undefined;

  async #context(): Promise<SimulationContext<Model>> {
    const life = this.#life;
    const disks = Object.fromEntries(
      this.#media.map((medium, at): [string, SimulatedDisk] => {
        if (at === 0 && this.#mirror && this.#mirrored) return [medium.name, this.#mirrored];
        const bytes = at === 0 ? this.#first : medium;
        return [medium.name, new MediumDisk({ medium: bytes, line: life.line })];
      }),
    );
    return {
      disk: Object.values(disks)[0] as SimulatedDisk,
      disks,
      clock: { nowMs: () => life.clock.nowMs(), sleep: (delayMs) => life.sleep(delayMs) },
      random: this.#random,
      env: { ...life.env, random: this.#random },
      model: this.#model,
      choose: (count) => this.#choose(life, count),
      note: (text) => {
        if (!life.isOver) this.#tell('program', `"${text}"`);
      },
      background: (task) => {
        const watched = watchTask(task, (error) => {
          if (!life.isOver && !this.#isOurs(error)) life.failure ??= { error };
        });
        void watched;
      },
    };
  }

  #choose(life: Life, count: number): number {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new RangeError(`Cannot choose: count must be a whole number from 1 on: ${count}`);
    }
    if (life.isOver || count === 1) return 0;
    if (this.#phase === 'check') throw new TypeError('Cannot choose: a check leaves no choice');
    const moves = Array.from({ length: count }, (_, at) => `choice ${at} of ${count}`);
    const chosen = this.#options.leader.next(moves.map((key) => ({ kind: 'choice', key })));
    this.#tell('program', `chooses ${chosen} of ${count}`);
    return chosen;
  }

  #begin(): Life {
    return new Life(this.#store, this.#time, {
      asked: (text) => this.#tell('program', text),
      answered: (text) => this.#tell('world', text),
    });
  }

  #reboot(): void {
    this.#life.close();
    this.#life = this.#begin();
  }

  #demandHealth(): void {
    if (this.#life.failure) throw this.#life.failure.error;
    const defect = this.#mirror?.check();
    if (defect !== undefined) throw new MirrorDefectError(defect);
  }

  /** Whether an error comes of one that was injected: a program may give up for it. */
  #isOurs(error: unknown): boolean {
    const { injected } = this.#life.line;
    return hasCause(error, (one) => typeof one === 'object' && one !== null && injected.has(one));
  }

  #standstill(): StandstillError {
    const waiting = this.#life.line.held.length === 0 ? 'nothing of this world' : 'requests';
    return new StandstillError(
      `The ${this.#phase} stands still: it waits for ${waiting}. A promise that nobody settles ` +
        'does that, and so do real timers and real I/O: use the clock and the files it is given',
    );
  }

  #countStep(): void {
    this.#step += 1;
    const { stepsMax = STEPS_MAX } = this.#setup;
    if (this.#step <= stepsMax) return;
    throw new StandstillError(`The ${this.#phase} does not end within ${stepsMax} steps`);
  }

  async #settleDown(): Promise<void> {
    const { settle } = this.#options;
    await settle();
    for (let turns = 0; this.#time.grantTurns(); turns += 1) {
      if (turns > TURNS_MAX) throw new StandstillError('A loop lets others run first for ever');
      await settle();
    }
  }

  #mishap(text: string): void {
    this.#mishaps.push(`step ${this.#step}: ${text}`);
    this.#tell('world', `-- ${text} --`);
  }

  #tell(by: 'world' | 'program', text: string): void {
    this.#trace.add({ step: this.#step, by, text });
  }
}
