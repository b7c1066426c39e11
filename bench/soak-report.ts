/** What the soak says of itself, while it runs and at the end. */

import { formatSize } from '../src/base/units.ts';
import type { Counts } from './soak-counts.ts';
import type { Memory } from './soak-leaks.ts';

/** What is known at the end beside the counts. */
export interface FinalReport {
  readonly seed: number;
  readonly seconds: number;
  readonly memory: {
    readonly warm: Memory | undefined;
    readonly end: Memory;
    readonly bounds: Memory;
  };
}

/** One line for a terminal. */
export function progressLine({ summary }: Counts, seconds: number): string {
  const { rounds, found, verified } = summary;
  const total = rounds.memory + rounds.files + rounds.crash;
  const size = formatSize(verified.bytes + verified.comparedBytes);
  const done = `${Math.round(seconds)} s, ${total} rounds, ${size} verified`;
  return `${done}, ${found.violations} violations`;
}

/** The result in lines. */
export function finalLines(
  { summary, violations }: Counts,
  report: FinalReport,
): readonly string[] {
  const { rounds, outcomes, resumed, kills, verbs, faults, guests, verified, found } = summary;
  const { warm, end, bounds } = report.memory;
  const growth = warm && {
    used: formatGrowth(end.used - warm.used),
    resident: formatGrowth(end.resident - warm.resident),
  };
  return [
    `rounds      ${rounds.memory} on memory, ${rounds.files} on files, ` +
      `${rounds.crash} with crashes`,
    `mirrors     ${outcomes.switched} switched, ${outcomes.finished} finished, ` +
      `${outcomes.cancelled} cancelled, ${outcomes.failed} failed`,
    `resumed     ${resumed.killed} after ${kills.count} kills, ${resumed.closed} after a close`,
    `verbs       ${verbs.accepted} accepted, ${verbs.refused} refused`,
    `faults      ${faults.fired} fired`,
    `guests      ${guests.writes} writes acknowledged, ${formatSize(guests.bytes)}, ` +
      `${guests.errors} failed`,
    `verified    ${verified.blocks} blocks of guests, ${formatSize(verified.bytes)}; ` +
      `${formatSize(verified.comparedBytes)} compared; ` +
      `${verified.momentsUnderDrain} times under the drain`,
    growth
      ? `memory      ${growth.used} used, ${growth.resident} resident since the first minute ` +
        `(bounds ${formatSize(bounds.used)}, ${formatSize(bounds.resident)})`
      : 'memory      not judged: the run was too short',
    ...violations.map(({ round, message }) => `VIOLATION   round ${round}: ${message}`),
    `${found.mismatches} mismatches, ${found.leaks} leaks, ${found.violations} violations; ` +
      `seed ${report.seed}, ${Math.round(report.seconds)} seconds`,
  ];
}

function formatGrowth(bytes: number): string {
  return `${bytes < 0 ? '-' : '+'}${formatSize(Math.abs(bytes))}`;
}
