/** All rules together, as one. */

import type { BlockNode } from '../../block/node.ts';
import type { GuestRecord, GuestWatcher } from '../guest.ts';
import type { JobNews } from '../mirror-view.ts';
import type { Passage, TurnstileWatcher } from '../turnstile.ts';
import {
  acknowledgementRule,
  activelySyncedRule,
  boundaryRule,
  consistencyRule,
  sourceRule,
} from './bytes.ts';
import { backoffRule, causeRule, stopRule } from './errors.ts';
import { eventRule } from './events.ts';
import { keptRule, readRule } from './guest.ts';
import { endRule, placeRule, readyRule } from './meeting.ts';
import { boundRule, pauseRule, progressRule } from './progress.ts';
import type { OracleView, Rule, RuleFactory } from './rule.ts';
import { speedRule } from './speed.ts';

/** The rules that hold in every world. */
export const RULES: readonly RuleFactory[] = [
  eventRule,
  progressRule,
  boundRule,
  pauseRule,
  consistencyRule,
  acknowledgementRule,
  boundaryRule,
  activelySyncedRule,
  sourceRule,
  readyRule,
  endRule,
  placeRule,
  readRule,
  keptRule,
  causeRule,
  stopRule,
  backoffRule,
  speedRule,
];

export class Oracle implements TurnstileWatcher, GuestWatcher {
  readonly #rules: readonly Rule[];

  constructor(view: OracleView, factories: readonly RuleFactory[] = RULES) {
    this.#rules = factories.map((make) => make(view));
  }

  hear(news: JobNews): void {
    for (const rule of this.#rules) rule.heard?.(news);
  }

  arrived(passage: Passage): void {
    for (const rule of this.#rules) rule.arrived?.(passage);
  }

  tookEffect(passage: Passage): void {
    for (const rule of this.#rules) rule.tookEffect?.(passage);
  }

  answered(passage: Passage): void {
    for (const rule of this.#rules) rule.answered?.(passage);
  }

  submitted(record: GuestRecord): void {
    for (const rule of this.#rules) rule.submitted?.(record);
  }

  completed(record: GuestRecord): void {
    for (const rule of this.#rules) rule.completed?.(record);
  }

  /** Looks at the world as it is when nothing goes on by itself any more. */
  step(): void {
    for (const rule of this.#rules) rule.step?.();
  }

  end(): void {
    for (const rule of this.#rules) rule.end?.();
  }
}

/** Says what is left over in the nodes after everything has ended. */
export function checkLeftOvers(view: OracleView, nodes: readonly BlockNode[]): void {
  const report = (found: string) =>
    view.report({ invariant: 'nothing is left over', expected: 'nodes at rest', found });
  // A request that is never answered keeps what it is in.
  const isStill = view.held.length === 0;
  for (const node of isStill ? nodes : []) {
    if (node.inFlight > 0) report(`${node.inFlight} requests in flight in ${node.name}`);
    if (node.drains.size > 0) report(`a drain of ${node.name}`);
    for (const { parent } of node.parents) {
      if (parent.kind === 'job') report(`${parent.name} on ${node.name}`);
    }
  }
}
