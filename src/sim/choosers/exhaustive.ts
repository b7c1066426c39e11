/**
 * Leads runs through every schedule, depth first, without a memory of the world: each run begins
 * anew and repeats the choices before the point at which it differs from the run before.
 *
 *     run 1   0 0 0 0
 *     run 2   0 0 0 1
 *     run 3   0 0 1 0   the deepest choice that has another move left takes it
 *
 * Two prunings spare runs, and both can be turned off:
 *
 * - Known states. A run ends at a state in which an earlier run has been. What is "the same state"
 *   is the fingerprint's affair; that it is the same is not just believed. The same moves must be
 *   there, and before the run ends it makes one of them, each time another: that must lead to the
 *   state to which it led before.
 * - Sleep sets (Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems",
 *   1996). After all that begins with the move `a` has been tried, `a` need not be tried behind a
 *   `b` that is independent of it: that leads where `b` behind `a` has led. Together with known
 *   states, a state remembers what slept when it was left, and what of that is awake now is made up
 *   for.
 */

import type { Guide, Verdict } from '../chooser.ts';
import { isIndependent, type Move } from '../move.ts';
import { type Fork, toNextWay } from './depth-first.ts';

export interface ExhaustiveOptions {
  /** End runs at states that are known. */
  readonly knownStates: boolean;
  readonly sleepSets: boolean;
}

/** One point of the present run that has choices. */
interface Frame extends Fork {
  readonly moves: readonly Move[];
  /** The indexes that are to be tried, in this order; `at` is among these. */
  readonly todo: readonly number[];
  /** What need not be tried here. */
  readonly asleep: ReadonlyMap<string, Move>;
  /** The state, if known ones are looked for. */
  readonly state: KnownState | undefined;
  /** Whether nothing is new here, and one move is made for comparison. */
  readonly isProbe: boolean;
}

/** A state in which runs have been. */
interface KnownState {
  /** The keys of its moves. */
  readonly keys: string;
  /** What slept at every visit. */
  asleep: ReadonlySet<string>;
  /** By key of a move: the fingerprint of the state to which it led. */
  readonly leads: Map<string, number>;
  visits: number;
}

const NOTHING_ASLEEP: ReadonlyMap<string, Move> = new Map();

/** Two states were taken for the same that are not: what was pruned may have been new. */
export class LookalikesError extends Error {
  override readonly name = 'LookalikesError';

  constructor(how: string) {
    super(`Cannot tell states apart: two that look the same are not: ${how}`);
  }
}

export class ExhaustiveGuide implements Guide {
  readonly #options: ExhaustiveOptions;
  readonly #frames: Frame[] = [];
  /** By fingerprint. */
  readonly #known = new Map<number, KnownState>();
  #depth = 0;
  #repeating = false;
  /** The deepest run so far, in points. */
  depthMax = 0;
  /** Runs that were ended because nothing new was left in them. */
  pruned = 0;

  constructor(options: ExhaustiveOptions) {
    this.#options = options;
  }

  /** How many different states there were, if known states are looked for; else points. */
  get states(): number {
    return this.#options.knownStates ? this.#known.size : this.#points;
  }
  #points = 0;
  #hasBegun = false;

  get isRepeating(): boolean {
    return this.#repeating;
  }

  /** The schedule of the present run: its choices among two moves or more. */
  get schedule(): readonly number[] {
    return this.#frames
      .filter(({ moves }) => moves.length > 1)
      .map(({ todo, at }) => todo[at] ?? 0);
  }

