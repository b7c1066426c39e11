/**
 * A simulation that found something, as an error: the seed, the choices, what repeats it, and the
 * run as a table.
 *
 * What repeats it is one word: the seed, the choices with runs of zeroes written as `0*n`, and the
 * digest of the trace, which tells whether it was repeated.
 *
 *     7/0*12.1.0.1/1x8k2mv9q3
 */

import type { SimulateRun } from './simulate-world.ts';

/** What repeats a run. */
export interface Replay {
  readonly seed: number;
  readonly schedule: readonly number[];
  /** Of its trace; '' when it is not known. */
  readonly digest: string;
}

/** The most choices that a replay may have. */
const CHOICES_MAX = 100_000;

export function writeReplay({ seed, schedule, digest }: Replay): string {
  const parts: string[] = [];
  for (let at = 0; at < schedule.length; ) {
    let length = 1;
    while (schedule[at] === 0 && schedule[at + length] === 0) length += 1;
    parts.push(length > 1 ? `0*${length}` : String(schedule[at]));
    at += length;
  }
  return `${seed}/${parts.join('.')}/${digest}`;
}

/** @throws {RangeError} For what {@link writeReplay} has not written. */
export function readReplay(text: string): Replay {
  const [seed, parts, digest, ...more] = text.split('/');
  const isWhole = /^\d{1,16}$/.test(seed ?? '') && /^\w*$/.test(digest ?? ' ');
  const isList = /^$|^\d+(\*\d+)?(\.\d+(\*\d+)?)*$/.test(parts ?? ' ');
  if (!isWhole || !isList || more.length > 0 || text.length > CHOICES_MAX) throw refusal(text);
  const schedule: number[] = [];
  for (const part of (parts ?? '').split('.')) {
    if (part === '') continue;
    const [index, count = '1'] = part.split('*');
    if (schedule.length + Number(count) > CHOICES_MAX) throw refusal(text);
    schedule.push(...new Array<number>(Number(count)).fill(Number(index)));
  }
  return { seed: Number(seed), schedule, digest: digest ?? '' };
}

function refusal(text: string): RangeError {
  return new RangeError(`Cannot replay: it is not what a failure's message gave: "${text}"`);
}

/** What a simulation found; `cause` is the error that the program or its check threw. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly seed: number;
  /** The shortest choices that were found to lead there. */
  readonly schedule: readonly number[];
  /** For the option `replay`. */
  readonly replay: string;
  /** What the world did to the program: power cuts, what survived them, errors. */
  readonly faults: readonly string[];
  /** The run as a table. */
  readonly timeline: string;

  constructor(run: SimulateRun, replay: Replay, how: string) {
    const { failure, mishaps, trace } = run;
    const word = writeReplay(replay);
    const table = trace.draw();
    const what = firstLine(failure?.error);
    const lines = [
      `The ${failure?.phase ?? 'run'} fails: ${what}`,
      '',
      `found     ${how}`,
      `schedule  ${replay.schedule.join(' ') || 'the natural course'}`,
      `faults    ${mishaps.join('\n          ') || 'none'}`,
      `replay    simulate({ ...options, replay: '${word}' })`,
      '',
      table,
    ];
    super(lines.join('\n'), { cause: failure?.error });
    this.seed = replay.seed;
    this.schedule = replay.schedule;
    this.replay = word;
    this.faults = mishaps;
    this.timeline = table;
  }
}

function firstLine(error: unknown): string {
  return String(error).split('\n')[0] ?? '';
}

/** An exhaustive search that was cut off: what it has not looked at may be anything. */
export class BoundError extends Error {
  override readonly name = 'BoundError';

  constructor(executions: number) {
    super(
      `Nothing is proved: ${executions} runs were not all that can happen. Make the world ` +
        "smaller, raise explore.executionsMax, or say onBound: 'report'; seeds find more in " +
        'large worlds',
    );
  }
}
