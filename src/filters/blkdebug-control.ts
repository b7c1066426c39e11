/**
 * What goes on in one blkdebug filter: the way of each request past events, breakpoints and rules,
 * and the hands of whoever sets them.
 *
 *     events before ... a rule of stage "submit" ... the node below ... events after ...
 *         a rule of stage "complete" ... the answer
 *
 * Each event may suspend the request at a breakpoint, each rule may fail it, delay it or change its
 * course; where nothing does, it stays synchronous. The events after it come when it has failed,
 * too, but not when it was cancelled, for it must not wait again then.
 */

import { BlockError } from '../base/errors.ts';
import { after, type Pending } from '../base/pending.ts';
import type { Clock } from '../env/env.ts';
import { memberOf, wholeOf } from '../wire/qapi/type.ts';
import type { JsonObject } from '../wire/qmp/json-value.ts';
import { Breakpoints } from './blkdebug-breakpoints.ts';
import { type BlkdebugEvent, EVENTS_OF } from './blkdebug-events.ts';
import { type Course, courseOf } from './fault-effects.ts';
import { Holds } from './fault-holds.ts';
import { faultRule } from './fault-options.ts';
import { describe, type FaultRequest } from './fault-request.ts';
import { FaultRules, type FaultRulesOptions } from './fault-rules.ts';
import type { FaultReceipt } from './receipts.ts';

interface ControlParts extends FaultRulesOptions {
  /** Of the node, for messages. */
  readonly name: string;
  readonly clock: Clock;
  /** The size of the disk, in bytes, as it is when this is called. */
  readonly size: () => number;
}

/** What a test or a person does to a blkdebug node while it runs, and learns of it. */
export class BlkdebugControl {
  /** What repeats this filter's chances. */
  readonly seed: number;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #size: () => number;
  readonly #openedMs: number;
  readonly #rules: FaultRules;
  readonly #breakpoints: Breakpoints;
  readonly #holds: Holds;

  /** @throws {BlockError} `EINVAL` for two rules of one id. */
  constructor({ name, clock, size, ...rules }: ControlParts) {
    this.seed = rules.seed;
    this.#name = name;
    this.#clock = clock;
    this.#size = size;
    this.#openedMs = clock.nowMs();
    this.#rules = new FaultRules(rules);
    this.#breakpoints = new Breakpoints(clock);
    this.#holds = new Holds(clock);
  }

  /** Where `set-state` has led it; 1 at first. */
  get state(): number {
    return this.#rules.state;
  }

