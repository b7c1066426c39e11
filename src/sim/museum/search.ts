/**
 * Looks for what an exhibit shows. This runs twice: as the program's own, and as the copy of it
 * that is compiled into a mutant; so what goes in and what comes out is data.
 */

import { lenientReplay } from '../choosers/replay.ts';
import { explore, type Failure, type LedRun, runOnce } from '../explorer.ts';
import { minimise } from '../minimise.ts';
import { RULES } from '../oracle/oracle.ts';
import type { OracleView, RuleFactory } from '../oracle/rule.ts';
import type { Invariant, Violation } from '../oracle/violation.ts';
import type { Scenario } from '../scenario.ts';
import { drawWorld } from '../swarm-world.ts';
import { drawTimeline } from '../timeline.ts';
import { Trace, type TraceEntry } from '../trace.ts';
import type { Settle } from '../world.ts';

/** What is to be looked for, and how. */
export type SearchOrder =
  | {
      /** Every schedule of a world, pruned, up to the first that breaks one of `finds`. */
      readonly type: 'explore';
      readonly scenario: Scenario;
      /** What counts; nothing for everything. */
      readonly finds: readonly Invariant[];
      readonly executionsMax: number;
      /** Whether to make what is found as short as it gets. */
      readonly minimises: boolean;
    }
  | {
      /** Worlds drawn by chance, up to the first that breaks anything. */
      readonly type: 'swarm';
      readonly firstSeed: number;
      readonly count: number;
    };

/** A failing run as the museum shows it. */
export interface FoundRun {
  readonly scenario: Scenario;
  readonly schedule: readonly number[];
  /** What was chosen, in words; one for each of the schedule. */
  readonly moves: readonly string[];
  readonly violation: Violation;
  /** What happened, one by one; the timeline is drawn of it. */
  readonly entries: readonly TraceEntry[];
  readonly timeline: string;
}

export interface Finding {
  /** `proved`: nothing is wrong in any schedule. `bounded`: none was found before the bound. */
  readonly verdict: 'violated' | 'proved' | 'bounded';
  /** Runs until it was found, or in all. */
  readonly executions: number;
  readonly states: number;
  readonly steps: number;
  readonly seconds: number;
  readonly found?: FoundRun;
  /** Of a swarm: the seed of the world. */
  readonly seed?: number;
}

export interface SearchTools {
  readonly settle: Settle;
  readonly nowMs: () => number;
}

/** Carries an order out. */
export function carryOut(order: SearchOrder, tools: SearchTools): Promise<Finding> {
  return order.type === 'explore' ? exploreFor(order, tools) : swarmFor(order, tools);
}

async function exploreFor(
  order: Extract<SearchOrder, { type: 'explore' }>,
  tools: SearchTools,
): Promise<Finding> {
  const { scenario, executionsMax, finds, minimises } = order;
  const { settle, nowMs } = tools;
  const rules = rulesFor(finds);
  const options = { settle, nowMs, executionsMax, rules, pruning: 'visible' } as const;
  const { verdict, executions, states, steps, seconds, failure } = await explore(scenario, options);
  const base = { verdict, executions, states, steps, seconds };
  if (!failure) return base;
  // The world is small already; a smaller one might break a promise without the bug.
  const small = minimises
    ? await minimise(failure, { settle, rules, keepsScenario: true })
    : failure;
  return { ...base, found: await show(small, { settle, rules }) };
}

async function swarmFor(
  { firstSeed, count }: Extract<SearchOrder, { type: 'swarm' }>,
  { settle, nowMs }: SearchTools,
): Promise<Finding> {
  const startMs = nowMs();
  let steps = 0;
  for (let at = 0; at < count; at += 1) {
    const seed = firstSeed + at;
    const { scenario, chooser } = drawWorld(seed);
    const run: LedRun = await runOnce(scenario, chooser, { settle });
    steps += run.steps;
    const { violation, schedule } = run;
    if (!violation) continue;
    const base = { executions: at + 1, states: 0, steps, seconds: (nowMs() - startMs) / 1000 };
    const found = await show({ scenario, schedule, violation }, { settle, rules: RULES });
    return { verdict: 'violated', ...base, seed, found };
  }
  const seconds = (nowMs() - startMs) / 1000;
  return { verdict: 'bounded', executions: count, states: 0, steps, seconds };
}

/** Runs a failure once more, for its trace. */
async function show(
  failure: Failure,
  options: { readonly settle: Settle; readonly rules: readonly RuleFactory[] },
): Promise<FoundRun> {
  const { scenario, schedule } = failure;
  const trace = new Trace();
  const again = await runOnce(scenario, lenientReplay(schedule), { ...options, trace });
  const violation = again.violation ?? failure.violation;
  const moves = again.moves.slice(0, schedule.length);
  const timeline = drawTimeline(trace, violation);
  return { scenario, schedule, moves, violation, entries: trace.entries, timeline };
}

/** All rules, of whose findings only some count: one bug may break several promises. */
function rulesFor(finds: readonly Invariant[]): readonly RuleFactory[] {
  if (finds.length === 0) return RULES;
  return RULES.map((make) => (view: OracleView) => make(new PartialView(view, finds)));
}

/** A world that hears of some violations only. */
class PartialView implements OracleView {
  readonly #view: OracleView;
  readonly #finds: readonly Invariant[];

  constructor(view: OracleView, finds: readonly Invariant[]) {
    this.#view = view;
    this.#finds = finds;
  }

  get scenario() {
    return this.#view.scenario;
  }

  get source() {
    return this.#view.source;
  }

  get target() {
    return this.#view.target;
  }

  get guest() {
    return this.#view.guest;
  }

  get mirror() {
    return this.#view.mirror;
  }

  get held() {
    return this.#view.held;
  }

  get guestDisk() {
    return this.#view.guestDisk;
  }

  get accepted() {
    return this.#view.accepted;
  }

  get clock() {
    return this.#view.clock;
  }

  report(violation: Omit<Violation, 'step'>): void {
    if (this.#finds.includes(violation.invariant)) this.#view.report(violation);
  }
}
