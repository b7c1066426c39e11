/**
 * A visit to the museum: each bug is put back into a copy of this program and looked for, and then
 * the same world is run with the program as it is, which must not have it.
 */

import type { Exhibit } from '../sim/museum/exhibit.ts';
import type { Finding } from '../sim/museum/search.ts';
import {
  describeExhibit,
  EXECUTIONS_MAX,
  findBug,
  isExpected,
  type MutantRunner,
  proveAbsence,
} from '../sim/museum/show.ts';
import type { Seed } from '../sim/seed-file.ts';
import { drawTimeline } from '../sim/timeline.ts';
import { Trace } from '../sim/trace.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { Interrupted, Interrupts } from './interrupts.ts';
import { draw, type OutputWishes, tableWidth, tellJson } from './sim-output.ts';
import { counted } from './words.ts';

export interface VisitPlan {
  readonly exhibits: readonly Exhibit[];
  /** Tell each whole, with what happens in it; else a line of each. */
  readonly whole: boolean;
  readonly output: OutputWishes;
}

/** What both searches have come to. */
interface Seen {
  readonly exhibit: Exhibit;
  readonly finding: Finding;
  readonly absence: Finding;
}

/**
 * Shows exhibits, one after the other.
 *
 * @returns 0 when each bug was found where it was put back, and only there; 1 when one was not; 2
 *   when the visit was interrupted.
 */
export async function visit(
  { exhibits, whole, output }: VisitPlan,
  io: CommandIo,
  runner: MutantRunner,
): Promise<ExitCode> {
  const interrupts = new Interrupts(io);
  const check = interrupts.guard('ending with the search that is under way');
  const seen: Seen[] = [];
  try {
    for (const exhibit of exhibits) {
      if (whole && !output.json) io.out(describeExhibit(exhibit));
      check();
      io.show([`looking for ${exhibit.name}: ${seen.length} of ${exhibits.length} seen`]);
      const finding = await findBug(exhibit, runner);
      check();
      const absence = await proveAbsence(exhibit, runner);
      io.show([]);
      const one = { exhibit, finding, absence };
      seen.push(one);
      await tell(one, { io, whole, output });
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    io.show([]);
    interrupts.close();
  }
  const good = seen.filter(isGood).length;
  const sum = `${good} of ${counted(exhibits.length, 'bug')} found where put back, and only there`;
  if (!whole && !output.json) io.out(sum);
  if (good < seen.length) return 1;
  return seen.length === exhibits.length ? 0 : 2;
}

function isGood({ exhibit, finding, absence }: Seen): boolean {
  return isExpected(exhibit, finding) && absence.verdict === 'proved';
}

interface TellTools {
  readonly io: CommandIo;
  readonly whole: boolean;
  readonly output: OutputWishes;
}

async function tell(seen: Seen, { io, whole, output }: TellTools): Promise<void> {
  const { exhibit, finding, absence } = seen;
  if (output.json) {
    const { name, title } = exhibit;
    const { found, executions, seconds, verdict } = finding;
    const { violation, schedule } = found ?? {};
    const facts = { name, title, verdict, executions, seconds, violation, schedule };
    tellJson(io, 'MUSEUM_EXHIBIT', {
      ...facts,
      without: absence.verdict,
      asExpected: isGood(seen),
    });
  } else if (whole) {
    tellWhole(seen, io);
  } else {
    io.out(`${isGood(seen) ? 'found  ' : 'MISSED '} ${exhibit.name}: ${inWords(seen)}`);
  }
  const { found } = finding;
  if (!found) return;
  const seed: Seed = {
    title: `${exhibit.id}: ${exhibit.title}`,
    found: found.violation.invariant,
    scenario: found.scenario,
    schedule: found.schedule,
    moves: found.moves,
  };
  const command = `mirrordisk museum ${exhibit.name}`;
  const parts = { seed, trace: traceOf(finding), violation: found.violation, command };
  const written = await draw(parts, output);
  if (!output.json) for (const name of written) io.out(`drawn in ${name}`);
}

function tellWhole(seen: Seen, io: CommandIo): void {
  const { finding, absence } = seen;
  io.out(`\nwith the bug put back: ${searchInWords(finding)}`);
  if (finding.found) {
    const { violation, schedule } = finding.found;
    io.out(`\n${drawTimeline(traceOf(finding), violation, { width: tableWidth(io) })}`);
    io.out(`it takes ${counted(schedule.length, 'choice')}: ${schedule.join(' ') || 'none'}`);
  }
  io.out(`\nwithout it, the same world: ${searchInWords(absence)}`);
}

function inWords({ finding, absence }: Seen): string {
  return `${searchInWords(finding)}; without it ${searchInWords(absence)}`;
}

function searchInWords({ verdict, found, executions, seconds }: Finding): string {
  const effort = `${counted(executions, 'execution')}, ${seconds.toFixed(1)} s`;
  if (found) return `breaks "${found.violation.invariant}" (${effort})`;
  if (verdict === 'proved') return `every schedule keeps every rule (${effort})`;
  return `nothing is found in ${EXECUTIONS_MAX} executions, which proves nothing`;
}

function traceOf({ found }: Finding): Trace {
  const trace = new Trace();
  for (const entry of found?.entries ?? []) trace.add(entry);
  return trace;
}
