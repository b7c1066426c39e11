/**
 * The rules of one filter, and the state that its events lead it through.
 *
 * As in QEMU, an event puts in force those rules of it whose `state` is the present one, and puts
 * out of force what events before it put in; an event that has no such rules changes nothing. A
 * request is then befallen by the first rule in force that is for it. What differs from QEMU: rules
 * of the event `none` are in force all the time that their `state` is the present one, so that one
 * that was given for all requests is not undone by another for one event.
 */

import { BlockError } from '../base/errors.ts';
import { seededRandom } from '../base/random.ts';
import type { BlkdebugEvent } from './blkdebug-events.ts';
import type { FaultRule } from './fault-options.ts';
import type { FaultRequest } from './fault-request.ts';
import { ArmedRule } from './fault-rule.ts';

/** How many rules a filter has at most, the disarmed ones that it remembers included. */
export const RULES_MAX = 256;

const STATE_FIRST = 1;

/** One element of QEMU's `set-state`. */
export interface SetStateRule {
  readonly event: BlkdebugEvent;
  /** 0 for any. */
  readonly state: number;
  readonly new_state: number;
}

/** What a filter is opened with. */
export interface FaultRulesOptions {
  readonly rules: readonly FaultRule[];
  readonly setState: readonly SetStateRule[];
  /** Repeats what chance decides, for rules armed in the same order. */
  readonly seed: number;
}

/** The rules of one filter; it knows what is in force, and nothing of how requests go. */
export class FaultRules {
  readonly #setState: readonly SetStateRule[];
  readonly #rules = new Map<string, ArmedRule>();
  readonly #seeds: ReturnType<typeof seededRandom>;
  #state = STATE_FIRST;
  #count = 0;

  /** @throws {BlockError} `EINVAL` for two rules of one id. */
  constructor({ rules, setState, seed }: FaultRulesOptions) {
    this.#setState = setState;
    this.#seeds = seededRandom(seed);
    for (const rule of rules) this.arm(rule, 0);
    this.occur('none');
  }

  get state(): number {
    return this.#state;
  }

  /** In the order in which they were armed. */
  get all(): readonly ArmedRule[] {
    return [...this.#rules.values()];
  }

  /** There is nothing that an event or a request could be compared with. */
  get isEmpty(): boolean {
    return this.#rules.size === 0 && this.#setState.length === 0;
  }

  /**
   * Adds a rule, after the others.
   *
   * @returns Its id: `rule` with a number where none was given.
   * @throws {BlockError} `EINVAL` for an id in use, `EBUSY` for more rules than there can be.
   */
  arm(rule: FaultRule, atMs: number): string {
    const id = rule.id ?? this.#nextId();
    if (this.#rules.has(id)) throw new BlockError('EINVAL', 'arm a rule', `Duplicate ID '${id}'`);
    if (this.#rules.size >= RULES_MAX) this.#forgetOne(atMs);
    const armed = new ArmedRule(id, rule, seededRandom(this.#seeds.uint32()));
    armed.isActive = rule.event === 'none';
    this.#rules.set(id, armed);
    return id;
  }

  /** @throws {BlockError} `ENOENT` when there is no such rule. */
  find(id: string): ArmedRule {
    const found = this.#rules.get(id);
    if (found) return found;
    throw new BlockError('ENOENT', 'find a rule', `there is none of the id '${id}'`);
  }

  /** Changes the state, and which rules are in force, as the event demands. */
  occur(event: BlkdebugEvent): void {
    const before = this.#state;
    const isMeant = (rule: { readonly event: BlkdebugEvent; readonly state: number }) =>
      rule.event === event && (rule.state === 0 || rule.state === before);
    const next = this.#setState.find(isMeant);
    if (next) this.#state = next.new_state;
    const comesInForce = ({ isSpent, rule }: ArmedRule) => !isSpent && isMeant(rule);
    if (event === 'none' || !this.all.some(comesInForce)) return;
    for (const armed of this.#rules.values()) {
      if (armed.rule.event !== 'none') armed.isActive = isMeant(armed.rule);
    }
  }

  /** The rule that befalls a request; to be asked once for each stage of it. */
  pick(
    request: FaultRequest,
    moment: {
      readonly stage: 'submit' | 'complete';
      readonly atMs: number;
      readonly size: number;
    },
  ): ArmedRule | undefined {
    for (const armed of this.#rules.values()) {
      if (armed.befalls(request, { ...moment, state: this.#state })) return armed;
    }
    return undefined;
  }

  #nextId(): string {
    do this.#count += 1;
    while (this.#rules.has(`rule${this.#count}`));
    return `rule${this.#count}`;
  }

  #forgetOne(atMs: number): void {
    const over = this.all.find((armed) => !armed.isArmed(atMs));
    if (!over) throw new BlockError('EBUSY', 'arm a rule', `there are ${RULES_MAX} armed already`);
    this.#rules.delete(over.id);
  }
}