  /** Goes on to the next run. @returns Whether there is one. */
  begin(): boolean {
    this.#depth = 0;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      return true;
    }
    this.#repeating = toNextWay(this.#frames, ({ todo }) => todo.length);
    return this.#repeating;
  }

  next(moves: readonly Move[], state: () => number): Verdict {
    const frame = this.#frames[this.#depth] ?? this.#open(moves, state);
    if (!frame) return 'nothing new';
    if (frame.moves.length !== moves.length) {
      throw new Error('Assertion failed: the same choices lead to the same moves');
    }
    this.#depth += 1;
    // What follows the last choice has not been seen before.
    this.#repeating = this.#depth < this.#frames.length;
    return frame.todo[frame.at] ?? 0;
  }

  #open(moves: readonly Move[], state: () => number): Frame | undefined {
    this.#repeating = false;
    this.#points += 1;
    const asleep = this.#options.sleepSets ? this.#asleep() : NOTHING_ASLEEP;
    const awake = moves.map((_, index) => index).filter((index) => !isIn(asleep, moves[index]));
    if (!this.#options.knownStates) return this.#push({ moves, todo: awake, asleep });
    const fingerprint = state();
    this.#compareLead(fingerprint);
    if (this.#frames.at(-1)?.isProbe) return undefined;
    const known = this.#known.get(fingerprint);
    const keys = keysOf(moves);
    if (!known) {
      const first = { keys, asleep: new Set(asleep.keys()), leads: new Map(), visits: 0 };
      this.#known.set(fingerprint, first);
      return this.#push({ moves, todo: awake, asleep, state: first });
    }
    if (known.keys !== keys) throw new LookalikesError(`${known.keys}; or ${keys}`);
    const todo = awake.filter((index) => known.asleep.has(moves[index]?.key ?? ''));
    known.asleep = new Set([...known.asleep].filter((key) => asleep.has(key)));
    if (todo.length > 0) return this.#push({ moves, todo, asleep, state: known });
    const probe = this.#probeOf(known, moves);
    return this.#push({ moves, todo: probe, asleep, state: known, isProbe: true });
  }

  /** @returns Nothing if there is nothing to do. */
  #push(parts: Omit<Frame, 'at' | 'state' | 'isProbe'> & Partial<Frame>): Frame | undefined {
    const frame: Frame = { state: undefined, isProbe: false, ...parts, at: 0 };
    if (frame.isProbe || frame.todo.length === 0) this.pruned += 1;
    if (frame.todo.length === 0) return undefined;
    this.#frames.push(frame);
    this.depthMax = Math.max(this.depthMax, this.#frames.length);
    return frame;
  }

  /** A move that was made here before, if any was. */
  #probeOf(known: KnownState, moves: readonly Move[]): readonly number[] {
    const keys = [...known.leads.keys()];
    const key = keys[known.visits % keys.length];
    known.visits += 1;
    return key === undefined ? [] : [moves.findIndex((move) => move.key === key)];
  }

  /** Remembers to which state the last choice has led, or compares it with what is remembered. */
  #compareLead(fingerprint: number): void {
    const last = this.#frames.at(-1);
    const key = last?.moves[last.todo[last.at] ?? 0]?.key;
    if (!last?.state || key === undefined) return;
    const before = last.state.leads.get(key) ?? fingerprint;
    if (before !== fingerprint) {
      throw new LookalikesError(`"${key}" leads to one state, or to another`);
    }
    last.state.leads.set(key, fingerprint);
  }

  /** What sleeps behind the last choice: what slept or was tried before it, and is independent. */
  #asleep(): ReadonlyMap<string, Move> {
    const last = this.#frames.at(-1);
    const chosen = last?.moves[last.todo[last.at] ?? 0];
    if (!last || !chosen) return NOTHING_ASLEEP;
    const asleep = new Map<string, Move>();
    const keep = (move: Move | undefined) => {
      if (move && isIndependent(move.action, chosen.action)) asleep.set(move.key, move);
    };
    for (const move of last.asleep.values()) keep(move);
    for (const index of last.todo.slice(0, last.at)) keep(last.moves[index]);
    return asleep;
  }
}

function isIn(asleep: ReadonlyMap<string, Move>, move: Move | undefined): boolean {
  return move !== undefined && asleep.has(move.key);
}

/** The keys of moves, in whatever order these come. */
function keysOf(moves: readonly Move[]): string {
  return moves
    .map(({ key }) => key)
    .sort()
    .join(', ');
}
