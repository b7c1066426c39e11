/**
 * One run of a scenario: a machine as it ships, on simulated disks and time, led step by step.
 *
 *     settle ── check ── over? ── what can move? ── guide ── do it ──┐
 *       └────────────────────────────────────────────────────────────┘
 *
 * Settling lets the event loop turn once: by then every callback of a promise has run, and what is
 * left waits for something that only the world gives. So "when is it quiet?" has an exact answer,
 * and a run is a function of the scenario and the choices.
 */

import type { BlockDriver } from '../block/driver.ts';
import type { BlockNode } from '../block/node.ts';
import { Machine } from '../machine/machine.ts';
import type { Guide } from './chooser.ts';
import { SimClock } from './clock.ts';
import { GUEST_NAME, type SimDisk } from './disk.ts';
import { simEnv } from './env.ts';
import { SimFiles } from './files.ts';
import { addDisk, addHeld, Digest, type StateKind } from './fingerprint.ts';
import { Guest, type GuestRecord } from './guest.ts';
import { type MirrorView, newsOf } from './mirror-view.ts';
import { MOVERS, type Move, type Verb } from './move.ts';
import { FaultBudget, faultMoves, guestMoves, requestMoves } from './moves.ts';
import { Operator } from './operator.ts';
import { checkLeftOvers, Oracle, RULES } from './oracle/oracle.ts';
import type { OracleView, RuleFactory } from './oracle/rule.ts';
import type { Violation } from './oracle/violation.ts';
import { letPass, Metronome, type Pace } from './pace.ts';
import { cutPower } from './power-cut.ts';
import type { Scenario } from './scenario.ts';
import { driversOf, guestDiskOf, newDisks, openDisks } from './stage.ts';
import { ExactState } from './state/exact.ts';
import type { StateWatch } from './state/state-watch.ts';
import { VisibleState } from './state/visible.ts';
import type { Trace } from './trace.ts';
import { type DiskName, type Passage, Turnstile } from './turnstile.ts';
import { WorldTracer } from './world-tracer.ts';

/** Resolves when every callback of a promise has run; may reject with what nobody has caught. */
export type Settle = () => Promise<void>;

/** How often a settled world may let a loop go on that only lets others run first. */
const TURNS_MAX = 10_000;

export interface WorldOptions {
  readonly settle: Settle;
  readonly guide: Guide;
  /** What a state is, for guides that ask for one. */
  readonly state?: StateKind;
  /** Told of everything, for people; costs time. */
  readonly trace?: Trace;
  /** Lets requests pass by time instead of by choice. */
  readonly pace?: Pace;
  /** @default All. */
  readonly rules?: readonly RuleFactory[];
  /** Puts something between a disk and its node, as a test of the oracle does. */
  readonly wrap?: (disk: SimDisk) => BlockDriver;
  /** Called once the machine is there, before anything happens. */
  readonly onMachine?: (machine: Machine) => void;
}

export type RunEnd = 'over' | 'power cut' | 'nothing new' | 'violation';

export interface RunResult {
  readonly end: RunEnd;
  readonly violation: Violation | undefined;
  readonly steps: number;
  /** What the run came to: the bytes on both disks, what the guest read, how the job ended. */
  readonly outcome: number;
}

export class World implements OracleView {
  readonly scenario: Scenario;
  readonly source: SimDisk;
  readonly target: SimDisk;
  readonly guest: Guest;
  readonly clock = new SimClock();
  readonly machine: Machine;
  readonly #options: WorldOptions;
  readonly #operator: Operator;
  readonly #oracle: Oracle;
  readonly #tracer: WorldTracer | undefined;
  readonly #turnstile: Turnstile;
  readonly #state: StateWatch | undefined;
  readonly #metronome: Metronome | undefined;
  readonly #budget: FaultBudget;
  #violation: Violation | undefined;
  #haste = 0;
  #step = 0;

