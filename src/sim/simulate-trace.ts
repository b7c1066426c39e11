/** What happened in a run of a simulation, for people, and to tell two runs apart. */

import { Digest } from './fingerprint.ts';

/** One thing that happened. */
export interface SimulateEvent {
  readonly step: number;
  /** What the world did, or what the program under test did. */
  readonly by: 'world' | 'program';
  readonly text: string;
}

/** Events that are kept of a run; later ones count for the digest only. */
const EVENTS_MAX = 20_000;
/** Columns that one cell of the timeline may take. */
const CELL_MAX = 72;

export class SimulateTrace {
  readonly events: SimulateEvent[] = [];
  readonly #digest = new Digest();
  #dropped = 0;

  add(event: SimulateEvent): void {
    this.#digest.add(event.step).addText(event.text);
    if (this.events.length < EVENTS_MAX) this.events.push(event);
    else this.#dropped += 1;
  }

  /** The whole trace as one short word. */
  get digest(): string {
    return this.#digest.value.toString(36);
  }

  /** @returns In words, the first event in which another trace differs, if one does. */
  differenceFrom(other: SimulateTrace): string | undefined {
    const length = Math.max(this.events.length, other.events.length);
    for (let at = 0; at < length; at += 1) {
      const [one, two] = [describe(this.events[at]), describe(other.events[at])];
      if (one !== two) return `${one} the first time, ${two} the second`;
    }
    return this.digest === other.digest ? undefined : 'more events than are kept';
  }

  /**
   * The run as a table, time going down:
   *
   *     step  world              program
   *        0                     write disk 0 "hello"
   *        1  write disk 0 done  flush disk
   */
  draw(): string {
    const rows: { step: number; world: string; program: string }[] = [];
    for (const { step, by, text } of this.events) {
      const last = rows.at(-1);
      const isFree =
        last?.step === step && last.program === '' && (by === 'program' || !last.world);
      // Of time that goes by, only where it gets to is of interest.
      if (last?.program === '' && isTime(last.world) && isTime(text)) rows.pop();
      const joined = last && last.step === step && last[by] ? `${last[by]}, ${text}` : undefined;
      const isShort = joined !== undefined && joined.length <= CELL_MAX;
      if (last && joined && isShort && (by === 'program' || last.program === '')) last[by] = joined;
      else if (last && isFree) last[by] = cell(text);
      else rows.push({ step, world: '', program: '', [by]: cell(text) });
    }
    const width = Math.max(5, ...rows.map(({ world }) => world.length));
    const lines = rows.map(({ step, world, program }) =>
      `${String(step).padStart(4)}  ${world.padEnd(width)}  ${program}`.trimEnd(),
    );
    if (this.#dropped > 0) lines.push(`      … and ${this.#dropped} more`);
    return [`step  ${'world'.padEnd(width)}  program`, ...lines].join('\n');
  }
}

function isTime(text: string): boolean {
  return /^it is [\d.]+ ms$/.test(text);
}

function describe(event: SimulateEvent | undefined): string {
  return event ? `"${event.text}" at step ${event.step}` : 'nothing more';
}

function cell(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > CELL_MAX ? `${line.slice(0, CELL_MAX - 1)}…` : line;
}
