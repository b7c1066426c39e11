/**
 * A run written down: a scenario, a schedule, and what came of it; JSON, for people and for tests.
 *
 *     {
 *       "format": "mirrordisk-seed",
 *       "version": 1,
 *       "title": "…",               what it is about
 *       "found": "over",            the invariant that it broke when this was written, or "over"
 *       "scenario": { … },          as in `scenario.ts`
 *       "choices": ["1 effect source read 0+512 (job)", …]
 *     }
 *
 * A choice is its index and, behind it, what was done, so that a replay in another version of this
 * program fails where it first does something else. (A run that shows a fault goes on in another
 * way once the fault is mended: to see that it stays mended, replay it leniently.)
 */

import { strictReplay } from './choosers/replay.ts';
import { checkScenario, type Scenario } from './scenario.ts';

const FORMAT = 'mirrordisk-seed';
const VERSION = 1;

const NUMBERS = ['sectors', 'hasteMax', 'stepsMax'] as const;
const PARTS = ['source', 'target', 'guest', 'mirror'] as const;
const LISTS = ['verbs', 'faults'] as const;

/** What may be anything. */
type Fields = Partial<Record<string, unknown>>;

export interface Seed {
  readonly title: string;
  /** The invariant that the run broke when it was written down, "over" or "power cut". */
  readonly found: string;
  readonly scenario: Scenario;
  readonly schedule: readonly number[];
  readonly moves: readonly string[];
}

/** @returns JSON with a line for each choice. */
export function writeSeed({ title, found, scenario, schedule, moves }: Seed): string {
  const choices = schedule.map((index, at) => `${index} ${moves[at] ?? ''}`.trimEnd());
  const seed = { format: FORMAT, version: VERSION, title, found, scenario, choices };
  return `${JSON.stringify(seed, undefined, 2)}\n`;
}

/** @throws {RangeError} For what is no seed of this version. */
export function readSeed(text: string): Seed {
  const seed: unknown = parse(text);
  if (!isObject(seed)) throw refusal('it is no object');
  const { format, version, title, found, scenario, choices } = seed;
  if (format !== FORMAT) throw refusal(`its format is not "${FORMAT}"`);
  if (version !== VERSION) throw refusal(`its version must be ${VERSION}: ${String(version)}`);
  if (typeof title !== 'string' || typeof found !== 'string') throw refusal('it has no title');
  if (!isObject(scenario)) throw refusal('it has no scenario');
  if (!Array.isArray(choices)) throw refusal('it has no choices');
  const read = choices.map((choice: unknown, at) => readChoice(choice, at));
  demandWhole(scenario);
  checkScenario(scenario);
  return {
    title,
    found,
    scenario,
    schedule: read.map(({ index }) => index),
    moves: read.map(({ move }) => move),
  };
}

/** @returns What repeats the run, and fails where it cannot. */
export function chooserOf({ schedule, moves }: Seed) {
  return strictReplay({ schedule, moves });
}

/**
 * Demands what a world cannot do without: somebody may have written it by hand. What is in that is
 * looked at by the world that is made of it.
 */
function demandWhole(scenario: Fields): asserts scenario is Fields & Scenario {
  const demand = (name: string, isThere: boolean) => {
    if (!isThere) throw refusal(`its scenario has no ${name}`);
  };
  const isList = (value: unknown) => Array.isArray(value) && value.every(isObject);
  for (const name of NUMBERS) demand(name, typeof scenario[name] === 'number');
  for (const name of PARTS) demand(name, isObject(scenario[name]));
  for (const name of LISTS) demand(name, isList(scenario[name]));
  const { guest } = scenario;
  demand('requests of a guest', isObject(guest) && isList(guest['requests']));
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RangeError('Cannot read the seed: it is no JSON', { cause: error });
  }
}

function readChoice(choice: unknown, at: number): { index: number; move: string } {
  const match = typeof choice === 'string' ? /^(\d+)(?: (.*))?$/.exec(choice) : null;
  if (!match) throw refusal(`choice ${at} is no number and a move: ${String(choice)}`);
  return { index: Number(match[1]), move: match[2] ?? '' };
}

function refusal(rule: string): RangeError {
  return new RangeError(`Cannot read the seed: ${rule}`);
}