  constructor(scenario: Scenario, options: WorldOptions) {
    this.scenario = scenario;
    this.#options = options;
    this.#budget = new FaultBudget(scenario.faults);
    this.#turnstile = new Turnstile({
      arrived: (passage) => this.#arrived(passage),
      tookEffect: (passage) => this.#tookEffect(passage),
      answered: (passage) => this.#answered(passage),
    });
    ({ source: this.source, target: this.target } = newDisks(scenario, this.#turnstile));
    this.guest = new Guest(scenario.guest, {
      submitted: (record) => this.#submitted(record),
      completed: (record) => this.#completed(record),
      defect: (error) => this.#reportDefect(error),
    });
    const env = simEnv({ clock: this.clock, files: new SimFiles() });
    this.machine = new Machine(env, driversOf(this, options.wrap));
    if (options.pace) {
      letPass(this.#turnstile, this.clock, options.pace);
      this.#metronome = new Metronome(this.clock, options.pace.guestEveryMs);
    }
    this.#tracer = options.trace && new WorldTracer(this, options.trace);
    this.#oracle = new Oracle(this, options.rules ?? RULES);
    this.#operator = new Operator(scenario, this.machine, {
      said: (verb, refusal) => this.#tracer?.said(verb, refusal),
      note: (text) => this.#tracer?.note(text),
      defect: (error) => this.#reportDefect(error),
    });
    if (options.state === 'exact') this.#state = new ExactState();
    if (options.state === 'visible') this.#state = new VisibleState(this);
    options.onMachine?.(this.machine);
  }

  get mirror(): MirrorView | undefined {
    return this.#operator.mirror;
  }

  get accepted(): readonly Verb[] {
    return this.#operator.accepted;
  }

  get step(): number {
    return this.#step;
  }

  get nodes(): readonly BlockNode[] {
    return this.machine.graph.nodes;
  }

  get held(): readonly Passage[] {
    return this.#turnstile.held;
  }

  get guestDisk(): DiskName {
    return guestDiskOf(this.machine.graph);
  }

  report(violation: Omit<Violation, 'step'>): void {
    this.#violation ??= { ...violation, step: this.#step };
  }

  /** Runs to the end, or to the first violation. */
  async run(): Promise<RunResult> {
    await openDisks(this.machine.graph);
    // Errors are the guest's to see, and do not stop the machine.
    const device = { name: GUEST_NAME, rerror: 'report', werror: 'report' } as const;
    this.guest.attach(this.machine.addDevice('source', device));
    this.machine.subscribe((event) => {
      const news = newsOf(event);
      if (!news) return;
      this.#state?.heard(news);
      this.#operator.hear(news);
      this.#oracle.hear(news);
      this.#tracer?.hear(news);
    });
    if (this.scenario.start === 'first') this.#start();
    return this.#result(await this.#live());
  }

  async #live(): Promise<RunEnd> {
    const { guide } = this.#options;
    let isSettled = false;
    for (;;) {
      if (!isSettled) await this.#settleDown();
      this.#state?.settled();
      if (!guide.isRepeating && !this.#violation) this.#check();
      if (this.#violation) return 'violation';
      if (this.#isOver) return this.#finish();
      const moves = this.#moves();
      if (moves.length === 0) {
        if (!this.#moveOn()) return 'violation';
        isSettled = false;
        continue;
      }
      const verdict = guide.next(moves, () => this.fingerprint());
      if (verdict === 'nothing new') return verdict;
      const move = moves[verdict];
      if (!move) throw new RangeError(`Cannot move: there is no move ${verdict}`);
      if (this.#countStep()) return 'violation';
      this.#do(move);
      // Nobody is told of a request's effect, nor that it stalls: no code of the product has run.
      isSettled = move.action.type === 'effect' || move.action.type === 'stall';
      if (move.action.type === 'power-cut') return this.#violation ? 'violation' : 'power cut';
    }
  }

  /** The present state as a number; see {@link StateKind}. */
  fingerprint(): number {
    const digest = new Digest();
    this.#state?.addTo(digest);
    addDisk(digest, this.source);
    addDisk(digest, this.target);
    addHeld(digest, this.held);
    digest.add(this.#budget.left).add(this.#operator.state).add(this.#haste);
    digest.add(this.clock.nowMs());
    for (const waitMs of this.clock.waits) digest.add(waitMs);
    return digest.value;
  }

  get #isOver(): boolean {
    const isStill = this.held.every((passage) => passage.stalled && !this.#isReleased(passage));
    return this.#operator.isDone && this.guest.isDone && isStill;
  }

  #moves(): readonly Move[] {
    const { scenario, held, guest } = this;
    const { wasReady, isOver } = this.#operator;
    const moves = this.#options.pace ? [] : requestMoves(scenario, held);
    if (this.#metronome?.isDue ?? true) moves.push(...guestMoves(guest, wasReady, isOver));
    const move = this.#operator.nextMove({ guestIsDone: guest.isDone });
    if (move) moves.push(move);
    moves.push(...faultMoves(scenario, this.#budget, held));
    const mayHurry = moves.length > 0 && this.#haste < scenario.hasteMax;
    if (mayHurry && this.clock.nextMs !== undefined) {
      moves.push({ key: 'time goes on', mover: MOVERS.time, action: { type: 'timer' } });
    }
    return moves;
  }

  #do({ action }: Move): void {
    this.#tracer?.move(action);
    switch (action.type) {
      case 'effect':
        action.passage.takeEffect();
        return;
      case 'answer':
        action.passage.answer();
        return;
      case 'fail':
        this.#budget.spend(this.scenario.faults, action.fault);
        action.passage.fail(action.fault.code, action.applied);
        return;
      case 'stall':
        this.#budget.spend(this.scenario.faults, action.fault);
        action.passage.stalled = true;
        return;
      case 'submit':
        this.guest.submit();
        this.#metronome?.take({ isLast: this.guest.isAtEnd });
        return;
      case 'start':
        this.#start();
        return;
      case 'verb':
        this.#state?.said(action.verb);
        this.#operator.say(action.verb, action.value);
        return;
      case 'timer':
        this.#haste += 1;
        this.#fire();
        return;
      case 'power-cut':
        cutPower(this, this.#options.guide);
    }
  }

  /** Nothing can be chosen: goes on with time, or with what helps a world that stands still. */
  #moveOn(): boolean {
    if (this.#countStep()) return false;
    if (this.#fire()) return true;
    const stalled = this.held.find((passage) => passage.stalled && this.#isReleased(passage));
    if (stalled) {
      stalled.stalled = false;
      this.#tracer?.note(`nothing else moves: ${stalled.label} goes on`);
      return true;
    }
    if (this.#operator.mend()) return true;
    const { mirror, guest } = this;
    const job = mirror ? `a job that is ${mirror.status}` : 'no job';
    const waiting = this.held.map(({ label }) => label).join(', ') || 'no request';
    this.report({
      invariant: 'I17 everything ends',
      expected: 'somebody to go on',
      found: `nobody, with ${job}, ${guest.inFlight} guest requests and ${waiting} held`,
    });
    return false;
  }

  #isReleased({ call }: Passage): boolean {
    const fault = this.scenario.faults.find(
      (one) =>
        one.type === 'stall' && one.disk === call.disk && one.operations.includes(call.operation),
    );
    return fault?.type === 'stall' && fault.until === 'idle';
  }

  #fire(): boolean {
    const { nextMs } = this.clock;
    if (nextMs === undefined) return false;
    this.#state?.timePasses(this.fingerprint());
    return this.clock.fireNext();
  }

  /** @returns Whether there were too many. */
  #countStep(): boolean {
    this.#step += 1;
    if (this.#step <= this.scenario.stepsMax) return false;
    this.report({
      invariant: 'I17 everything ends',
      expected: `an end within ${this.scenario.stepsMax} steps`,
      found: `a job that is ${this.mirror?.status ?? 'not there'}`,
    });
    return true;
  }

  async #settleDown(): Promise<void> {
    let turns = 0;
    do {
      try {
        await this.#options.settle();
      } catch (error) {
        this.#reportDefect(error);
      }
      turns += 1;
    } while (this.clock.grantTurns() && turns <= TURNS_MAX);
    if (turns <= TURNS_MAX) return;
    this.report({
      invariant: 'I17 everything ends',
      expected: 'somebody to let go',
      found: `a loop that let others run first ${TURNS_MAX} times while nothing happened`,
    });
  }

  #check(): void {
    this.#oracle.step();
    if (this.mirror?.defect !== undefined) this.#reportDefect(this.mirror.defect);
  }

  #reportDefect(defect: unknown): void {
    this.report({
      invariant: 'the program is right about itself',
      expected: 'no error but those of disks',
      found: String(defect),
    });
  }

  #finish(): RunEnd {
    this.#oracle.end();
    checkLeftOvers(this, this.nodes);
    return this.#violation ? 'violation' : 'over';
  }

  #result(end: RunEnd): RunResult {
    const digest = new Digest();
    addDisk(digest, this.source);
    addDisk(digest, this.target);
    for (const { index, ok, stamps } of this.guest.records) {
      digest.add(index).add(ok ? 1 : 0);
      for (const stamp of stamps) digest.add(stamp);
    }
    digest.addText(this.mirror?.ending ?? 'none').addText(this.guestDisk);
    return { end, violation: this.#violation, steps: this.#step, outcome: digest.value };
  }

  #start(): void {
    this.#state?.said('start');
    this.#operator.start();
  }

  #arrived(passage: Passage): void {
    this.#state?.arrived(passage);
    this.#oracle.arrived(passage);
    this.#tracer?.arrived(passage);
  }

  #tookEffect(passage: Passage): void {
    this.#state?.tookEffect(passage);
    this.#oracle.tookEffect(passage);
    this.#tracer?.tookEffect(passage);
  }

  #answered(passage: Passage): void {
    this.#state?.answered(passage);
    this.#oracle.answered(passage);
    this.#tracer?.answered(passage);
  }

  #submitted(record: GuestRecord): void {
    this.#state?.submitted(record);
    this.#oracle.submitted(record);
    this.#tracer?.submitted(record);
  }

  #completed(record: GuestRecord): void {
    this.#state?.completed(record);
    this.#oracle.completed(record);
    this.#tracer?.completed(record);
  }
}
