/** What can go wrong with the requests of a simulation, as far as the faults allow. */

import type { ReadyMove } from './simulate-leader.ts';
import type { Faults } from './simulate-options.ts';
import type { HeldRequest, RequestLine } from './simulate-request.ts';

type Rule = Faults['errors'][number];

export class FaultMoves {
  readonly #faults: Faults;
  readonly #tell: (text: string) => void;
  /** How often each rule may still be applied. */
  readonly #left: number[];
  #stalls: number;
  #lies: number;

  /** @param tell Is told what has gone wrong. */
  constructor(faults: Faults, tell: (text: string) => void) {
    this.#faults = faults;
    this.#tell = tell;
    this.#left = faults.errors.map(({ times }) => times);
    this.#stalls = faults.stalls;
    this.#lies = faults.lies.times;
  }

  /** @returns What can go wrong now. */
  of(line: RequestLine): readonly ReadyMove[] {
    return line.held.flatMap((request) => {
      if (request.isStalled || request.isDone) return [];
      return [...this.#errors(line, request), ...this.#others(line, request)];
    });
  }

  #errors(line: RequestLine, request: HeldRequest): readonly ReadyMove[] {
    return this.#faults.errors.flatMap((rule, at) => {
      if ((this.#left[at] ?? 0) <= 0 || !isMeant(rule, request)) return [];
      const isWrite = request.work.half !== undefined;
      const { code, applied, forgets } = rule;
      return (isWrite ? applied : applied.slice(0, 1)).map((part) => ({
        kind: 'fault' as const,
        key: `${code} of ${request.label}, ${part} done`,
        do: () => {
          this.#left[at] = (this.#left[at] ?? 0) - 1;
          this.#tell(`${request.label} is to fail`);
          if (forgets) request.work.forget?.();
          line.fail(request, code, isWrite ? part : 'nothing');
        },
      }));
    });
  }

  #others(line: RequestLine, request: HeldRequest): readonly ReadyMove[] {
    const { label, call } = request;
    const moves: ReadyMove[] = [];
    if (this.#stalls > 0) {
      const stall = () => {
        this.#stalls -= 1;
        request.isStalled = true;
        this.#tell(`${label} stalls`);
      };
      moves.push({ kind: 'fault', key: `stall of ${label}`, do: stall });
    }
    const { disk = call.medium.name } = this.#faults.lies;
    if (this.#lies > 0 && call.operation === 'flush' && disk === call.medium.name) {
      const lie = () => {
        this.#lies -= 1;
        this.#tell(`${label} is a lie`);
        line.lie(request);
      };
      moves.push({ kind: 'fault', key: `lie of ${label}`, do: lie });
    }
    return moves;
  }
}

function isMeant({ disk, operations }: Rule, { call }: HeldRequest): boolean {
  if (disk !== undefined && disk !== call.medium.name) return false;
  return operations?.includes(call.operation) ?? true;
}
