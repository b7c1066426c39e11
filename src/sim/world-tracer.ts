/** Writes a run down as it happens, in words. */

import type { BlockError } from '../base/errors.ts';
import { describeStamp } from './content.ts';
import type { GuestRecord } from './guest.ts';
import type { JobNews } from './mirror-view.ts';
import type { MoveAction, Verb } from './move.ts';
import { describeStep } from './scenario.ts';
import type { Trace, TraceColumn, TraceEntry } from './trace.ts';
import type { Passage } from './turnstile.ts';

/** What the tracer asks of the world. */
interface Now {
  readonly step: number;
  readonly clock: { nowMs(): number };
}

export class WorldTracer {
  readonly #world: Now;
  readonly #trace: Trace;

  constructor(world: Now, trace: Trace) {
    this.#world = world;
    this.#trace = trace;
  }

  hear({ name, status, error, operation, action }: JobNews): void {
    const what = operation === undefined ? '' : `: ${operation}, ${action}`;
    const told = `${name}${error === undefined ? '' : `: ${error}`}${what}`;
    this.#add('mirror', status === undefined ? told : `is ${status}`);
  }

  arrived(passage: Passage): void {
    this.#request(passage, 'asked');
  }

  tookEffect(passage: Passage): void {
    this.#request(passage, 'takes effect');
  }

  answered(passage: Passage): void {
    const { error } = passage;
    this.#request(passage, error ? `fails with ${error.code}` : 'answered');
  }

  submitted(record: GuestRecord): void {
    this.#guest('guest', record, `${record.index}: ${describeStep(record.step)}`);
  }

  completed(record: GuestRecord): void {
    const { index, ok, stamps } = record;
    const read = stamps.length > 0 ? `: ${stamps.map(describeStamp).join(', ')}` : '';
    this.#guest('device', record, ok ? `${index} done${read}` : `${index} failed`);
  }

  /** Moves that show in no other way. */
  move(action: MoveAction): void {
    if (action.type === 'stall') this.#request(action.passage, 'stalls');
    if (action.type === 'timer') this.#add('world', 'time goes on');
    if (action.type === 'power-cut') this.#add('world', 'the power fails');
    if (action.type === 'start') this.#add('mirror', 'is started');
  }

  said(verb: Verb, refusal: BlockError | undefined): void {
    this.#add('mirror', refusal ? `${verb} refused: ${refusal.message}` : `told to ${verb}`);
  }

  note(text: string): void {
    this.#add('world', text);
  }

  #request({ call }: Passage, what: string): void {
    const { disk, operation, offset, length, origin } = call;
    const [first, count] = [offset / 512, length / 512];
    const where = operation === 'flush' ? '' : ` ${count === 1 ? first : `${first}+${count}`}`;
    const text = `${origin}: ${operation}${where} ${what}`;
    this.#add(disk, text, operation === 'flush' ? undefined : { first, count });
  }

  #guest(column: 'guest' | 'device', { step }: GuestRecord, text: string): void {
    const sectors = { first: step.sector, count: step.sectors };
    this.#add(column, text, step.type === 'flush' ? undefined : sectors);
  }

  #add(column: TraceColumn, text: string, sectors?: TraceEntry['sectors']): void {
    const { step, clock } = this.#world;
    this.#trace.add({ step, nowMs: clock.nowMs(), column, text, ...(sectors && { sectors }) });
  }
}
