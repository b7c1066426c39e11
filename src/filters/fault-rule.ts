/** One rule of faults at work: which requests it is for, and how often it has fired. */

import type { Random } from '../base/random.ts';
import { overlaps } from '../base/ranges.ts';
import type { FaultRule } from './fault-options.ts';
import { type FaultRequest, initiatorOf } from './fault-request.ts';
import { type FaultReceipt, RequestLog } from './receipts.ts';

/** What a rule looks at beside the request. */
export interface FaultMoment {
  /** The request is about to be carried out, or was. */
  readonly stage: 'submit' | 'complete';
  readonly state: number;
  /** Since the filter was opened. */
  readonly atMs: number;
  /** The size of the disk, in bytes. */
  readonly size: number;
}

/** A rule and its account. */
export class ArmedRule {
  readonly id: string;
  readonly rule: FaultRule;
  /** Its event has come, and no other rule's since. */
  isActive = false;
  readonly #random: Random;
  readonly #log = new RequestLog();
  #isDisarmed = false;
  #matched = 0;
  #fired = 0;
  /** Bytes of its requests that it let pass for the sake of `limit-bytes`. */
  #passedBytes = 0;

  constructor(id: string, rule: FaultRule, random: Random) {
    this.id = id;
    this.rule = rule;
    this.#random = random;
  }

  disarm(): void {
    this.#isDisarmed = true;
  }

  /** It will not fire again, whatever comes. */
  get isSpent(): boolean {
    return this.#isDisarmed || this.#fired >= this.rule.countMax;
  }

  /** It may fire yet. */
  isArmed(atMs: number): boolean {
    return !this.isSpent && atMs < this.rule.untilMs;
  }

  /** Says, once for each request, whether the rule befalls it; and keeps account of it. */
  befalls(request: FaultRequest, moment: FaultMoment): boolean {
    if (!this.isActive || !this.isArmed(moment.atMs)) return false;
    if (!this.#isInForce(moment) || !this.#concerns(request)) return false;
    if (!canChange(this.rule, request, moment.size) || !this.#exceedsLimit(request)) return false;
    this.#matched += 1;
    if (this.#matched <= this.rule.skip || !this.#isChosen()) return false;
    this.#fired += 1;
    this.#log.add(request, moment.atMs);
    return true;
  }

  /** @param moment Since the filter was opened, and how many requests the rule holds up now. */
  receipt({ atMs, held }: { readonly atMs: number; readonly held: number }): FaultReceipt {
    return {
      id: this.id,
      rule: this.rule.given,
      armed: this.isArmed(atMs),
      matched: this.#matched,
      fired: this.#fired,
      held,
      requests: this.#log.requests,
    };
  }

  #isInForce({ stage, state, atMs }: FaultMoment): boolean {
    const { rule } = this;
    if (stage !== rule.stage || atMs < rule.fromMs) return false;
    // A rule of an event was compared with the state when the event came, as QEMU does.
    return rule.event !== 'none' || rule.state === 0 || rule.state === state;
  }

  #concerns(request: FaultRequest): boolean {
    const { operations, onlyForced, range, initiator } = this.rule;
    if (!operations.has(request.operation)) return false;
    if (onlyForced && !request.forceUnitAccess) return false;
    if (range && !overlaps(range, request)) return false;
    return initiator === 'any' || initiator === initiatorOf(request);
  }

  #exceedsLimit({ length }: FaultRequest): boolean {
    const { limitBytes } = this.rule;
    if (limitBytes === undefined || this.#passedBytes + length > limitBytes) return true;
    this.#passedBytes += length;
    return false;
  }

  #isChosen(): boolean {
    // Certainty takes no number: a rule without chance leaves the sequence of others alone.
    return this.rule.probability === 1 || this.#random.fraction() < this.rule.probability;
  }
}

/** Whether the fault would make a difference: a receipt for one that made none would be a lie. */
function canChange({ action }: FaultRule, request: FaultRequest, size: number): boolean {
  if (action.kind === 'torn') return request.length > action.bytes;
  if (action.kind === 'misdirect') {
    return request.length > 0 && misdirected(action.toOffset, request, size) !== request.offset;
  }
  return action.kind !== 'corrupt' || request.length > 0;
}

/** Where a misdirected request goes: the place that was named, or the last one that it fits. */
export function misdirected(toOffset: number, { length }: FaultRequest, size: number): number {
  return Math.min(toOffset, size - length);
}
