/** Lists what can happen next in a world, the natural continuation first. */

import type { Guest } from './guest.ts';
import { MOVERS, type Move, REQUEST_MOVERS } from './move.ts';
import type { Fault, Scenario } from './scenario.ts';
import type { Passage } from './turnstile.ts';

/** What faults are left, by their place in the scenario. */
export class FaultBudget {
  readonly #left: number[];

  constructor(faults: readonly Fault[]) {
    this.#left = faults.map((fault) => ('times' in fault ? fault.times : 1));
  }

  isLeft(index: number): boolean {
    return (this.#left[index] ?? 0) > 0;
  }

  spend(faults: readonly Fault[], fault: Fault): void {
    const index = faults.indexOf(fault);
    this.#left[index] = (this.#left[index] ?? 0) - 1;
  }

  /** All that is left, as one number. */
  get left(): number {
    return this.#left.reduce((sum, left) => sum * 17 + left, 0);
  }
}

/** Requests can go on: first those that have waited longest. */
export function requestMoves(scenario: Scenario, held: readonly Passage[]): Move[] {
  const moves: Move[] = [];
  for (const passage of held) {
    if (passage.stalled) continue;
    const { call, label, stage } = passage;
    const isOne = scenario[call.disk].stages === 1;
    const type = stage === 'done' || isOne ? 'answer' : 'effect';
    moves.push({ key: `${type} ${label}`, mover: moverOf(passage), action: { type, passage } });
  }
  return moves;
}

/** Requests can fail or stall, as long as that is left. */
export function faultMoves(
  { faults }: Scenario,
  budget: FaultBudget,
  held: readonly Passage[],
): readonly Move[] {
  const moves: Move[] = [];
  const mover = MOVERS.fault;
  for (const [index, fault] of faults.entries()) {
    if (!budget.isLeft(index)) continue;
    if (fault.type === 'power-cut') {
      moves.push({ key: 'power cut', mover, action: { type: 'power-cut' } });
      continue;
    }
    for (const passage of held) {
      if (passage.stalled || passage.stage === 'done' || !isMeant(fault, passage)) continue;
      if (fault.type === 'stall') {
        const action = { type: 'stall', passage, fault } as const;
        moves.push({ key: `stall ${passage.label}`, mover, action });
        continue;
      }
      for (const applied of fault.applied ?? ['nothing']) {
        const key = `fail ${passage.label} with ${fault.code}, ${applied} done`;
        moves.push({ key, mover, action: { type: 'fail', passage, fault, applied } });
      }
    }
  }
  return moves;
}

/** The guest can make its next request. */
export function guestMoves(guest: Guest, isReady: boolean, isOver: boolean): readonly Move[] {
  const step = guest.next;
  if (!step) return [];
  const { from = 'any' } = step;
  if (from === 'ready' && !isReady && !isOver) return [];
  if (from === 'end' && !isOver) return [];
  const index = guest.records.length;
  const action = { type: 'submit', index } as const;
  return [{ key: `guest request ${index}`, mover: MOVERS.guest, action }];
}

function isMeant(fault: Exclude<Fault, { type: 'power-cut' }>, { call }: Passage): boolean {
  if (fault.disk !== call.disk || !fault.operations.includes(call.operation)) return false;
  return fault.origins?.includes(call.origin) ?? true;
}

/** Requests for one place by one origin go forward as one, as a copy does from disk to disk. */
function moverOf({ call }: Passage): number {
  const origin = call.origin === 'guest' ? 0 : 1;
  return REQUEST_MOVERS + (call.offset / 512) * 2 + origin;
}
