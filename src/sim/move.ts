/**
 * What can happen next in a simulated world, as values.
 *
 * A move has a key, which names it by what it does and is the same in every run in which the same
 * happens, and a mover, which tells who goes forward by it (a thread, in a program with threads).
 */

import type { Fault } from './scenario.ts';
import type { Passage } from './turnstile.ts';

/** What is said to a job. */
export type JobVerb =
  | 'complete'
  | 'cancel'
  | 'cancel-force'
  | 'pause'
  | 'resume'
  | 'set-speed'
  /** Let the result of a pending job count. */
  | 'finalize'
  /** Change the copy mode. */
  | 'background'
  | 'write-blocking';

/**
 * What the operator does: a drain is one of the source, which ends as soon as it is complete; to
 * quit ends the machine, and is for a guest that is done.
 */
export type Verb = JobVerb | 'drain' | 'quit';

export type MoveAction =
  /** A request of a disk takes effect; its caller does not know yet. */
  | { readonly type: 'effect'; readonly passage: Passage }
  /** The caller of a request learns of its end. */
  | { readonly type: 'answer'; readonly passage: Passage }
  /** A request fails, having done what it should, nothing, or half of it. */
  | {
      readonly type: 'fail';
      readonly passage: Passage;
      readonly fault: Extract<Fault, { type: 'error' }>;
      readonly applied: 'nothing' | 'half' | 'all';
    }
  /** A request will not go on until it is released. */
  | { readonly type: 'stall'; readonly passage: Passage; readonly fault: Fault }
  | { readonly type: 'submit'; readonly index: number }
  | { readonly type: 'start' }
  | { readonly type: 'verb'; readonly verb: Verb; readonly value?: number }
  /** Time goes on to the next timer, before everything else is done. */
  | { readonly type: 'timer' }
  | { readonly type: 'power-cut' };

export interface Move {
  readonly key: string;
  readonly mover: number;
  readonly action: MoveAction;
}

/** The movers that are no requests of a disk; those are numbered from {@link REQUEST_MOVERS}. */
export const MOVERS = { guest: 0, operator: 1, time: 2, fault: 3 } as const;

export const REQUEST_MOVERS = 8;

/**
 * Whether two moves that can both be made now do the same in either order, everything that anybody
 * could see in between included.
 *
 * That holds for two requests that take effect on different bytes, and for one that takes effect
 * and a guest that asks for something: no code of the product runs at the former, and the latter
 * changes no disk. Of everything else, which lets code of the product run, it is not said.
 */
export function isIndependent(left: MoveAction, right: MoveAction): boolean {
  if (left.type === 'effect' && right.type === 'effect') {
    return !conflicts(left.passage, right.passage);
  }
  const [one, other] = [left.type, right.type];
  return (one === 'effect' && other === 'submit') || (one === 'submit' && other === 'effect');
}

function conflicts(left: Passage, right: Passage): boolean {
  if (left.call.disk !== right.call.disk) return false;
  if (!left.changes && !right.changes) return false;
  if (left.call.operation === 'flush' || right.call.operation === 'flush') return true;
  const start = Math.max(left.call.offset, right.call.offset);
  const leftEnd = left.call.offset + left.call.length;
  return start < Math.min(leftEnd, right.call.offset + right.call.length);
}
