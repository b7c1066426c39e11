/**
 * Who runs the machine in a simulated world: starts the mirror, says what the scenario has it say,
 * and mends what an error has stopped.
 */

import { BlockError } from '../base/errors.ts';
import { drained } from '../block/drain.ts';
import type { Machine } from '../machine/machine.ts';
import { JOB_ID } from './disk.ts';
import { type JobNews, type MirrorView, mayAccept, startMirror } from './mirror-view.ts';
import { MOVERS, type Move, type Verb } from './move.ts';
import type { Scenario } from './scenario.ts';

/** Who wants to know what the operator does. */
export interface OperatorWatcher {
  said(verb: Verb, refusal: BlockError | undefined): void;
  note(text: string): void;
  /** Something is wrong with the program. */
  defect(error: unknown): void;
}

/** More is never under way. */
const UNDER_WAY_MAX = 64;

export class Operator {
  /** The mirror, once it has started. */
  mirror: MirrorView | undefined;
  /** What the job was told and has taken. */
  readonly accepted: Verb[] = [];
  readonly #scenario: Scenario;
  readonly #machine: Machine;
  readonly #watcher: OperatorWatcher;
  #hasStarted = false;
  #hasFailed = false;
  #wasReady = false;
  /** An error has stopped the job, and nobody has made it go on. */
  #isStopped = false;
  /** Was refused what it said last, and waits for the job to be another. */
  #isRefused = false;
  #at = 0;
  /** Drains, and an end of the machine, that are under way. */
  #underWay = 0;

  constructor(scenario: Scenario, machine: Machine, watcher: OperatorWatcher) {
    this.#scenario = scenario;
    this.#machine = machine;
    this.#watcher = watcher;
  }

  /** Source and target have met, in this run. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** There is no mirror any more, or there never was one. */
  get isOver(): boolean {
    return this.#hasFailed || this.mirror?.ending !== undefined;
  }

  /** There is no mirror, and no drain is under way. */
  get isDone(): boolean {
    return this.isOver && this.#underWay === 0;
  }

  /** How far it is, as a number. */
  get state(): number {
    const flags = [this.#isRefused, this.#hasStarted, this.#hasFailed, this.#wasReady];
    const far = this.#at * UNDER_WAY_MAX + this.#underWay;
    return [...flags, this.#isStopped].reduce((sum, flag) => sum * 2 + (flag ? 1 : 0), far);
  }

  hear({ name, action }: JobNews): void {
    this.#isRefused = false;
    if (name === 'BLOCK_JOB_READY') this.#wasReady = true;
    if (name === 'BLOCK_JOB_ERROR' && action === 'stop') this.#isStopped = true;
  }

  start(): void {
    this.#hasStarted = true;
    const options = { id: JOB_ID, source: 'source', target: 'target', ...this.#scenario.mirror };
    // Nobody waits for the start here: it may itself wait for requests, which are the world's.
    startMirror(this.#machine, options).then(
      (mirror) => {
        this.mirror = mirror;
      },
      (error: unknown) => {
        this.#hasFailed = true;
        if (!(error instanceof BlockError)) this.#watcher.defect(error);
        this.#watcher.note(`the mirror did not start: ${String(error)}`);
      },
    );
  }

  /** What it can do next, if anything. */
  nextMove({ guestIsDone }: { readonly guestIsDone: boolean }): Move | undefined {
    const mover = MOVERS.operator;
    if (!this.#hasStarted) return { key: 'start the mirror', mover, action: { type: 'start' } };
    const { mirror } = this;
    const step = this.#scenario.verbs[this.#at];
    if (!mirror || mirror.ending || !step || this.#isRefused) return undefined;
    if (step.from === 'ready' && !this.#wasReady) return undefined;
    if (step.from === 'guest done' && !guestIsDone) return undefined;
    const { verb, value } = step;
    if (step.from === 'pending' && mirror.status !== 'pending') return undefined;
    const isOfMachine = verb === 'drain' || verb === 'quit' || step.from === 'pending';
    if (!isOfMachine && !mayAccept(mirror.status, verb)) return undefined;
    const action = { type: 'verb', verb, ...(value !== undefined && { value }) } as const;
    return { key: `say ${verb}`, mover, action };
  }

  say(verb: Verb, value: number | undefined): void {
    const refusal = this.#speak(verb, value);
    if (!refusal) this.accepted.push(verb);
    // Without what ends it the job would go on for ever; the rest may as well be left out.
    const isEnd = verb === 'complete' || verb === 'cancel' || verb === 'cancel-force';
    if (refusal && isEnd) this.#isRefused = true;
    else this.#at += 1;
    this.#watcher.said(verb, refusal);
  }

  /** Makes a job go on that an error has stopped. @returns Whether there was one. */
  mend(): boolean {
    const { mirror } = this;
    const isPaused = mirror?.status === 'paused' || mirror?.status === 'standby';
    if (!mirror || !isPaused || !this.#isStopped) return false;
    this.#isStopped = false;
    const refusal = mirror.say('resume');
    if (!refusal) this.accepted.push('resume');
    this.#watcher.said('resume', refusal);
    return refusal === undefined;
  }

  #speak(verb: Verb, value: number | undefined): BlockError | undefined {
    switch (verb) {
      case 'drain':
        this.#follow('the drain is complete, and ends', (end) =>
          drained(this.#machine.graph.find('source'), end),
        );
        return undefined;
      case 'quit':
        this.#follow('the machine is closed', async (end) => {
          await this.#machine.close();
          end();
        });
        return undefined;
      default:
        return this.mirror?.say(verb, value);
    }
  }

  #follow(note: string, start: (end: () => void) => Promise<void>): void {
    this.#underWay += 1;
    const end = () => {
      this.#underWay -= 1;
      this.#watcher.note(note);
    };
    start(end).catch(this.#watcher.defect);
  }
}
