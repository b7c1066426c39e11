/** What the museum tells its visitors, as text; and a visit, by whoever can make a mutant run. */

import type { Absent, Exhibit, Fix, Replacement } from './exhibit.ts';
import { ABSENT, EXHIBITS } from './index.ts';
import type { Finding, SearchOrder } from './search.ts';

/** Makes mutants of this program and runs them; whoever hands it in has the files and threads. */
export interface MutantRunner {
  /**
   * Runs a search in a copy of this program with some changes; none for the program as it is.
   *
   * @throws {MutationFailed} When a change does not fit the program.
   * @throws {RangeError} When it takes longer than it may.
   */
  run(mutation: readonly Replacement[], order: SearchOrder): Promise<Finding>;
}

/** Runs of a search at most; more than any exhibit takes. */
export const EXECUTIONS_MAX = 50_000;

/** What a swarm may take, in medians of an exhibit: one of 4096 finds nothing in so many worlds. */
const SWARM_MEDIANS_MAX = 12;
/** What a swarm may take for a bug of which no median is known, in worlds. */
const SWARM_WORLDS_MAX = 2500;

export interface ShowOptions {
  /** @default {@link EXECUTIONS_MAX} */
  readonly executionsMax?: number;
  /** Makes what is found as short as it gets. @default true */
  readonly minimises?: boolean;
}

/** Puts a bug back and finds it, by every schedule of the exhibit's world. */
export function findBug(
  { mutation, world, finds }: Exhibit,
  runner: MutantRunner,
  { executionsMax = EXECUTIONS_MAX, minimises = true }: ShowOptions = {},
): Promise<Finding> {
  const rest = { executionsMax, minimises };
  return runner.run(mutation, { type: 'explore', scenario: world, finds, ...rest });
}

/** Runs the same world with the program as it is, by all rules; it should be `proved`. */
export function proveAbsence(
  { world }: { readonly world: Exhibit['world'] },
  runner: MutantRunner,
  { executionsMax = EXECUTIONS_MAX }: ShowOptions = {},
): Promise<Finding> {
  const rest = { executionsMax, minimises: true, finds: [] };
  return runner.run([], { type: 'explore', scenario: world, ...rest });
}

/** Puts a bug back and runs worlds drawn by chance, until one shows something. */
export function findByChance(
  { mutation }: Exhibit,
  runner: MutantRunner,
  seeds: { readonly firstSeed: number; readonly count: number },
): Promise<Finding> {
  return runner.run(mutation, { type: 'swarm', ...seeds });
}

/** How many worlds a swarm runs before it is said to have found nothing. */
export function swarmWorldsMax({ swarmMedian }: Exhibit): number {
  return swarmMedian === undefined ? SWARM_WORLDS_MAX : SWARM_MEDIANS_MAX * swarmMedian;
}

/** Whether a finding is what the exhibit is about. */
export function isExpected({ finds }: Exhibit, { verdict, found }: Finding): boolean {
  return verdict === 'violated' && found !== undefined && finds.includes(found.violation.invariant);
}

/** @returns The list of exhibits, a line for each, and of what is not shown. */
export function listMuseum(): string {
  const width = Math.max(...EXHIBITS.map(({ name }) => name.length));
  const lines = EXHIBITS.map(({ name, title }) => `${name.padEnd(width)}  ${title}`);
  const absent = ABSENT.map(({ id, title }) => `${id.padEnd(width)}  ${title}`);
  return [...lines, '', 'Not shown, for they cannot be put back:', ...absent].join('\n');
}

/** @returns What an exhibit is about: the card beside it. */
export function describeExhibit(exhibit: Exhibit): string {
  const { name, title, story, fix, argued, mutation, finds } = exhibit;
  const lines = [`${name}: ${title}`, '', ...wrapped(story), ''];
  lines.push(`fixed in QEMU  ${describeFix(fix)}`);
  lines.push(`prevented by   src/${argued}`);
  lines.push(`breaks         ${finds.join('; ')}`);
  lines.push(`by chance      ${describeChance(exhibit)}`);
  for (const { file, find, replace } of mutation) {
    lines.push('', `dist/${file}`, ...indented('-', find), ...indented('+', replace));
  }
  return lines.join('\n');
}

/** @returns Why a bug is not shown. */
export function describeAbsent({ id, title, why, argued }: Absent): string {
  return [`${id}: ${title}`, '', ...wrapped(why), '', `prevented by  src/${argued}`].join('\n');
}

function describeChance({ swarmMedian }: Exhibit): string {
  if (swarmMedian === undefined) return `most swarms of ${SWARM_WORLDS_MAX} worlds miss it`;
  return `half of all swarms find it in ${swarmMedian} worlds`;
}

function describeFix(fix: Fix | undefined): string {
  if (!fix) return 'never: it is known by reading, or a mirror like it could have it';
  const { commit, subject, year } = fix;
  return [commit, subject, year].filter((part) => part !== undefined).join(' ');
}

const COLUMNS_MAX = 80;

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > COLUMNS_MAX) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

function indented(mark: string, text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => `${mark} ${line}`);
}
