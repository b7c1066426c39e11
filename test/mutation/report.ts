/** What became of mutants, as text for people and as JSON for programs. */

import type { Verdict } from './killers.ts';
import { reasonFor } from './known-survivors.ts';
import type { Mutant } from './mutants.ts';

/** A mutant and what became of it. */
export type Judged = Omit<Mutant, 'text'> & Verdict;

/** How many mutants were caught by whom. */
export function countsOf(judged: readonly Judged[]) {
  const count = (by: Verdict['by']) => judged.filter((one) => one.by === by).length;
  return {
    counted: judged.length,
    simulation: count('simulation'),
    tests: count('tests'),
    'time-out': count('time-out'),
    survivors: count('nobody'),
  };
}

/** @returns The whole report: the figures, and each survivor with the reason if one is known. */
export function describeReport(judged: readonly Judged[]): string {
  const { counted, simulation, tests, 'time-out': timeOut, survivors } = countsOf(judged);
  const caught = counted - survivors;
  const percent = counted === 0 ? 0 : (100 * caught) / counted;
  const parts = `simulation ${simulation}, tests ${tests}, time-out ${timeOut}`;
  return [
    `${counted} mutants, ${caught} caught (${percent.toFixed(1)} %): ${parts}`,
    ...judged.filter(({ by }) => by === 'nobody').flatMap(describeSurvivor),
  ].join('\n');
}

function describeSurvivor(one: Judged): readonly string[] {
  const { file, line, change } = one;
  return [`${file}:${line}: ${change}`, `    ${reasonFor(one) ?? 'reason: not yet known'}`];
}

/** @returns The same for programs; `--again` reads it. */
export function reportJson(judged: readonly Judged[]): string {
  const all = judged.map((one) => ({ ...one, reason: reasonFor(one) }));
  return JSON.stringify({ ...countsOf(judged), mutants: all }, undefined, 2);
}