  /** What became of every rule, in the order in which they were armed. */
  get receipts(): readonly FaultReceipt[] {
    const atMs = this.#atMs();
    const { all } = this.#rules;
    return all.map((rule) => rule.receipt({ atMs, held: this.#holds.count(rule.id) }));
  }

  /**
   * Adds a rule, in the form of an element of `inject-error`.
   *
   * @returns Its id: `rule` with a number, where it gives none.
   * @throws {BlockError} `EINVAL` for a rule that makes no sense or an id in use; `EBUSY` when
   *   there are as many as there can be.
   */
  arm(rule: Readonly<Record<string, unknown>>): string {
    // What a program gives may be no JSON; then it is refused as of the wrong type.
    const checked = faultRule.read(rule as JsonObject, memberOf(wholeOf('json'), 'rule'));
    return this.#rules.arm(checked, this.#atMs());
  }

  /**
   * Ends a rule; its receipt stays, and so does what hangs because of it.
   *
   * @throws {BlockError} `ENOENT` when there is no such rule.
   */
  disarm(id: string): void {
    this.#rules.find(id).disarm();
  }

  /**
   * Lets what hangs or is delayed because of a rule go on now.
   *
   * @returns How many requests that were.
   * @throws {BlockError} `ENOENT` when there is no such rule.
   */
  release(id: string): number {
    return this.#holds.release(this.#rules.find(id).id);
  }

  /** As qemu-io's `break`; see {@link Breakpoints.add}. */
  suspend(event: string, tag: string, onReached?: () => void): void {
    this.#breakpoints.add(event, tag, onReached);
  }

  /** A request is suspended under the tag. */
  isSuspended(tag: string): boolean {
    return this.#breakpoints.isSuspended(tag);
  }

  /** As qemu-io's `wait_break`; see {@link Breakpoints.whenSuspended}. */
  whenSuspended(tag: string): Promise<void> {
    return this.#breakpoints.whenSuspended(tag);
  }

  /** As qemu-io's `resume`; see {@link Breakpoints.resume}. */
  resume(tag: string): void {
    this.#breakpoints.resume(tag);
  }

  /** As qemu-io's `remove_break`; see {@link Breakpoints.remove}. */
  removeBreakpoint(tag: string): void {
    this.#breakpoints.remove(tag);
  }

  /** Fails, with `ECANCELED`, all that is suspended, hangs or is delayed. */
  cancelInFlight(): void {
    this.#breakpoints.cancelAll();
    this.#holds.cancelAll();
  }

  /**
   * Takes a request past all that may befall it.
   *
   * @param carryOut Does it, or what has become of it.
   * @returns `undefined` for one that is not carried out.
   * @throws {BlockError} What a rule or `carryOut` failed it with.
   */
  run<T>(request: FaultRequest, carryOut: (course: Course) => Pending<T>): Pending<T | undefined> {
    const complete = (value: T | undefined) =>
      after(this.#reach(request, 'after'), () =>
        after(this.#befall(request, 'complete'), () => value),
      );
    const fail = (error: unknown): Pending<never> => {
      if (error instanceof BlockError && error.code === 'ECANCELED') throw error;
      return after(this.#reach(request, 'after'), () => {
        throw error;
      });
    };
    let result: Pending<T | undefined>;
    try {
      result = after(this.#reach(request, 'before'), () =>
        after(this.#befall(request, 'submit'), (course) => course && follow(course, carryOut)),
      );
    } catch (error) {
      return fail(error);
    }
    return result instanceof Promise ? result.then(complete, fail) : complete(result);
  }

  /** Brings a request to its events, one after the other. */
  #reach(request: FaultRequest, side: 'before' | 'after'): Pending {
    if (this.#rules.isEmpty && this.#breakpoints.isEmpty) return;
    const events = EVENTS_OF[request.operation][side];
    const pass = (index: number): Pending => {
      const event = events[index];
      if (event !== undefined) return after(this.#occur(request, event), () => pass(index + 1));
    };
    return pass(0);
  }

  #occur(request: FaultRequest, event: BlkdebugEvent): Pending {
    this.#rules.occur(event);
    return this.#breakpoints.reach(event, () => describe(request, this.#name));
  }

  /** @returns What is to be done, now or when it has waited; `undefined` when nothing is. */
  #befall(request: FaultRequest, stage: 'submit' | 'complete'): Pending<Course | undefined> {
    if (this.#rules.isEmpty) return request;
    const size = this.#size();
    const armed = this.#rules.pick(request, { stage, size, atMs: this.#atMs() });
    if (!armed) return request;
    const { action: fault, delayMs } = armed.rule;
    const action = describe(request, this.#name);
    const course = () => courseOf(armed, request, { action, size });
    const hold = { key: armed.id, action };
    if (fault.kind === 'hang') return this.#holds.wait(hold).then(course);
    if (delayMs > 0) return this.#holds.wait({ ...hold, delayMs }).then(course);
    // As an error of a disk comes: after the call that began the request has returned.
    if (fault.kind === 'error' && !fault.immediately) return Promise.resolve().then(course);
    return course();
  }

  /** Since the filter was opened. */
  #atMs(): number {
    return this.#clock.nowMs() - this.#openedMs;
  }
}

function follow<T>(course: Course, carryOut: (course: Course) => Pending<T>): Pending<T> {
  return after(carryOut(course), (value) => {
    if (course.failure) throw course.failure;
    return value;
  });
}
