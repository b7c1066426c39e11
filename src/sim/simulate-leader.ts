/**
 * Who leads a run of a simulation, and so decides what happens next of what can: by chance, by a
 * schedule, or through everything there is.
 */

import { seededRandom } from '../base/random.ts';
import { type Fork, toNextWay } from './choosers/depth-first.ts';
import { DivergenceError } from './choosers/replay.ts';

/**
 * What kind of move it is: the natural course of things, something that goes wrong, or a question
 * of the program's (`choice`) or of a power cut's (`survivor`).
 */
export type MoveKind = 'course' | 'time' | 'fault' | 'power cut' | 'survivor' | 'choice';

export interface SimulateMove {
  /** What it does, in words that are the same in every run in which the same happens. */
  readonly key: string;
  readonly kind: MoveKind;
}

/** A move, and what makes it. */
export interface ReadyMove extends SimulateMove {
  do(): void;
}

/** Chooses among two moves or more; the first one is the natural course of things. */
export interface Leader {
  next(moves: readonly SimulateMove[]): number;
}

export interface SeededOptions {
  readonly seed: number;
  /** About how often the power could fail in a run. */
  readonly length: number;
}

/**
 * Leads by chance: the power fails at a moment that is drawn evenly from the whole run, and now and
 * then not at all; how much else goes wrong, in which order requests go on, and whether much or
 * little survives, is drawn for each run.
 */
export function seededLeader({ seed, length }: SeededOptions): Leader {
  const random = seededRandom(seed);
  const drawCut = () =>
    random.below(8) === 0 ? Number.POSITIVE_INFINITY : random.below(Math.max(length, 1));
  const faultRate = [0, 1 / (length + 1), 4 / (length + 1), 0.2][random.below(4)] ?? 0;
  const keepRate = [0, 0.5, 0.9][random.below(3)] ?? 0.5;
  const isOrderly = random.below(3) === 0;
  let untilCut = drawCut();
  const oneOf = (moves: readonly SimulateMove[], kind: MoveKind): number | undefined => {
    const found = [...moves.keys()].filter((at) => moves[at]?.kind === kind);
    return found.length === 0 ? undefined : found[random.below(found.length)];
  };
  return {
    next(moves) {
      if (moves[0]?.kind === 'choice') return random.below(moves.length);
      if (moves[0]?.kind === 'survivor') {
        return random.fraction() < keepRate ? 1 + random.below(moves.length - 1) : 0;
      }
      const cut = oneOf(moves, 'power cut');
      if (cut !== undefined) {
        untilCut -= 1;
        if (untilCut < 0) {
          untilCut = drawCut();
          return cut;
        }
      }
      const mishap = random.fraction() < faultRate ? oneOf(moves, 'fault') : undefined;
      if (mishap !== undefined) return mishap;
      const haste = random.fraction() < faultRate ? oneOf(moves, 'time') : undefined;
      if (haste !== undefined) return haste;
      return isOrderly ? 0 : (oneOf(moves, 'course') ?? 0);
    },
  };
}

/** Takes the natural course, always. */
export const naturalLeader: Leader = { next: () => 0 };

/** Leads by a schedule; what it does not say, or what there is not, is the natural course. */
export function lenientLeader(schedule: readonly number[]): Leader {
  let at = 0;
  return {
    next(moves) {
      const index = schedule[at] ?? 0;
      at += 1;
      return Math.min(index, moves.length - 1);
    },
  };
}

/** Writes down what another leader chooses. */
export class RecordingLeader implements Leader {
  readonly #schedule: number[] = [];
  readonly #leader: Leader;
  /** How often the power could have failed. */
  cuts = 0;

  constructor(leader: Leader) {
    this.#leader = leader;
  }

  /** What was chosen, without what is the natural course at its end. */
  get schedule(): readonly number[] {
    let length = this.#schedule.length;
    while (length > 0 && this.#schedule[length - 1] === 0) length -= 1;
    return this.#schedule.slice(0, length);
  }

  next(moves: readonly SimulateMove[]): number {
    if (moves.some(({ kind }) => kind === 'power cut')) this.cuts += 1;
    const index = this.#leader.next(moves);
    this.#schedule.push(index);
    return index;
  }
}

/** One point of a run at which there was something to choose. */
interface Frame extends Fork {
  readonly keys: string;
  readonly count: number;
}

/** Leads runs through everything that can happen, depth first; each run begins anew. */
export class ExhaustiveLeader implements Leader {
  readonly #frames: Frame[] = [];
  #depth = 0;
  #hasBegun = false;

  /** Goes on to the next run. @returns Whether there is one. */
  begin(): boolean {
    this.#depth = 0;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      return true;
    }
    return toNextWay(this.#frames, ({ count }) => count);
  }

  /** @throws {DivergenceError} When the same choices have not led to the same moves. */
  next(moves: readonly SimulateMove[]): number {
    const keys = moves.map(({ key }) => key).join('; ');
    const known = this.#frames[this.#depth];
    if (known && known.keys !== keys) {
      const rule = `"${known.keys}" could be done the first time, "${keys}" can now`;
      throw new DivergenceError(this.#depth, rule);
    }
    this.#depth += 1;
    if (known) return known.at;
    this.#frames.push({ keys, count: moves.length, at: 0 });
    return 0;
  }

  /** @throws {DivergenceError} When the run was over before it had repeated what it should. */
  end(): void {
    if (this.#depth >= this.#frames.length) return;
    throw new DivergenceError(this.#depth, 'the run was over before');
  }
}
